"""Files that belong to a picture: its sidecars, and what the camera wrote of the same shot."""

import os
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, final

from nachash.images.decoding import raw
from nachash.images.decoding.formats import has_image_suffix

_SIDECARS: Final = frozenset(
    {".xmp", ".aae", ".mov", ".mp4", ".thm", ".json", ".pp3", ".dop", ".on1"}
)


@final
@dataclass(slots=True)
class Companions:
    """Looks into each folder once."""

    _folders: dict[Path, dict[str, list[str]]] = field(default_factory=dict)

    def sidecars(self, picture: Path) -> list[Path]:
        """Edits, films and notes of a picture: `IMG_1.xmp` and `IMG_1.jpg.xmp` of `IMG_1.jpg`."""
        return [*self._sidecars(picture, picture.stem), *self._sidecars(picture, picture.name)]

    def shot(self, picture: Path) -> list[Path]:
        """The pictures that can move only together with this one, itself among them.

        A camera's raw file and the pictures beside it, and pictures that share a sidecar.
        """
        beside = [
            each for each in self._named(picture, picture.stem) if has_image_suffix(each.name)
        ]
        pair = any(each.suffix.lower() in raw.SUFFIXES for each in beside)
        shared = next(self._sidecars(picture, picture.stem), None)
        return beside if pair or shared else [picture]

    def _sidecars(self, picture: Path, stem: str) -> Iterator[Path]:
        return (each for each in self._named(picture, stem) if each.suffix.lower() in _SIDECARS)

    def _named(self, picture: Path, stem: str) -> list[Path]:
        folder = picture.parent
        if folder not in self._folders:
            self._folders[folder] = _by_stem(folder)
        return [folder / name for name in self._folders[folder].get(stem.lower(), ())]


def _by_stem(folder: Path) -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    try:
        for name in sorted(os.listdir(folder)):  # noqa: PTH208 (names, not paths)
            found[Path(name).stem.lower()].append(name)
    except OSError:
        return {}
    return found
