"""Some images of a source, perhaps under other names."""

import posixpath
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, runtime_checkable

from PIL import Image

from nachash.images.byte_stream import ByteStream
from nachash.records import Reference, Skipped, Source


@runtime_checkable
class FileSource(Source, Protocol):
    """A source of files, which can also be read as they are."""

    def stream(self, reference: Reference) -> ByteStream:
        """An image's file, open for reading.

        Raises:
            ImageError: when it cannot be read, with the reason in a few words.
        """


@runtime_checkable
class LabelledSource(FileSource, Protocol):
    """A source that says what is on its images, such as a WebDataset shard."""

    @property
    def labels(self) -> Mapping[str, str]:
        """The label of each image that has one, by path."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Images of `source` whose paths have `prefix` before them here."""

    source: FileSource
    prefix: str
    references: tuple[Reference, ...]
    skipped: tuple[Skipped, ...] = ()

    @property
    def root(self) -> str:
        """That of the whole source."""
        return self.source.root

    def open(self, reference: Reference) -> Image.Image:
        """The image, as the source opens it."""
        return self.source.open(self._there(reference))

    def stream(self, reference: Reference) -> ByteStream:
        """The image's file, as the source opens it."""
        return self.source.stream(self._there(reference))

    def only(self, references: Sequence[Reference]) -> "Selection":
        """Some of these images, in the order given."""
        return replace(self, references=tuple(references), skipped=())

    def _there(self, reference: Reference) -> Reference:
        return replace(reference, path=reference.path.removeprefix(self.prefix))


def below(source: FileSource, folder: str) -> Selection:
    """All images of a source, the folder before their paths; absolute paths stay as they are."""
    prefix = f"{folder}/" if folder else ""
    return Selection(
        source,
        prefix,
        tuple(replace(each, path=posixpath.join(prefix, each.path)) for each in source.references),
        tuple(replace(each, path=posixpath.join(prefix, each.path)) for each in source.skipped),
    )
