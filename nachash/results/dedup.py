"""Records of `dedup`: images of which the same picture exists more than once."""

from dataclasses import dataclass

from nachash.options import Grouping
from nachash.records import Skipped


@dataclass(frozen=True, slots=True)
class Duplicate:
    """An image of a group; `distance` counts bits to the keeper, `size` bytes of the file.

    `agreement` is the share, 0 to 1, in which the picture agrees with the keeper's; None where
    the two were not compared: the keeper, codes alone decided, or a chain links them.
    `width` and `height` are None where the file cannot be opened any more; `id` is None where
    the image is in no index. A `reference` lies in a folder that is never touched. `code` is in
    hex, as is the `digest` of the file's contents where the index has it. `size` and `mtime_ns`
    are those of the file that was encoded.
    """

    path: str
    id: int | None
    distance: int
    width: int | None
    height: int | None
    size: int
    keep: bool
    reference: bool
    code: str
    mtime_ns: int = 0
    digest: str | None = None
    agreement: float | None = None


@dataclass(frozen=True, slots=True)
class Move:
    """A file that `--move-to` takes out of the way, or the reason for which it stays.

    `failed`: it was to be moved, and the system refused. What has the same `together` is one shot
    with its sidecars, and moves as a whole or not at all. `keeper` is what stays in place of it, so
    many bits away; a sidecar has none.
    """

    path: str
    target: str
    reason: str | None = None
    failed: bool = False
    together: str = ""
    keeper: str = ""
    distance: int = 0


@dataclass(frozen=True, slots=True)
class Duplicates:
    """Result of `dedup`: groups, each with its keeper first, the others by distance.

    `root` is the absolute folder that the images of the source lie in.
    """

    source: str
    root: str
    max_distance: int
    grouping: Grouping
    bits: int
    images: int
    groups: tuple[tuple[Duplicate, ...], ...]
    skipped: tuple[Skipped, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def surplus(self) -> int:
        """Images that are neither kept nor in a reference folder."""
        return sum(not (each.keep or each.reference) for group in self.groups for each in group)
