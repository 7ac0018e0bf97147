"""`dedup`: codes -> groups within a radius -> which image of each group to keep."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np

from nachash import codes
from nachash.errors import ImageError, MissingError
from nachash.images.sources.hosts import NONE, Hosts
from nachash.images.sources.originals import opened_at
from nachash.index.reader import open_index
from nachash.records import Progress, silent
from nachash.results.calibration import Calibration
from nachash.results.dedup import Duplicate, Duplicates, Grouping
from nachash.shapes import Int64
from nachash.tasks.choose_index import chosen_index, named_index
from nachash.tasks.dedup import coded_images
from nachash.tasks.dedup.coded_images import CodedImages, Encoder
from nachash.tasks.search.radius import calibration_of, same_photo_radius
from nachash.tasks.search.shown_path import shown

_REQUESTS: Final = 16  # at once


@dataclass(frozen=True, slots=True, kw_only=True)
class DedupSettings:
    """What `dedup` needs to know; the words are those of the command line.

    `moving`: files will be moved, so that the source has to be named. `hosts`: those that
    pictures of an index are fetched from, to see how large they are.
    """

    source: Path | None = None
    max_distance: int | None = None
    grouping: Grouping = "components"
    reference: tuple[Path, ...] = ()
    model: Path | None = None
    device: str = "auto"
    workers: int | None = None
    no_check: bool = False
    moving: bool = False
    hosts: Hosts = NONE


@dataclass(frozen=True, slots=True)
class _Gathered:
    images: CodedImages
    protected: tuple[Path, ...]
    calibration: Calibration | None
    encoder: Encoder
    hosts: Hosts


@dataclass(frozen=True, slots=True)
class Searched:
    """What was found, and the encoder that sees whether a file is still what was found."""

    found: Duplicates
    encoder: Encoder


def dedup(
    settings: DedupSettings, *, choice: Callable[[str], None], progress: Progress = silent
) -> Duplicates:
    """The groups that `searched` finds.

    Raises:
        MissingError, DamagedError, IncompatibleError: as it does.
    """
    return searched(settings, choice=choice, progress=progress).found


def searched(
    settings: DedupSettings, *, choice: Callable[[str], None], progress: Progress = silent
) -> Searched:
    """Groups of images that look the same, at least one of each outside the reference folders.

    Exact: every pair within the radius is found. The keeper is the image of a reference folder,
    else that of the most pixels, of the largest file, of the smallest row.

    Raises:
        MissingError: the source, a reference folder or the model is not there.
        DamagedError, IncompatibleError: the index cannot be read.
    """
    if settings.moving:
        source = named_index(settings.source, "files are moved")
    else:
        source = settings.source or chosen_index(None, choice)
    gathered = _gathered(source, settings, choice, progress)
    images = gathered.images
    if refusal := "://" in images.root and settings.hosts.refusal(images.root):
        choice(f"pictures at {images.root} are not opened: {refusal}")
    radius = settings.max_distance
    if radius is None:
        radius, sentence = same_photo_radius(gathered.calibration, images.bits)
        choice(sentence)
    groups = tuple(_groups(gathered, radius, settings.grouping, progress))
    found = Duplicates(
        source=str(source),
        root=images.root,
        max_distance=radius,
        grouping=settings.grouping,
        bits=images.bits,
        images=len(images.paths),
        groups=groups,
        skipped=images.skipped,
    )
    return Searched(found, gathered.encoder)


def _gathered(
    source: Path, settings: DedupSettings, choice: Callable[[str], None], progress: Progress
) -> _Gathered:
    """Images of the source and of the reference folders that it does not hold already."""
    measured = None
    if source.is_dir():
        first, encoder = coded_images.of_folder(
            str(source),
            settings.model,
            settings.device,
            settings.workers,
            choice=choice,
            progress=progress,
        )
    else:
        first, encoder = coded_images.of_index(source, check=not settings.no_check)
        with open_index(source) as index:
            measured = calibration_of(index)
    protected = tuple(_folder(path) for path in settings.reference)
    outside = [path for path in protected if not path.is_relative_to(first.root)]
    others = [
        coded_images.encoded(str(path), encoder, first.bits, settings.workers, progress)
        for path in outside
    ]
    return _Gathered(
        coded_images.joined([first, *others]), protected, measured, encoder, settings.hosts
    )


def _folder(path: Path) -> Path:
    if not path.is_dir():
        raise MissingError(f"the reference folder {path} does not exist", "--reference FOLDER")
    return path.resolve()


def _groups(
    gathered: _Gathered, radius: int, grouping: Grouping, progress: Progress
) -> Iterator[tuple[Duplicate, ...]]:
    from nachash.grouping.components import components

    images = gathered.images
    label = components(images.codes, bits=images.bits, radius=radius, progress=progress)
    for rows in _rows_by_label(label):
        members = _members(gathered, rows)
        preference = np.array(sorted(range(len(rows)), key=lambda at: _rank(members[at], at)))
        for centre, own in _split(images, rows, preference, radius, grouping):
            group = _described(images, rows[own], [members[at] for at in own], int(rows[centre]))
            if not all(each.reference for each in group):
                yield group


def _rows_by_label(label: Int64[np.ndarray, "n"]) -> Iterator[Int64[np.ndarray, "n"]]:
    """Rows of each group of two or more, groups in the order of their first row."""
    order = np.argsort(label, kind="stable")
    borders = np.flatnonzero(np.diff(label[order])) + 1
    return (rows for rows in np.split(order, borders) if len(rows) > 1)


def _split(
    images: CodedImages,
    rows: Int64[np.ndarray, "n"],
    preference: Int64[np.ndarray, "n"],
    radius: int,
    grouping: Grouping,
) -> Iterator[tuple[int, Int64[np.ndarray, "n"]]]:
    """Keeper and members of each group that a component becomes, as places in `rows`."""
    if grouping == "components":
        yield int(preference[0]), np.arange(len(rows))
        return
    from nachash.grouping.stars import stars

    centre = stars(images.codes[rows], preference, radius)
    for keeper in np.unique(centre):
        own = np.flatnonzero(centre == keeper)
        if len(own) > 1:
            yield int(keeper), own


@dataclass(frozen=True, slots=True)
class _Member:
    path: str
    size: int
    pixels: tuple[int, int] | None
    protected: bool


def _members(gathered: _Gathered, rows: Int64[np.ndarray, "n"]) -> list[_Member]:
    """What is known of some images; several are asked for at once where each takes a request."""
    images = gathered.images
    paths = [shown(images.root, images.paths[row]) for row in rows]
    protected = [
        any(
            Path(images.root, images.paths[row]).is_relative_to(path) for path in gathered.protected
        )
        for row in rows
    ]
    resolution = partial(_resolution, hosts=gathered.hosts)
    if "://" in images.root:
        with ThreadPoolExecutor(_REQUESTS) as threads:
            pixels = list(threads.map(resolution, paths))
    else:
        pixels = [resolution(path) for path in paths]
    columns = zip(paths, images.sizes[rows].tolist(), pixels, protected, strict=True)
    return [_Member(*fields) for fields in columns]


def _resolution(path: str, *, hosts: Hosts) -> tuple[int, int] | None:
    """Width and height in pixels; None when the file cannot be opened any more."""
    try:
        image = opened_at(path, hosts)
    except (ImageError, OSError):
        return None
    with image:
        return image.size


def _rank(member: _Member, at: int) -> tuple[bool, int, int, int]:
    """Smaller is better: reference folders, then many pixels, then a large file."""
    width, height = member.pixels or (0, 0)
    return not member.protected, -width * height, -member.size, at


def _digest(images: CodedImages, row: int) -> str | None:
    """The digest of a file in hex; None where it is not known."""
    if images.digests is None or row >= len(images.digests) or not images.digests[row].any():
        return None
    return images.digests[row].tobytes().hex()


def _described(
    images: CodedImages, rows: Int64[np.ndarray, "n"], members: Sequence[_Member], keeper: int
) -> tuple[Duplicate, ...]:
    """The keeper, then the others by distance to it and row."""
    distances = codes.popcount(images.codes[rows] ^ images.codes[keeper])
    described = [
        Duplicate(
            path=member.path,
            id=None if images.ids is None or row >= len(images.ids) else int(images.ids[row]),
            distance=int(distance),
            width=member.pixels[0] if member.pixels else None,
            height=member.pixels[1] if member.pixels else None,
            size=member.size,
            keep=bool(row == keeper),
            reference=member.protected,
            code=images.codes[row].tobytes().hex(),
            mtime_ns=int(images.times[row]),
            digest=_digest(images, int(row)),
        )
        for row, distance, member in zip(rows, distances, members, strict=True)
    ]
    order = sorted(range(len(rows)), key=lambda at: (rows[at] != keeper, distances[at], rows[at]))
    return tuple(described[at] for at in order)
