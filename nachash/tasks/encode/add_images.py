"""Encodes what a source has and an index has not; `encode` and `index add` are made of it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from nachash.errors import InterruptedRunError
from nachash.images.sources.selection import Selection
from nachash.index import writer
from nachash.index.ragged import Ragged
from nachash.index.reader import open_index
from nachash.index.renaming import rename
from nachash.index.rows import Changes
from nachash.records import Labels, Progress, Skipped
from nachash.shapes import UInt8
from nachash.tasks.encode.coded_batches import CodedBatch, coded_batches
from nachash.tasks.encode.label_columns import numbered
from nachash.tasks.encode.plan import Plan, digest, plan
from nachash.tasks.encode.renames import renames
from nachash.tasks.encode.write_behind import WriteBehind
from nachash.tasks.encoder import Encoder


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """Where images come from, how they are encoded, and what is recorded of them besides.

    An index that has metadata gets it for its new images, too.
    """

    index: Path
    source: Selection
    encoder: Encoder
    labels: Labels | None
    batch_size: int
    workers: int
    by_content: bool = False
    metadata: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """How many images were added, encoded again, and left as they were; `images` are live now.

    Of those left as they were, `renamed` have another path.
    """

    added: int
    changed: int
    unchanged: int
    images: int
    skipped: tuple[Skipped, ...]
    renamed: int = 0


def _follow_renames(work: Work) -> int:
    """Give files that are elsewhere now their new paths in the index; how many there are."""
    writer.finish(work.index)  # one that cannot be written is told before the work
    with open_index(work.index) as known:
        names = renames(known, work.source)
    if names:
        rename(work.index, names)
    return len(names)


def add_images(work: Work, progress: Progress) -> Outcome:
    """Encode new and changed images into an index, batch by batch, each wholly or not at all.

    Raises:
        InterruptedRunError: Ctrl-C; what was committed stays, and the same command continues.
        StorageError: the disk is full, or another process writes the index.
    """
    try:
        renamed = _follow_renames(work)
        with writer.open_for_append(work.index) as index:
            with open_index(work.index) as known:
                todo = plan(known, work.source, by_content=work.by_content)
                before, names = known.rows, known.label_names
                work = replace(work, metadata=work.metadata or known.has_metadata)
            table = _LabelTable.of(work, names)
            if table is not None and table.new_names:
                index.add_label_names(table.new_names)
            if todo.times or work.source.skipped:
                index.change(Changes(times=todo.times), work.source.skipped)
            outcome = _encoded(work, todo, index, table, before, progress)
            return replace(outcome, renamed=renamed)
    except KeyboardInterrupt as error:
        raise InterruptedRunError(
            f"interrupted: what was encoded so far can be read in {work.index}",
            "the same command again, which goes on from there",
        ) from error


@dataclass(frozen=True, slots=True)
class _LabelTable:
    """Labels of the source's images, as the index numbers them; None where there are none."""

    row_of: dict[str, int]
    numbers: Ragged
    new_names: tuple[str, ...]

    @classmethod
    def of(cls, work: Work, names: tuple[str, ...] | None) -> "_LabelTable | None":
        if names is None:
            return None
        numbers, new_names = numbered(work.labels, len(work.source.references), names)
        row_of = {each.path: row for row, each in enumerate(work.source.references)}
        return cls(row_of, numbers, new_names)

    def rows(self, paths: Sequence[str]) -> Ragged:
        return self.numbers.take(np.array([self.row_of[path] for path in paths], np.int64))


def _encoded(
    work: Work,
    todo: Plan,
    index: writer.IndexWriter,
    table: _LabelTable | None,
    before: int,
    progress: Progress,
) -> Outcome:
    skipped = list(work.source.skipped)
    done, written = todo.unchanged, 0
    with WriteBehind() as writing:
        for batch in coded_batches(
            [work.source.only(group) for group in (todo.fresh, todo.changed, todo.failed)],
            work.encoder,
            batch_size=work.batch_size,
            workers=work.workers,
            metadata=work.metadata,
        ):
            writing.call(partial(_append, work, todo, index, table, batch))
            written += len(batch.references)
            done += len(batch.references) + len(batch.skipped)
            skipped += batch.skipped
            progress("encoding", done, len(work.source.references))
    failed = {image.path for image in skipped}
    changed = sum(path not in failed for path in todo.ids)
    added = written - changed
    return Outcome(added, changed, todo.unchanged, before + added, tuple(skipped))


def _append(
    work: Work,
    todo: Plan,
    index: writer.IndexWriter,
    table: _LabelTable | None,
    batch: CodedBatch,
) -> None:
    paths = [reference.path for reference in batch.references]
    index.append(
        batch.codes,
        batch.references,
        None if table is None else table.rows(paths),
        batch.skipped,
        Changes(
            digests=_digests(work, batch),
            metadata=batch.metadata,
            removed=[todo.ids[path] for path in paths if path in todo.ids],
            found=paths,
        ),
    )


def _digests(work: Work, batch: CodedBatch) -> UInt8[np.ndarray, "n digest"] | None:
    if not work.by_content:
        return None
    found = b"".join(digest(work.source, reference) for reference in batch.references)
    return np.frombuffer(found, np.uint8).reshape(len(batch.references), -1 if found else 16)
