"""Files below a root, named one by one."""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial

from PIL import Image

from nachash.images.byte_stream import ByteStream
from nachash.images.decoding.formats import opened, opened_file
from nachash.images.limits import HELD_BYTES
from nachash.images.sources.regular_file import contents, kind, stream, trouble
from nachash.images.sources.times import within_64_bits
from nachash.records import Reference, Skipped


@dataclass(frozen=True, slots=True)
class Files:
    """Images on disk; also what the folder and the list of paths become.

    `excluded`: files and folders that were left out by their names.
    """

    root: str
    references: tuple[Reference, ...]
    skipped: tuple[Skipped, ...]
    excluded: tuple[str, ...] = ()

    def open(self, reference: Reference) -> Image.Image:
        """The image in a file, header read and pixels not.

        Raises:
            ImageError: see `formats.opened` and `regular_file.contents`.
        """
        path = os.path.join(self.root, reference.path)  # noqa: PTH118 (speed)
        if reference.size <= HELD_BYTES:
            return opened(contents(path))
        return opened_file(reference.size, partial(stream, path))

    def stream(self, reference: Reference) -> ByteStream:
        """The bytes of a file.

        Raises:
            ImageError: see `regular_file.stream`.
        """
        return stream(os.path.join(self.root, reference.path))  # noqa: PTH118 (speed)


def listed(root: str, path: str) -> Reference | Skipped:
    """One path below a root, as an image to read or as one that cannot be."""
    try:
        status = os.stat(os.path.join(root, path))  # noqa: PTH116, PTH118 (bytes kept, speed)
    except (OSError, ValueError) as error:
        return Skipped(
            path, "not found" if isinstance(error, FileNotFoundError) else trouble(error)
        )
    if unusual := kind(status.st_mode):
        return Skipped(path, unusual)
    if not os.access(os.path.join(root, path), os.R_OK):  # noqa: PTH118
        return Skipped(path, "permission denied")
    return Reference(path, status.st_size, within_64_bits(status.st_mtime_ns))


def source(root: str, paths: Iterable[str]) -> Files:
    """A source of the files at `paths`, relative to `root` with `/`, in the order given.

    A file that is missing, unreadable or not regular stands in `skipped`.
    """
    return gathered(root, (listed(root, path) for path in paths))


def gathered(root: str, entries: Iterable[Reference | Skipped]) -> Files:
    """A source of entries that were listed already."""
    references: list[Reference] = []
    skipped: list[Skipped] = []
    for entry in entries:
        if isinstance(entry, Reference):
            references.append(entry)
        else:
            skipped.append(entry)
    return Files(root, tuple(references), tuple(skipped))
