"""`dedup`: codes -> groups within a radius -> which image of each group to keep."""

import logging
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np

from nachash import codes
from nachash.errors import MissingError
from nachash.grouping.stars import chains, stars
from nachash.images.second_look.agreement import Agreement
from nachash.images.sources.hosts import Hosts
from nachash.images.sources.root import is_below
from nachash.index.reader import open_index
from nachash.records import Progress, silent
from nachash.results.calibration import Calibration
from nachash.results.dedup import Duplicate, Duplicates
from nachash.shapes import Int64
from nachash.tasks.choose_index import chosen_index, named_index
from nachash.tasks.dedup import coded_images
from nachash.tasks.dedup.candidate_radius import candidate_radius
from nachash.tasks.dedup.coded_images import CodedImages, Gallery
from nachash.tasks.dedup.companions import Companions
from nachash.tasks.dedup.keeping import rank
from nachash.tasks.dedup.members import Member, is_gone, members, without_other_names
from nachash.tasks.dedup.options import DedupSettings
from nachash.tasks.dedup.second_look import SecondLook
from nachash.tasks.encoder import Encoder
from nachash.tasks.search.radius import calibration_of, same_photo_radius

_log = logging.getLogger(__name__)

_GONE: Final = "as they cannot be opened any more (index remove --missing, or index relocate)"
_NAMES: Final = "as another name leads to the same file"


@dataclass(frozen=True, slots=True)
class _Gathered:
    gallery: Gallery
    protected: tuple[Path, ...]
    calibration: Calibration | None
    encoder: Encoder
    hosts: Hosts
    companions: Companions = field(default_factory=Companions)


@dataclass(frozen=True, slots=True)
class Searched:
    """What was found, and the encoder that sees whether a file is still what was found."""

    found: Duplicates
    encoder: Encoder


def dedup(settings: DedupSettings, *, progress: Progress = silent) -> Duplicates:
    """The groups that `searched` finds.

    Raises:
        MissingError, DamagedError, IncompatibleError: as it does.
    """
    return searched(settings, progress=progress).found


def searched(settings: DedupSettings, *, progress: Progress = silent) -> Searched:
    """Groups of images that look the same, at least one of each outside the reference folders.

    Every pair of codes within the radius is found, and its pictures are compared before they
    count as the same, but with `codes_only` and where they may not be fetched.
    The keeper is an image of a reference folder, else the one that the policy `keep` prefers. A
    file with several names counts once, an image that is gone not at all, and one that holds
    further frames is a copy of its equals alone.

    Raises:
        MissingError: the source, a reference folder or the model is not there.
        DamagedError, IncompatibleError: the index cannot be read.
    """
    if settings.moving:
        source = named_index(settings.source, "files are moved")
    else:
        source = settings.source or chosen_index(None)
    with ExitStack() as opened:
        gathered = _gathered(source, settings, progress, opened)
        gallery = gathered.gallery
        look: SecondLook | None = None if settings.codes_only else SecondLook(settings.hosts)
        if refusal := "://" in gallery.root and settings.hosts.refusal(gallery.root):
            _log.info(
                "pictures at %s are not compared, codes alone decide: %s", gallery.root, refusal
            )
            look = None
        radius = settings.max_distance
        if radius is None:
            radius, sentence = _radius(gathered, compared=look is not None)
            _log.info(sentence)
        passed: Counter[str] = Counter()
        groups = tuple(_groups(gathered, radius, settings, look, passed, progress))
    found = Duplicates(
        source=str(source),
        root=gallery.root,
        max_distance=radius,
        grouping=settings.grouping,
        bits=gallery.bits,
        images=len(gallery.codes),
        groups=groups,
        skipped=gallery.skipped,
        notes=tuple(f"left out, {what}: {count:,}" for what, count in passed.items() if count),
    )
    return Searched(found, gathered.encoder)


def _radius(gathered: _Gathered, *, compared: bool) -> tuple[int, str]:
    """The radius where none is given, and a sentence about it; wider where pictures decide."""
    gallery = gathered.gallery
    least, sentence = same_photo_radius(gathered.calibration, gallery.bits)
    radius = candidate_radius(gallery.codes, gallery.bits, least) if compared else least
    if radius == least:
        return least, sentence
    return radius, f"radius: {radius} of {gallery.bits} bits (pictures this near are compared)"


def _gathered(
    source: Path, settings: DedupSettings, progress: Progress, opened: ExitStack
) -> _Gathered:
    """Images of the source and of the reference folders that it does not hold already."""
    measured = None
    if source.is_dir():
        images, encoder = coded_images.of_folder(
            str(source),
            settings.model,
            settings.device,
            settings.workers,
            settings.exclude,
            progress=progress,
        )
        first = images.gallery()
    else:
        index = opened.enter_context(open_index(source, check=not settings.no_check))
        first, encoder = coded_images.of_index(index)
        measured = calibration_of(index)
    protected = tuple(_folder(path) for path in settings.reference)
    outside = [path for path in protected if not is_below(first.root, str(path))]
    others = [
        coded_images.encoded(str(path), encoder, settings.workers, progress).gallery()
        for path in outside
    ]
    return _Gathered(
        coded_images.together([first, *others]), protected, measured, encoder, settings.hosts
    )


def _folder(path: Path) -> Path:
    if not path.is_dir():
        raise MissingError(f"the reference folder {path} does not exist", "--reference FOLDER")
    return path.resolve()


def _groups(
    gathered: _Gathered,
    radius: int,
    settings: DedupSettings,
    look: SecondLook | None,
    passed: Counter[str],
    progress: Progress,
) -> Iterator[tuple[Duplicate, ...]]:
    """Groups of which at least one image lies outside the reference folders; counts what is not."""
    from nachash.grouping.components import components

    gallery = gathered.gallery
    label = components(gallery.codes, bits=gallery.bits, radius=radius, progress=progress)
    near = _not_alone(label)
    images = gallery.describe(near)
    for rows in _rows_by_label(label[near]):
        for alike in _of_one_kind(gathered, images, rows, passed):
            compared = _Compared(alike, look, progress)
            for group in _split(images, compared, radius, settings):
                if not all(each.reference for each in group):
                    yield group


def _not_alone(label: Int64[np.ndarray, "n"]) -> Int64[np.ndarray, "k"]:
    """Rows whose label, which is the first row of their group, another row has, too."""
    later = np.flatnonzero(label != np.arange(len(label)))
    found = np.zeros(len(label), bool)
    found[later] = found[label[later]] = True
    return np.flatnonzero(found)


def _rows_by_label(label: Int64[np.ndarray, "n"]) -> Iterator[Int64[np.ndarray, "n"]]:
    """Rows of each group, groups in the order of their first row."""
    order = np.argsort(label, kind="stable")
    borders = np.flatnonzero(np.diff(label[order])) + 1
    return (rows for rows in np.split(order, borders) if len(rows))


def _of_one_kind(
    gathered: _Gathered,
    images: CodedImages,
    rows: Int64[np.ndarray, "n"],
    passed: Counter[str],
) -> Iterator[list[Member]]:
    """Files that are there, each once; those that hold more than a picture beside their equals."""
    found = members(images, rows, gathered.protected, gathered.hosts, gathered.companions)
    there = [each for each in found if not is_gone(each)]
    distinct = without_other_names(there)
    passed[_GONE] += len(found) - len(there)
    passed[_NAMES] += len(there) - len(distinct)
    kinds: dict[str, list[Member]] = {}
    for each in distinct:
        kinds.setdefault(each.contents, []).append(each)
    yield from (kind for kind in kinds.values() if len(kind) > 1)


@dataclass(eq=False, slots=True)
class _Compared:
    """Images with near codes, and what comparing their pictures found, by their places."""

    members: list[Member]
    look: SecondLook | None
    progress: Progress
    found: dict[frozenset[int], Agreement | None] = field(default_factory=dict)

    def confirm(self, one: int, other: int) -> bool:
        """Whether two of them are the same picture."""
        if self.look is None:
            return True
        agreement = self.look.compare(self.members[one], self.members[other])
        self.found[frozenset((one, other))] = agreement
        self.progress("looking at pairs", self.look.looks, None)
        return agreement is not None and agreement.same

    def agreement(self, one: int, other: int) -> float | None:
        """The share in which two of them agree; None where they were not compared."""
        found = self.found.get(frozenset((one, other)))
        return None if found is None else round(found.share, 3)


def _split(
    images: CodedImages, compared: _Compared, radius: int, settings: DedupSettings
) -> Iterator[tuple[Duplicate, ...]]:
    """The groups that some images become, each as its keeper and the others."""
    alike = compared.members
    codes = images.codes[[each.row for each in alike]]
    ranks = [rank(each, settings.keep) for each in alike]
    preference = np.array(sorted(range(len(alike)), key=ranks.__getitem__))
    group = stars if settings.grouping == "stars" else chains
    centre = group(codes, preference, radius, compared.confirm)
    for keeper in sorted(set(centre.tolist())):
        own = np.flatnonzero(centre == keeper)
        if len(own) > 1:
            yield _described(images, compared, own.tolist(), keeper)


def _digest(images: CodedImages, row: int) -> str | None:
    """The digest of a file in hex; None where it is not known."""
    if images.digests is None or row >= len(images.digests) or not images.digests[row].any():
        return None
    return images.digests[row].tobytes().hex()


def _described(
    images: CodedImages, compared: _Compared, places: Sequence[int], keeper: int
) -> tuple[Duplicate, ...]:
    """The keeper, then the others by distance to it and row."""
    group = [compared.members[at] for at in places]
    rows = np.array([each.row for each in group])
    code = images.codes[compared.members[keeper].row]
    distances = codes.popcount(images.codes[rows] ^ code).tolist()
    described = [
        Duplicate(
            path=each.path,
            id=None if images.ids is None or row >= len(images.ids) else int(images.ids[row]),
            distance=distance,
            agreement=compared.agreement(at, keeper),
            width=each.header.width if each.header else None,
            height=each.header.height if each.header else None,
            size=each.size,
            keep=at == keeper,
            reference=each.protected,
            code=images.codes[row].tobytes().hex(),
            mtime_ns=each.mtime_ns,
            digest=_digest(images, row),
        )
        for at, each, row, distance in zip(places, group, rows.tolist(), distances, strict=True)
    ]
    order = sorted(range(len(rows)), key=lambda at: (not described[at].keep, distances[at], at))
    return tuple(described[at] for at in order)
