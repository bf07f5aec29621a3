"""Take an image classifier from Keras to a phone and prove what it does there.

From a model to a measured file::

    import tflconv

    tflconv.train("mobilenet_v2", "mnist-sample", "digits.keras", epochs=9)
    files = tflconv.convert("digits.keras", ["fp32", "int8"], "models")
    tflconv.verify("digits.keras", files[1]).check(max_drop=0.01)
    results = tflconv.bench(files, "host", record="results.json")
    tflconv.write_report(results, "report.html")

``int8`` is short for ``static_wi8_ai8``; ``list_recipes()`` has all names. A path may be text or a
``Path``; where several are taken, one will do. A dataset is a name (``list_datasets()``), a folder
with one subfolder of pictures per class, or arrays.

The stages: ``train`` makes a ``.keras`` file, ``compress`` a smaller one, ``convert`` the
``.tflite`` files. ``verify`` compares a file with its model, ``bench`` measures it on a device
(``list_devices()``), ``compare`` says whether one is surely faster than another. ``inspect`` shows
what is inside a file. ``study`` runs a whole plan. ``load`` reads results, ``write_report`` draws
them, ``serve`` answers requests.

Values show themselves in a notebook. ``results.to_frame()`` is a pandas table with a row per run,
``results.samples_frame()`` one with a row per sample. Long functions take ``progress``, a function
that is told how far they are. What a user can mend is a ``tflconv.errors.TflconvError`` that says
what to do.
"""

from typing import TYPE_CHECKING, Any

from tflconv._version import __version__

if TYPE_CHECKING:
    from tflconv.api import (
        bench,
        compare,
        compress,
        convert,
        inspect,
        list_datasets,
        list_devices,
        list_models,
        list_recipes,
        load,
        serve,
        study,
        train,
        verify,
        write_report,
    )

__all__ = [
    "__version__",
    "bench",
    "compare",
    "compress",
    "convert",
    "inspect",
    "list_datasets",
    "list_devices",
    "list_models",
    "list_recipes",
    "load",
    "serve",
    "study",
    "train",
    "verify",
    "write_report",
]


_OTHER_WORDS = {
    "evaluate": "verify",
    "benchmark": "bench",
    "quantize": "convert",
    "fit": "train",
    "report": "write_report",
    "read": "load",
}
"""What others call these functions."""


def __dir__() -> list[str]:
    """What ``help`` and completion show."""
    return [*__all__, "__doc__", "__name__", "__path__"]


def __getattr__(name: str) -> Any:
    """Import a stage when it is first used."""
    if name not in __all__:
        import difflib

        near = difflib.get_close_matches(_OTHER_WORDS.get(name, name), __all__, n=1)
        hint = f" Did you mean tflconv.{near[0]}?" if near and not name.startswith("_") else ""
        raise AttributeError(f"module 'tflconv' has no attribute '{name}'.{hint}")
    from tflconv import api

    return getattr(api, name)
