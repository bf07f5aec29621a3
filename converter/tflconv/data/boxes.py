"""Recognizes sets that say where things are in a picture, not what a whole picture shows.

Such a set has no folder for each class, so reading it fails somewhere or, with masks, makes classes
of what is none. It is called by its name instead. (YOLO, https://docs.ultralytics.com/datasets;
COCO, https://cocodataset.org; Pascal VOC.)
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import PurePosixPath

HINT = (
    "tflconv judges what whole pictures show. Cut the boxes out, each into a folder of its class,"
    " CLASS/x.jpg; name a table of the classes of whole pictures, DIR/labels.csv; or give samples"
    " and answers as arrays: --dataset FILE.npz."
)
_BOXES = {".txt": "boxes of YOLO", ".xml": "boxes of Pascal VOC", ".json": "shapes of labelme"}
_COCO = ("instances_", "person_keypoints_", "stuff_", "panoptic_", "_annotations.coco")
_MASKS = {"mask", "masks", "segmentation", "segmentations", "segmentationclass", "trimaps", "gt"}
_MANY = 0.5
"""Share of pictures that have a file of boxes, or of masks that have a picture."""


def kind(names: Sequence[str], pictures: Collection[str]) -> str | None:
    """Return what a set of files says about places in pictures, None if nothing.

    Args:
        names: All files of the set, as paths.
        pictures: Those of them that are pictures.

    Returns:
        What, with an example: ``boxes of YOLO (such as labels/0.txt)``.

    Example:
        >>> kind(["images/0.jpg", "labels/0.txt"], ["images/0.jpg"])
        'boxes of YOLO (such as labels/0.txt)'
    """
    known = set(pictures)
    others = [name for name in names if name not in known]
    for name in others:
        file = PurePosixPath(name).name
        if file.endswith(".json") and (file.startswith(_COCO) or file == "annotations.json"):
            return f"boxes of COCO (such as {name})"
    stems = {PurePosixPath(name).stem for name in known}
    for suffix, what in _BOXES.items():
        own = [name for name in others if name.endswith(suffix)]
        described = stems & {PurePosixPath(name).stem for name in own}
        if described and len(described) >= _MANY * len(stems):
            example = next(name for name in own if PurePosixPath(name).stem in described)
            return f"{what} (such as {example})"
    return None


def masks(folders: Mapping[str, Sequence[str]]) -> tuple[str, str] | None:
    """Return which of some folders side by side has pictures, and which one their masks.

    Args:
        folders: Names of the files in each, by the name of the folder.

    Example:
        >>> masks({"images": ["images/0.jpg"], "masks": ["masks/0.png"]})
        ('images', 'masks')
    """
    stems = {name: {PurePosixPath(file).stem for file in files} for name, files in folders.items()}
    for name, own in stems.items():
        if name.lower() in _MASKS and own:
            bare = own | {stem.removesuffix("_mask") for stem in own}
            for other, theirs in stems.items():
                if other != name and len(theirs & bare) >= _MANY * len(own):
                    return other, name
    return None
