"""``tflconv.list_datasets``, ``list_devices``, ``list_models`` and ``list_recipes``."""

from __future__ import annotations

from collections.abc import Sequence

from tflconv import data, device, models, recipe
from tflconv.core import given
from tflconv.data.locating import Location, find
from tflconv.device.kinds import ListedDevice
from tflconv.models import registry
from tflconv.recipe import Quantization


def list_datasets() -> tuple[Location, ...]:
    """Return every dataset that has a name, and whether it is on this computer.

    Example:
        >>> "mnist-sample" in [dataset.name for dataset in list_datasets()]
        True
    """
    return tuple(find(name) for name in data.names())


def list_devices(adb_servers: str | Sequence[str] = ()) -> tuple[ListedDevice, ...]:
    """Return the devices that models can be measured on, ready or not.

    Args:
        adb_servers: adb servers ``HOST:PORT`` that know phones, one or several; by default that of
            this computer.

    Example:
        >>> list_devices()[0].id
        'host'
    """
    return tuple(device.listed(adb_servers=given.names(adb_servers, "adb_servers")))


def list_models() -> dict[str, str]:
    """Return the models that can be trained, by name, with a sentence on each.

    Example:
        >>> "mobilenet_v2" in list_models()
        True
    """
    return {name: registry.summary(name) for name in models.names()}


def list_recipes() -> tuple[Quantization, ...]:
    """Return the ways to quantize a model.

    Example:
        >>> [scheme.scheme for scheme in list_recipes()][:2]
        ['auto', 'fp32']
    """
    return tuple(recipe.SCHEMES.values())
