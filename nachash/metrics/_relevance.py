"""Counting by distance, once for galleries of one label an image and once for many labels."""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from nachash.shapes import Int64, UInt8


@runtime_checkable
class Relevance(Protocol):
    """An order of the gallery, and how to count in it."""

    @property
    def order(self) -> Int64[np.ndarray, "gallery"]:
        """Positions of the gallery, in the order in which they are counted."""

    def count(
        self,
        query: int,
        start: int,
        distances: npt.NDArray[np.unsignedinteger],
        counts: npt.NDArray[np.int64],
    ) -> None:
        """Add a block's distances, items from `start` on, to `counts`: all, relevant."""


def arranged(
    query_labels: UInt8[np.ndarray, "queries classes"],
    gallery_labels: UInt8[np.ndarray, "gallery classes"],
) -> Relevance:
    """The faster of the two ways to count that these labels allow."""
    if (gallery_labels.astype(bool).sum(axis=1) <= 1).all():
        return _by_class(query_labels.astype(bool), gallery_labels.astype(bool))
    return _Shared(
        np.arange(len(gallery_labels)), _packed(query_labels), _packed(gallery_labels).T.copy()
    )


@dataclass(frozen=True, slots=True)
class _ByClass:
    """At most one label an item: the gallery sorted by class, so that classes are slices."""

    order: Int64[np.ndarray, "gallery"]
    classes: list[list[int]]
    bounds: list[int]

    def count(
        self,
        query: int,
        start: int,
        distances: npt.NDArray[np.unsignedinteger],
        counts: npt.NDArray[np.int64],
    ) -> None:
        counts[0] += np.bincount(distances, minlength=counts.shape[1])
        for label in self.classes[query]:
            low, high = self.bounds[label] - start, self.bounds[label + 1] - start
            if low < len(distances) and high > max(low, 0):
                inside = distances[max(low, 0) : high]
                counts[1] += np.bincount(inside, minlength=counts.shape[1])


@dataclass(frozen=True, slots=True)
class _Shared:
    """Many labels an item: an item is relevant when the packed labels have a common one."""

    order: Int64[np.ndarray, "gallery"]
    queries: npt.NDArray[np.uint64]
    gallery: npt.NDArray[np.uint64]

    def count(
        self,
        query: int,
        start: int,
        distances: npt.NDArray[np.unsignedinteger],
        counts: npt.NDArray[np.int64],
    ) -> None:
        counts[0] += np.bincount(distances, minlength=counts.shape[1])
        labels = self.gallery[:, start : start + len(distances)]
        relevant = np.zeros(len(distances), bool)
        for number, word in enumerate(self.queries[query]):
            if word:
                relevant |= (labels[number] & word) != 0
        counts[1] += np.bincount(distances[relevant], minlength=counts.shape[1])


def _by_class(
    query_labels: npt.NDArray[np.bool_], gallery_labels: npt.NDArray[np.bool_]
) -> _ByClass:
    classes = gallery_labels.shape[1]
    # Items without a label stand behind the last class.
    label = np.where(gallery_labels.any(axis=1), gallery_labels.argmax(axis=1), classes)
    order = np.argsort(label, kind="stable")
    bounds = np.searchsorted(label[order], np.arange(classes + 1))
    return _ByClass(order, [np.flatnonzero(row).tolist() for row in query_labels], bounds.tolist())


def _packed(labels: UInt8[np.ndarray, "n classes"]) -> npt.NDArray[np.uint64]:
    """Multi-hot rows as 64-bit words."""
    width = -(-labels.shape[1] // 64) * 64
    padded = np.zeros((len(labels), width), bool)
    padded[:, : labels.shape[1]] = labels
    return np.packbits(padded, axis=1).view(np.uint64)
