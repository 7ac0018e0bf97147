"""`nachash.Index`: an index file for programs: open or create, add, remove, search."""

import functools
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, final

import numpy as np

from nachash import plugins
from nachash.engines import Engine
from nachash.errors import ImageError, UsageError
from nachash.images import files
from nachash.index import reader, writer
from nachash.index.rows import Changes
from nachash.records import Hit, Hits
from nachash.shapes import Int64, UInt8
from nachash.tasks import index_card
from nachash.tasks.index.remove import named
from nachash.tasks.picture import Picture
from nachash.tasks.shown_path import shown
from nachash.tasks.trained_encoder import Encoder

if TYPE_CHECKING:
    from rich.table import Table


@dataclass(frozen=True, slots=True)
class _Contents:
    codes: UInt8[np.ndarray, "n bytes"]
    ids: Int64[np.ndarray, "n"]
    paths: list[str]
    root: str
    bits: int
    labelled: bool


@final
class Index:
    """Codes of images in one HDF5 file, with their encoder; read when first needed."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def open(cls, path: str | Path) -> "Index":
        """An index that exists.

        Raises:
            MissingError, DamagedError, IncompatibleError, StorageError: it cannot be read.
        """
        reader.open_index(Path(path)).close()
        return cls(Path(path))

    @classmethod
    def create(cls, path: str | Path, encoder: Encoder, root: str | Path = ".") -> "Index":
        """A new empty index; paths of its images are kept relative to `root`.

        Raises:
            ExistsError: there is such a file; it is not touched.
            StorageError: it cannot be written.
        """
        writer.create(
            Path(path),
            bits=encoder.bits,
            preprocessing=encoder.preprocessing,
            encoder=encoder.onnx,
            model=encoder.config,
            root=str(Path(root).resolve()),
        ).close()
        return cls(Path(path))

    def __len__(self) -> int:
        return len(self._contents.ids)

    def __repr__(self) -> str:
        return f"Index({str(self.path)!r}, {len(self):,} images, {self.bits} bits)"

    def __rich__(self) -> "Table":
        return index_card.table(self._facts())

    def _repr_html_(self) -> str:
        return index_card.html(self._facts(), self._contents.root, self.paths)

    def _facts(self) -> list[tuple[str, str]]:
        return [
            ("index", str(self.path)),
            ("images", f"{len(self):,}"),
            ("codes", f"{self.bits} bits"),
            ("labels", "yes" if self._contents.labelled else "none"),
            ("root", self._contents.root),
        ]

    @property
    def bits(self) -> int:
        """Length of the codes."""
        return self._contents.bits

    @property
    def codes(self) -> UInt8[np.ndarray, "n bytes"]:
        """The code of every image."""
        return self._contents.codes

    @property
    def paths(self) -> list[str]:
        """The path of every image, relative to the folder that the index was made of."""
        return self._contents.paths

    @functools.cached_property
    def encoder(self) -> Encoder:
        """The encoder inside the index."""
        with reader.open_index(self.path) as index:
            return Encoder(index.encoder, index.preprocessing, index.model)

    def add(self, paths: Sequence[str | Path]) -> None:
        """Encode image files and append them; all of them or, after an error, none.

        Raises:
            ImageError: a file is not there or cannot be decoded.
            UsageError: the images of the index have labels, or a file lies outside its root.
            StorageError: the disk is full, or another process writes.
        """
        contents = self._contents
        if contents.labelled:
            raise UsageError(
                f"{self.path} has labels, and `add` knows none", "nachash encode the whole folder"
            )
        names = [_below(Path(path), Path(contents.root)) for path in paths]
        listed = files.source(contents.root, names)
        if listed.skipped:
            raise ImageError(f"{listed.skipped[0].path}: {listed.skipped[0].reason}")
        found = self.encoder.encode([os.fspath(path) for path in paths])
        with writer.open_for_append(self.path) as index:
            index.append(found, listed.references)
        self._forget()

    def remove(self, images: Sequence[int | str | Path]) -> None:
        """Let no search find some images any more; all of them or, after an error, none.

        An image is named by its id, or by its path as in the index or from here; a folder stands
        for all below it. Ids are not used again; `nachash index compact` gives the room back.

        Raises:
            MissingError: an id or path that is not in the index.
            StorageError: another process writes.
        """
        ids = [image for image in images if isinstance(image, int)]
        paths = [os.fspath(image) for image in images if not isinstance(image, int)]
        with writer.open_for_append(self.path) as writing, reader.open_index(self.path) as index:
            index.positions_of_ids(np.array(ids, np.int64))
            rows = named(paths, index, index.all_paths() if paths else [])
            gone = {*ids, *index.ids()[rows].tolist()}
            if gone:
                writing.change(Changes(removed=sorted(gone)))
        self._forget()

    def _forget(self) -> None:
        """Read the file again when it is next needed."""
        self.__dict__.pop("_contents", None)
        self.__dict__.pop("_engine", None)

    def search(self, pictures: Sequence[Picture] | np.ndarray, k: int = 10) -> list[list[Hit]]:
        """The k nearest images of each picture, ordered by (distance, id).

        Raises:
            ImageError: a picture cannot be read.
            UsageError: for k below 1.
        """
        return self._described(pictures, self._engine.search(self.encoder.encode(pictures), k))

    def within(self, pictures: Sequence[Picture] | np.ndarray, radius: int) -> list[list[Hit]]:
        """All images at most `radius` bits from each picture, ordered by (distance, id).

        Raises:
            ImageError: a picture cannot be read.
            UsageError: for a negative radius.
        """
        return self._described(pictures, self._engine.within(self.encoder.encode(pictures), radius))

    @functools.cached_property
    def _contents(self) -> _Contents:
        with reader.open_index(self.path) as index:
            return _Contents(
                codes=index.codes(),
                ids=index.ids(),
                paths=index.all_paths(),
                root=index.root,
                bits=index.bits,
                labelled=index.has_labels,
            )

    @functools.cached_property
    def _engine(self) -> Engine:
        engine: Engine = plugins.load("engines", "faiss-flat").build(
            self._contents.codes, ids=self._contents.ids, bits=self.bits
        )
        return engine

    def _described(self, pictures: Sequence[Picture] | np.ndarray, hits: Hits) -> list[list[Hit]]:
        rows = []
        for number, picture in enumerate(pictures):
            distances, ids = hits.row(number)
            places = np.searchsorted(self._contents.ids, ids)
            name = os.fspath(picture) if isinstance(picture, str | os.PathLike) else ""
            rows.append(
                [
                    Hit(name, rank, int(identifier), self._path(int(place)), int(distance))
                    for rank, (distance, identifier, place) in enumerate(
                        zip(distances, ids, places, strict=True), start=1
                    )
                ]
            )
        return rows

    def _path(self, place: int) -> str:
        return shown(self._contents.root, self._contents.paths[place])


def _below(path: Path, root: Path) -> str:
    full = Path(os.path.abspath(path))  # noqa: PTH100 (links keep their names)
    if not full.is_relative_to(root):
        raise UsageError(
            f"{path} does not lie below {root}, which the paths of the index are relative to",
            "create the index with another root",
        )
    return full.relative_to(root).as_posix()
