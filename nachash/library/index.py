"""`nachash.Index`: an index file for programs: open or create, add, remove, search."""

import functools
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, final

import numpy as np

from nachash import codes
from nachash.images.sources.hosts import Hosts
from nachash.index import reader, writer
from nachash.index.rows import Changes
from nachash.library import notebook
from nachash.library.encoder import Encoder
from nachash.library.file_addition import add_files
from nachash.library.findings import Duplicates, values
from nachash.library.hits import Hits, names_of
from nachash.library.picture import Picture
from nachash.options import Grouping
from nachash.results.calibration import Calibration
from nachash.results.index import Relocation
from nachash.shapes import Int64, UInt8
from nachash.tasks.index.remove import named
from nachash.tasks.search import nearest
from nachash.tasks.search.nearest import ALL, Wish
from nachash.tasks.search.radius import similar_radius
from nachash.tasks.search.searchable import Searchable

if TYPE_CHECKING:
    from rich.table import Table


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
        return notebook.table(self._facts())

    def _repr_html_(self) -> str:
        return notebook.index(self._facts(), self.paths, self._contents.originals.open)

    def _facts(self) -> list[tuple[str, str]]:
        return [
            ("index", str(self.path)),
            ("images", f"{len(self):,}"),
            ("codes", f"{self.bits} bits"),
            ("labels", "yes" if self._contents.label_names else "none"),
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
        return self._contents.all_paths()

    @property
    def ids(self) -> Int64[np.ndarray, "n"]:
        """The id of every image, ascending."""
        return self._contents.ids

    @property
    def label_names(self) -> tuple[str, ...]:
        """A name for each column of `labels`; none without labels."""
        return self._contents.label_names or ()

    @property
    def labels(self) -> UInt8[np.ndarray, "n classes"]:
        """The labels of every image, a one for each that it has.

        Raises:
            MissingError: the index has no labels.
        """
        return self._contents.labels()

    @functools.cached_property
    def encoder(self) -> Encoder:
        """The encoder inside the index."""
        with reader.open_index(self.path) as index:
            return Encoder(index.encoder, index.preprocessing, index.model)

    def add(self, images: str | Path | Sequence[str | Path]) -> None:
        """Encode image files, or all below a folder; all of them or, after an error, none.

        Where the labels of the index are the names of its folders, new images get theirs.

        Raises:
            ImageError: a file is not there or cannot be decoded.
            UsageError: a file is in the index, or outside its root, or of unknown label.
            StorageError: the disk is full, or another process writes.
        """
        add_files(self.path, self.encoder, images)
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
            rows = named(paths, index)
            gone = {*ids, *index.ids()[rows].tolist()}
            if gone:
                writing.change(Changes(removed=sorted(gone)))
        self._forget()

    def relocate(self, old: str | Path, new: str | Path) -> Relocation:
        """Let the index look below `new` for its images, which were below `old` before.

        Raises:
            UsageError: the images were not below `old`.
            MissingError: none of them lies below `new`.
            StorageError: the index cannot be written.
        """
        from nachash.tasks.index.options import RelocateSettings
        from nachash.tasks.index.relocate import relocate

        settings = RelocateSettings(old=os.fspath(old), new=os.fspath(new), index=self.path)
        result = relocate(settings)
        self._forget()
        return result

    def _forget(self) -> None:
        """Read the file again when it is next needed."""
        self.__dict__.pop("_contents", None)

    def search(
        self,
        pictures: Sequence[Picture] | np.ndarray,
        k: int = 10,
        *,
        where: Sequence[str] = (),
        under: Sequence[str] = (),
        rerank: int | None = None,
    ) -> Hits:
        """The k nearest images of each picture, ordered by (distance, id).

        Only images that fulfil all conditions `where` and lie below a folder of `under`. With
        `rerank`, so many nearest are first put in the order of their asymmetric distances.

        Raises:
            ImageError: a picture cannot be read.
            UsageError: for k below 1, or a condition that makes no sense.
        """
        wish = Wish(k=k, rerank=rerank, where=tuple(where), under=tuple(under))
        return self._asked(pictures, wish)

    def within(
        self,
        pictures: Sequence[Picture] | np.ndarray,
        radius: int | None = None,
        *,
        where: Sequence[str] = (),
        under: Sequence[str] = (),
    ) -> Hits:
        """All images at most `radius` bits from each picture, ordered by (distance, id).

        Without a radius, all that are similar, as far as `calibrate` measured.

        Raises:
            ImageError: a picture cannot be read.
            UsageError: for a negative radius, or a condition that makes no sense.
            MissingError: no radius was given and none was measured.
        """
        if radius is None:
            radius = similar_radius(self._contents.calibration, self.path)
        wish = Wish(k=ALL, radius=radius, where=tuple(where), under=tuple(under))
        return self._asked(pictures, wish)

    def search_codes(
        self,
        queries: UInt8[np.ndarray, "queries bytes"],
        k: int = 10,
        *,
        where: Sequence[str] = (),
        under: Sequence[str] = (),
    ) -> Hits:
        """The k nearest images of each packed code, as `search` gives them.

        Raises:
            UsageError: for k below 1, codes of another length, or a condition that makes no sense.
        """
        wish = Wish(k=k, where=tuple(where), under=tuple(under))
        found = nearest.search(self._contents, queries, wish)
        return Hits(self._contents, [""] * len(queries), found)

    def _asked(self, pictures: Sequence[Picture] | np.ndarray, wish: Wish) -> Hits:
        real = self.encoder.activations(pictures)
        found = nearest.search(self._contents, codes.encode(real), wish, activations=real)
        return Hits(self._contents, names_of(pictures), found)

    def calibrate(
        self, images: int = 300, seed: int = 0, *, allow_hosts: Sequence[str] = ()
    ) -> Calibration:
        """Measure which radius means what, by copies of so many images, and store it.

        `within` and `duplicates` without a radius then use it. Pictures at URLs are fetched only
        from `allow_hosts`.

        Raises:
            MissingError: fewer than two images, or none can be opened any more.
        """
        from nachash.tasks.dedup.calibrate import calibrate
        from nachash.tasks.dedup.options import CalibrateSettings

        settings = CalibrateSettings(
            index=self.path, images=images, seed=seed, hosts=Hosts.of(allow_hosts)
        )
        measured = calibrate(settings)
        self._forget()
        return measured

    def duplicates(
        self,
        radius: int | None = None,
        *,
        grouping: Grouping = "stars",
        codes_only: bool = False,
        reference: Sequence[str | Path] = (),
        allow_hosts: Sequence[str] = (),
    ) -> Duplicates:
        """Groups of images that are the same picture, in each the one to keep first.

        Images with near codes are looked at, a pair at a time; with `codes_only` they are not.
        Without a radius, it is at least the calibrated one, else one bit in 20, and wider where
        that has few more pictures compared.
        Pictures at URLs are looked at, for how large they are, only on `allow_hosts`.
        """
        from nachash.tasks.dedup.dedup import dedup
        from nachash.tasks.dedup.options import DedupSettings

        settings = DedupSettings(
            source=self.path,
            max_distance=radius,
            grouping=grouping,
            codes_only=codes_only,
            reference=tuple(Path(place) for place in reference),
            hosts=Hosts.of(allow_hosts),
        )
        return Duplicates(**values(dedup(settings)))

    @functools.cached_property
    def _contents(self) -> Searchable:
        return Searchable.of(self.path, metadata=True)
