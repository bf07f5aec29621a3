"""Cut a trained network to given widths, the channels of least magnitude first.

    python cut.py resnet-w32-cifar-10.keras OUT.keras 16,16,16,16,48,48,48,48,80,64,48,48

The widths are those of the families of channels in the order of their layers: here of each stage
its residual stream, then what is inside of its blocks. ``tflconv compress`` chooses widths by
itself; these were chosen by hand, by counted instructions and bytes.
"""

from __future__ import annotations

import sys
from pathlib import Path

from tflconv.compression import choosing, importance
from tflconv.compression.channel_graph import channel_graph
from tflconv.compression.channels import read_with_layers
from tflconv.compression.cutting import cut
from tflconv.model.card import require_card
from tflconv.model.opening import open_model
from tflconv.training.saving import write_model


def main(source: Path, target: Path, widths: list[int]) -> None:
    """Write the network of ``source`` with ``widths`` to ``target``."""
    model = open_model(source).model
    graph = channel_graph(*read_with_layers(model, resolution=None))
    families = choosing.families(graph, importance.by_magnitude(graph))
    removed = {
        label
        for family, width in zip(families, widths, strict=True)
        for label in family.labels[: len(family.labels) - width]
    }
    write_model(target, cut(model, graph, removed, custom_objects=None), require_card(source))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), [int(width) for width in sys.argv[3].split(",")])
