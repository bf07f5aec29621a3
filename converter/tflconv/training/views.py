"""Views: what is done to each picture of a data set before a model sees it, drawn by number.

View ``n`` of a training is drawn by NumPy from (seed, n) for all pictures in the order of the data
set, whatever the batches are. So it can be drawn again alone, by a resumed training or for a
teacher, who then sees the pictures of its student bit by bit (Beyer et al. 2021,
https://arxiv.org/abs/2106.05237).

Besides its affine map (``augmentation``) a picture may be mixed with another one, pixel by pixel
(mixup, Zhang et al. 2017) or by a rectangle of it (CutMix, Yun et al. 2019), and have a rectangle
erased (Zhong et al. 2017). Mixed labels are mixed by the same share.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tflconv.data import Split
from tflconv.training.augmentation import Augmentation

Logits = NDArray[np.floating]
Teach = Callable[[int], Logits]
"""Returns what a teacher says about all pictures of the view of this number: ``[n, classes]``."""

_ERASED_AREA = (0.02, 0.33)
"""Least and largest share of a picture that is erased (Zhong et al. 2017)."""
_ERASED_RATIO = (0.3, 3.3)
"""Least and largest height by width of what is erased."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Batch:
    """Pictures and all that is done to them; tensors of TensorFlow or arrays.

    Attributes:
        pixels: uint8 ``[n, height, width, channels]``.
        labels: int64 ``[n]``.
        maps: float32 ``[n, 8]``, the augmentation as ``Augmentation.maps`` draws it.
        partners: The pictures that they are mixed with, their labels and maps; None for none.
        share: float32 ``[n]``, the share of the first picture in a mixture; of CutMix in area.
        boxes: int32 ``[n, 4]``, top, left, bottom, right of what CutMix takes from the partner;
            empty where pixels are mixed.
        erased: int32 ``[n, 4]``, the rectangle that is erased; None for none.
        logits: What a teacher says about this view ``[n, classes]``; None for none.
    """

    pixels: Any
    labels: Any
    maps: Any
    partners: tuple[Any, Any, Any] | None = None
    share: Any = None
    boxes: Any = None
    erased: Any = None
    logits: Any = None

    def tensors(self) -> dict[str, Any]:
        """Return the fields that are not None, as a compiled function of TensorFlow takes them."""
        return {key: value for key, value in vars(self).items() if value is not None}


@dataclass(frozen=True, kw_only=True, eq=False)
class SplitView:
    """One view of all pictures of a split, in the order of the split; fields as in ``Batch``."""

    maps: NDArray[np.float32]
    partners: NDArray[np.int64] | None = None
    share: NDArray[np.float32] | None = None
    boxes: NDArray[np.int32] | None = None
    erased: NDArray[np.int32] | None = None

    def batch(
        self, split: Split, chosen: NDArray[np.integer], logits: Logits | None = None
    ) -> Batch:
        """Return the ``chosen`` pictures of ``split`` with what this view does to them.

        Args:
            split: The pictures.
            chosen: Their indices ``[n]``.
            logits: What a teacher says about this view of all pictures.
        """
        others = None if self.partners is None else self.partners[chosen]
        return Batch(
            pixels=split.images[chosen],
            labels=split.labels[chosen],
            maps=self.maps[chosen],
            partners=None
            if others is None
            else (split.images[others], split.labels[others], self.maps[others]),
            share=None if self.share is None else self.share[chosen],
            boxes=None if self.boxes is None else self.boxes[chosen],
            erased=None if self.erased is None else self.erased[chosen],
            logits=None if logits is None else logits[chosen].astype(np.float32),
        )


@dataclass(frozen=True, kw_only=True)
class Views:
    """What decides the views of a training.

    Attributes:
        limits: Limits of the affine maps.
        mixup: Parameter of the Beta distribution of mixup's shares; 0 for none.
        cutmix: The same of CutMix; where both are given, each picture gets one of them by a coin.
        erasing: Probability with which a rectangle of a picture is erased.
        seed: Seed of all that is drawn.
    """

    limits: Augmentation
    mixup: float = 0.0
    cutmix: float = 0.0
    erasing: float = 0.0
    seed: int = 0

    @classmethod
    def of(cls, settings: Any, allowed: Mapping[str, Any]) -> Views:
        """Return the views that the ``settings`` of a training ask for.

        Args:
            settings: Has ``augment`` and ``seed``, and may have ``mixup``, ``cutmix``, ``erasing``.
            allowed: What the card of the data set allows.
        """
        limits = Augmentation.of(allowed) if settings.augment else Augmentation.none()
        extra = {key: getattr(settings, key, 0.0) for key in ("mixup", "cutmix", "erasing")}
        return cls(limits=limits, seed=settings.seed, **extra)

    @property
    def is_plain(self) -> bool:
        """Whether every picture is seen as it is."""
        mixes = self.mixup or self.cutmix or self.erasing
        return not mixes and self.limits == Augmentation.none()

    def to_json(self) -> dict[str, Any]:
        """Return what decides the views."""
        return asdict(self)

    def draw(self, number: int, count: int, size: tuple[int, int]) -> SplitView:
        """Draw the view of this ``number`` for ``count`` pictures of a ``size`` in pixels.

        Example:
            >>> views = Views(limits=Augmentation.none(), mixup=0.2)
            >>> bool((views.draw(3, 5, (8, 8)).share == views.draw(3, 5, (8, 8)).share).all())
            True
        """
        random = np.random.default_rng((self.seed, number, 1))
        maps = self.limits.maps(count, size, random)
        mixed = self._mixed(count, size, random) if self.mixup or self.cutmix else {}
        erased = self._erased(count, size, random) if self.erasing else None
        return SplitView(maps=maps, erased=erased, **mixed)

    def _mixed(
        self, count: int, size: tuple[int, int], random: np.random.Generator
    ) -> dict[str, Any]:
        partners = random.permutation(count)
        chance = 0.5 if self.mixup and self.cutmix else float(bool(self.cutmix))
        cut = random.random(count) < chance
        shares = [random.beta(alpha or 1, alpha or 1, count) for alpha in (self.mixup, self.cutmix)]
        share = np.where(cut, shares[1], shares[0])
        sides = np.sqrt(1 - share)[:, np.newaxis] * size
        boxes = np.where(cut[:, np.newaxis], _boxes(sides, size, random), 0)
        area = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1]) / (size[0] * size[1])
        share = np.where(cut, 1 - area, share)
        return {
            "partners": partners,
            "share": share.astype(np.float32),
            "boxes": boxes.astype(np.int32),
        }

    def _erased(
        self, count: int, size: tuple[int, int], random: np.random.Generator
    ) -> NDArray[np.int32]:
        area = random.uniform(*_ERASED_AREA, count) * size[0] * size[1]
        low, high = np.log(_ERASED_RATIO)
        ratio = np.exp(random.uniform(low, high, count))
        sides = np.stack([np.sqrt(area * ratio), np.sqrt(area / ratio)], axis=1)
        boxes = _boxes(sides, size, random)
        chosen = random.random(count) < self.erasing
        return np.where(chosen[:, np.newaxis], boxes, 0).astype(np.int32)


def _boxes(
    sides: NDArray[np.float64], size: tuple[int, int], random: np.random.Generator
) -> NDArray[np.int64]:
    """Rectangles of these ``sides`` about random points, cut at the edges of the picture."""
    middle = random.random((len(sides), 2)) * size
    ends = [np.rint(middle + sign * sides / 2) for sign in (-1, 1)]
    corners = np.concatenate([np.clip(end, 0, size) for end in ends], axis=1)
    return corners.astype(np.int64)
