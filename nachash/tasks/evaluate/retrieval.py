"""What `eval-map` measures: labelled queries, the gallery ranked for them, the protocol's name."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from nachash import codes
from nachash.datasets import DataSet
from nachash.errors import DamagedError, IncompatibleError, UsageError
from nachash.index.ragged import Ragged
from nachash.index.reader import Index, open_index
from nachash.index.reading import reading
from nachash.metrics.label_sets import LabelSets, of_multi_hot, of_numbers
from nachash.records import Progress, Skipped, Source, Split
from nachash.shapes import Float32, Int64, UInt8
from nachash.tasks.dataset import source_of
from nachash.tasks.encoder import encoded_batches
from nachash.tasks.model import Model

Activations = Float32[np.ndarray, "n bits"]


@dataclass(frozen=True, slots=True)
class Labelled:
    """Codes with their labels, and the activations that they are the signs of, where known.

    Without labels, the retrieval says itself what is relevant.
    """

    codes: UInt8[np.ndarray, "n bytes"]
    labels: UInt8[np.ndarray, "n classes"] | None
    activations: "Float32[np.ndarray, 'n bits'] | None" = None


@dataclass(frozen=True, slots=True)
class Retrieval:
    """Queries and a gallery; `own` is each query's place in the gallery, where it is there.

    `seen` is how many of the queries the model was trained on, None where nobody knows.
    `relevance` stands for the labels of both where these are sparse. `drawn_from`: the number of
    queries that these were drawn from at random.
    """

    queries: Labelled
    gallery: Labelled
    own: Int64[np.ndarray, "queries"] | None
    bits: int
    protocol: str
    name: str
    seed: int | None = None
    seen: int | None = None
    relevance: LabelSets | None = None
    drawn_from: int | None = None

    @property
    def label_sets(self) -> LabelSets:
        """Which images of the gallery are relevant for which queries."""
        if self.relevance is not None:
            return self.relevance
        assert self.queries.labels is not None
        assert self.gallery.labels is not None
        return of_multi_hot(self.queries.labels, self.gallery.labels)


def leave_one_out(path: Path, *, check: bool = True) -> Retrieval:
    """Each image of an index as a query for all the others.

    Raises:
        UsageError: the index has no labels.
    """
    return reading(path, _leave_one_out, check=check)


def _leave_one_out(index: Index) -> Retrieval:
    labels = _numbers(index, index.path, index.label_names or ())
    everything = Labelled(index.codes(), None)
    return Retrieval(
        everything,
        everything,
        np.arange(index.rows, dtype=np.int64),
        index.bits,
        f"leave-one-out over {index.rows:,} images",
        str(index.path),
        relevance=of_numbers(labels.ends, labels.values, labels.ends, labels.values),
    )


def two_indexes(queries_path: Path, path: Path, *, check: bool = True) -> Retrieval:
    """The images of one index as queries for those of another.

    Raises:
        UsageError: one of them has no labels.
        IncompatibleError: they were made by different encoders.
    """
    with (
        open_index(queries_path, check=check) as queries,
        open_index(path, check=check) as gallery,
    ):
        if queries.fingerprint != gallery.fingerprint:
            raise IncompatibleError(
                f"{queries_path} and {path} were made by different encoders, "
                "so their codes cannot be compared",
                "encode both with the same --model",
            )
        names = tuple(dict.fromkeys((gallery.label_names or ()) + (queries.label_names or ())))
        asked, held = _numbers(queries, queries_path, names), _numbers(gallery, path, names)
        return Retrieval(
            Labelled(queries.codes(), None),
            Labelled(gallery.codes(), None),
            None,
            gallery.bits,
            f"{queries.rows:,} queries of {queries_path} against {gallery.rows:,} images",
            str(path),
            relevance=of_numbers(asked.ends, asked.values, held.ends, held.values),
        )


def of_dataset(
    dataset: DataSet,
    model: Model,
    *,
    protocol: str | None,
    seed: int,
    workers: int | None,
    progress: Progress,
) -> Retrieval:
    """Queries and gallery of a data set's protocol, encoded by a model.

    Raises:
        UsageError: the data set has no such protocol.
        DamagedError: an image cannot be read; a protocol allows no gap.
    """
    split = split_of(dataset, protocol, seed)

    def batches(positions: Int64[np.ndarray, "n"], stage: str) -> Iterator[Activations]:
        return _activations_of(source_of(dataset, positions), model, workers, stage, progress)

    def labels(positions: Int64[np.ndarray, "n"]) -> UInt8[np.ndarray, "n classes"]:
        return dataset.labels.multi_hot[positions]

    queries = np.concatenate(list(batches(split.query, "queries")))
    gallery = np.concatenate([codes.encode(some) for some in batches(split.gallery, "gallery")])

    return Retrieval(
        queries=labelled(queries, labels(split.query)),
        gallery=Labelled(gallery, labels(split.gallery)),
        own=None,
        bits=model.config.bits,
        protocol=protocol_name(dataset, protocol, split),
        name=str(model.directory),
        seed=seed,
    )


def split_of(dataset: DataSet, protocol: str | None, seed: int) -> Split:
    """The split of a data set under a protocol; None is the usual one.

    Raises:
        UsageError: the data set has no protocol of that name.
    """
    name = protocol or dataset.default_protocol
    if name not in dataset.protocols:
        known = "|".join(dataset.protocols)
        raise UsageError(f"{dataset.name} has no protocol '{name}'", f"--protocol {known}")
    return dataset.protocols[name](seed)


def protocol_name(dataset: DataSet, protocol: str | None, split: Split) -> str:
    """Data set, protocol and rule of a split, in words."""
    return f"{dataset.name} {protocol or dataset.default_protocol}: {split.rule}"


def labelled(
    activations: Float32[np.ndarray, "n bits"], labels: UInt8[np.ndarray, "n classes"]
) -> Labelled:
    """Activations with their codes, and labels."""
    return Labelled(codes.encode(activations), labels, activations)


def _activations_of(
    source: Source, model: Model, workers: int | None, stage: str, progress: Progress
) -> Iterator[Activations]:
    """Activations of every image of a source, in its order, a batch at a time.

    Raises:
        DamagedError: an image cannot be read.
    """
    check = partial(require_all, source)
    for _, activations in encoded_batches(
        source, model.encoder, workers=workers, stage=stage, progress=progress, check=check
    ):
        yield activations


def require_all(source: Source, skipped: Iterable[Skipped]) -> None:
    """Refuse a gap, which no protocol allows.

    Raises:
        DamagedError: an image was skipped.
    """
    for image in skipped:
        raise DamagedError(f"{source.root}: {image.path} cannot be read: {image.reason}")


def _numbers(index: Index, path: Path, names: tuple[str, ...]) -> Ragged:
    """Labels of an index, as places in `names`."""
    if index.label_names is None:
        raise UsageError(
            f"{path} has no labels, so nothing says which images are alike",
            "put each class into a folder of its own and encode again, "
            "or nachash encode ./images out.h5 --labels labels.csv",
        )
    found = index.label_numbers()
    place = {name: number for number, name in enumerate(names)}
    places = np.array([place[name] for name in index.label_names], np.int32)
    return Ragged(found.ends, places[found.values])
