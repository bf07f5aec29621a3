"""``tflconv.study``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tflconv.core import given
from tflconv.core.given import AnyPath
from tflconv.core.parameters import suggests_parameters
from tflconv.core.progress import Callback, silent
from tflconv.core.text import file_name
from tflconv.pipeline import demonstration, planning
from tflconv.pipeline.measuring import results_of
from tflconv.pipeline.plan import Plan
from tflconv.pipeline.planning import Parts
from tflconv.results import Results


@suggests_parameters
def study(
    plan: AnyPath,
    output: AnyPath | None = None,
    *,
    quick: bool = False,
    devices: str | Sequence[str] = (),
    adb: str | None = None,
    adb_servers: str | Sequence[str] = (),
    runtime: AnyPath | None = None,
    history: AnyPath | None = None,
    again: bool = False,
    progress: Callback = silent,
) -> Results:
    """Run a plan from data to report, or several as the parts of a study.

    Args:
        plan: A TOML file, a plan or one that names the plans of its parts; or ``demo``, the plan
            that comes with tflconv.
        output: Folder for models, results, plots and report; by default the name of the plan.
        quick: Run it small, as the table ``quick`` of the plan says.
        devices: Devices to measure on besides those of the plan, one or several.
        adb: The adb program; by default that of ``$ADB`` or the path.
        adb_servers: adb servers ``HOST:PORT`` that know phones, one or several.
        runtime: LiteRT for a phone: its ``.aar`` or ``libLiteRt.so`` for arm64.
        history: A history that each run is kept in, too.
        again: Measure again what was measured before.
        progress: Is told what each model is at.

    Returns:
        One run per file and device, with raw samples; models of a part are called ``PART/NAME``.

    Raises:
        UsageError: The plan has a mistake; nothing was trained yet.
        TflconvError: Nothing could be measured.

    Example:
        >>> study("demo").runs[0].device.id  # doctest: +SKIP
        'host'
    """
    from tflconv.pipeline import parts

    named = given.names(devices, "devices")
    loaded: Plan | Parts
    if str(plan) == "demo":
        bundled = demonstration.plan(counted=demonstration.obstacle() is None)
        loaded = planning.changed(bundled, devices=named, quick=quick)
    else:
        loaded = planning.study(Path(plan), devices=named, quick=quick)
    outcome = parts.run(
        loaded,
        given.path(output) or Path(file_name(loaded.name)),
        adb=adb,
        adb_servers=given.names(adb_servers, "adb_servers"),
        runtime=given.path(runtime),
        history=given.path(history),
        again=again,
        progress=progress,
    )
    return results_of(outcome.results, outcome.failures)
