"""Whether a file is still the picture that was encoded; asked before anything is done to it."""

import hashlib
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import final

import numpy as np

from nachash.errors import ImageError
from nachash.images.decoding import formats
from nachash.images.decoding.decode import decode
from nachash.images.sources import regular_file
from nachash.images.sources.times import within_64_bits
from nachash.index.storage.layout import DIGEST_BYTES
from nachash.results.dedup import Duplicate
from nachash.tasks.encoder import Encoder

_CHANGED = "it has changed since it was encoded"

State = tuple[int, int, int, int]  # what tells one file and its contents from another


def state(path: str | Path) -> State:
    """Device, number, size and time of change of a file, which a link to it shares."""
    found = os.lstat(path)
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


def trouble(image: Duplicate, roots: Sequence[Path]) -> str | None:
    """Why a file cannot be the one that was encoded, as far as its name and its facts tell.

    `roots` are real folders, of which one has to hold it.
    """
    if "://" in image.path:
        return "it does not lie on this machine"
    place = Path(image.path)
    try:
        if not os.path.lexists(place):
            return "it is gone, or lies in an archive"
        if ".." in place.parts:
            return "its path leads upwards"
        if place.is_symlink():
            return "it is a link"
        if not any(place.resolve().is_relative_to(root) for root in roots):
            return f"it does not lie below {roots[0]}"
        status = place.lstat()
    except (OSError, RuntimeError, ValueError) as error:
        return regular_file.trouble(error)
    if unusual := regular_file.kind(status.st_mode):
        return f"it is {unusual}"
    changed = within_64_bits(status.st_mtime_ns)
    same = (status.st_size, changed) == (image.size, image.mtime_ns)
    return None if same else _CHANGED


@final
@dataclass(slots=True)
class Recognition:
    """Reads files again and compares them with what was encoded."""

    roots: Sequence[Path]
    encoder: Encoder
    _seen: dict[str, tuple[State, int]] = field(default_factory=dict)

    def state_of(self, image: Duplicate) -> State:
        """The state of a file that was looked at now, or since when it has not been touched.

        Raises:
            ImageError: it is not a picture, not in its place, or not what was encoded; why.
        """
        if reason := trouble(image, self.roots):
            raise ImageError(reason)
        try:
            now = state(image.path), os.lstat(image.path).st_ctime_ns
            if self._seen.get(image.path) != now:
                self._compare(image)
                if state(image.path) != now[0]:
                    raise ImageError(_CHANGED)
                self._seen[image.path] = now
        except OSError as error:
            raise ImageError(regular_file.trouble(error)) from error
        return now[0]

    def _compare(self, image: Duplicate) -> None:
        """The picture is decoded in any case; its code is compared where no digest is known."""
        contents = regular_file.contents(image.path)
        try:
            pixels = decode(formats.opened(contents), self.encoder.preprocessing)
        except ImageError as error:
            raise ImageError(f"it is not a picture that can be read: {error.sentence}") from error
        if image.digest is not None:
            same = hashlib.blake2b(contents, digest_size=DIGEST_BYTES).hexdigest() == image.digest
        else:
            code = self.encoder.codes(np.stack([pixels]))
            same = code.tobytes().hex() == image.code
        if not same:
            raise ImageError(_CHANGED)


Look = Callable[[Duplicate], State]
