"""Surplus images out of the way: planned first, then moved; nothing is deleted or replaced.

A file is moved only while it and its keeper are what was encoded, and together with what belongs to
it. What was moved is written down in the target folder, so that it can be moved back.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from nachash.errors import ImageError, UsageError
from nachash.images.sources.regular_file import trouble
from nachash.records import Progress, silent
from nachash.results.dedup import Duplicate, Duplicates, Move
from nachash.tasks.dedup import encoded_file
from nachash.tasks.dedup.companions import Companions
from nachash.tasks.dedup.encoded_file import Look, State
from nachash.tasks.dedup.move_log import MOVED, MoveLog, Row
from nachash.tasks.dedup.relocation import (
    free_names,
    make_folders,
    move_file,
    remove_empty,
)


def check(target: Path, references: Sequence[Path]) -> None:
    """Refuse a folder to move to, before any work.

    Raises:
        UsageError: it is a file, or lies in a reference folder.
    """
    if target.exists() and not target.is_dir():
        raise UsageError(f"{target} is not a folder", "--move-to duplicates")
    if any(target.resolve().is_relative_to(folder.resolve()) for folder in references):
        raise UsageError(
            f"{target} lies in a reference folder, and those are never touched",
            "--move-to another folder",
        )


def roots(found: Duplicates, references: Sequence[Path]) -> tuple[Path, ...]:
    """The real folders that hold the images of a search, its own first."""
    return (Path(found.root).resolve(), *(folder.resolve() for folder in references))


def plan(found: Duplicates, target: Path, references: Sequence[Path]) -> tuple[Move, ...]:
    """Where each surplus image would go, or why it has to stay; nothing is changed or read.

    Sidecars and the raw file of the same shot go with their picture, or it stays with them.

    Raises:
        UsageError: the target is a file, or lies in a reference folder.
    """
    check(target, references)
    places = roots(found, references)
    moves = [move for group in found.groups for move in _of_group(group, places, target)]
    companions = Companions()
    going = {_real(move.path) for move in moves if move.reason is None}
    moves = [_with_its_shot(move, going, companions) for move in moves]
    return tuple(_with_targets(moves, companions, places[0], target))


def _of_group(group: Sequence[Duplicate], places: Sequence[Path], target: Path) -> Iterator[Move]:
    files = [_file(each.path) for each in group]
    about_keeper = _about_keeper(group[0], encoded_file.trouble(group[0], places))
    for each, file in zip(group, files, strict=True):
        if each.keep or each.reference:
            continue
        reason = encoded_file.trouble(each, places)
        if reason is None and files.count(file) > 1:
            reason = "another name in its group leads to the same file"
        reason = reason or about_keeper
        if reason is None and _real(each.path).is_relative_to(target.resolve()):
            reason = "it lies there already"
        yield Move(
            each.path,
            _wanted(_real(each.path), places[0], target),
            reason,
            keeper=group[0].path,
            distance=each.distance,
        )


def _real(path: str) -> Path:
    return Path(os.path.realpath(path))


def _file(path: str) -> tuple[int, int] | str:
    """What all names of a file have in common; the path itself where there is no file."""
    try:
        status = os.stat(path)  # noqa: PTH116 (names need not be valid text)
    except (OSError, ValueError):
        return path
    return status.st_dev, status.st_ino


def _about_keeper(keeper: Duplicate, reason: str | None) -> str | None:
    return None if reason is None else f"its keeper {keeper.path}: {reason}"


def _wanted(place: Path, root: Path, target: Path) -> str:
    """The same place below the target as below the root."""
    return str(target / (place.relative_to(root) if place.is_relative_to(root) else place.name))


def _with_its_shot(move: Move, going: set[Path], companions: Companions) -> Move:
    """A move that other files of the same shot join; none where one of its pictures stays."""
    if move.reason is not None:
        return move
    picture = _real(move.path)
    shot = companions.shot(picture)
    for each in shot:
        if each not in going:
            return replace(move, reason=f"it belongs to {each.name}, which stays")
    alone = len(shot) == 1 and not companions.sidecars(picture)
    return move if alone else replace(move, together=str(picture.with_suffix("")).lower())


def _with_targets(
    moves: Sequence[Move], companions: Companions, root: Path, target: Path
) -> Iterator[Move]:
    """The moves with names that are free, and behind the pictures of a shot their sidecars."""
    taken: set[Path] = set()
    for unit in _units(moves):
        if unit[0].reason is not None:
            yield from unit
            continue
        sidecars = _sidecars(unit, companions) if unit[0].together else []
        files = [*unit, *(_beside(each, root, target, unit[0]) for each in sidecars)]
        stem = Path(unit[0].target).stem
        names = free_names([Path(each.target) for each in files], stem, taken)
        taken.update(names)
        yield from (replace(each, target=str(to)) for each, to in zip(files, names, strict=True))


def _units(moves: Sequence[Move]) -> Iterator[list[Move]]:
    """What moves together, in the order of the first of each."""
    units: dict[str, list[Move]] = {}
    for move in moves:
        units.setdefault(move.together or f"alone {move.path}", []).append(move)
    yield from units.values()


def _sidecars(unit: Sequence[Move], companions: Companions) -> list[Path]:
    found = (each for move in unit for each in companions.sidecars(Path(move.path)))
    return [*dict.fromkeys(found)]


def _beside(sidecar: Path, root: Path, target: Path, move: Move) -> Move:
    return Move(
        str(sidecar), _wanted(_real(str(sidecar)), root, target), None, together=move.together
    )


def move(
    found: Duplicates,
    planned: Sequence[Move],
    target: Path,
    look: Look,
    progress: Progress = silent,
) -> tuple[Move, ...]:
    """Carry out a plan; what became of each file, in the order of the plan.

    `look` reads a file once more and raises ImageError where it is not what was encoded. Both a
    file and its keeper are looked at just before. A file that cannot be moved stays, whole, and
    what belongs to it with it; the others are moved.
    """
    pairs = {
        each.path: (each, group[0])
        for group in found.groups
        for each in group
        if not (each.keep or each.reference)
    }
    done: list[Move] = []
    with MoveLog(target) as log:
        for unit in _units(planned):
            done += unit if unit[0].reason else _carried_out(unit, pairs, look, log)
            progress("moving", len(done), len(planned))
        for each in done:
            if each.reason is not None:
                log.leave(_row(each, f"left: {each.reason}"))
    return tuple(done)


def _carried_out(
    unit: Sequence[Move],
    pairs: Mapping[str, tuple[Duplicate, Duplicate]],
    look: Look,
    log: MoveLog,
) -> list[Move]:
    """Move what moves together, all of it or nothing."""
    try:
        states = [_state(each, pairs, look) for each in unit]
        _move_together(unit, states, log)
    except ImageError as error:
        return [replace(each, reason=error.sentence) for each in unit]
    except OSError as error:
        reason = f"it cannot be moved: {trouble(error)}"
        return [replace(each, reason=reason, failed=True) for each in unit]
    return [*unit]


def _state(planned: Move, pairs: Mapping[str, tuple[Duplicate, Duplicate]], look: Look) -> State:
    """The state of a file just before it moves.

    Raises:
        ImageError: it or its keeper is not what was encoded.
    """
    if planned.path not in pairs:
        if Path(planned.path).is_symlink():
            raise ImageError(f"{planned.path} is a link")
        return encoded_file.state(planned.path)
    image, keeper = pairs[planned.path]
    try:
        look(keeper)
    except ImageError as error:
        raise ImageError(_about_keeper(keeper, error.sentence) or "") from error
    return look(image)


def _move_together(unit: Sequence[Move], states: Sequence[State], log: MoveLog) -> None:
    """Each move is written down before it is made, so that the table knows of every file."""
    log.open()
    moved: list[Move] = []
    with log.written([_row(each, MOVED) for each in unit]):
        made = make_folders(Path(unit[0].target).parent)
        try:
            for each, state in zip(unit, states, strict=True):
                move_file(_real(each.path), Path(each.target), state)
                moved.append(each)
        except BaseException:
            for each in reversed(moved):
                move_file(Path(each.target), _real(each.path), encoded_file.state(each.target))
            remove_empty(made)
            raise


def _row(each: Move, event: str) -> Row:
    return Row(str(_real(each.path)), str(Path(each.target).resolve()), event)
