"""What was done to an index, as text for people."""

from collections.abc import Sequence

from nachash.report.visible import visible
from nachash.results.index import (
    Export,
    IndexFacts,
    Relocation,
    Removal,
    Repair,
    Restoration,
    Rewriting,
    Verification,
)

_MOST_SHOWN = 20


def facts(result: IndexFacts) -> str:
    """What is in an index, and whether somebody writes it."""
    labels = "none" if result.labels is None else f"{len(result.labels)}: {_few(result.labels)}"
    removed = f", {result.removed:,} removed rows" if result.removed else ""
    state = result.written_by or (
        "a killed process left a batch, which the next writer finishes"
        if result.unfinished
        else "complete"
    )
    return _lines(
        [
            ("index", f"{result.index}, {_size(result.file_bytes)}"),
            ("images", f"{result.images:,}{removed}"),
            ("codes", f"{result.bits} bits"),
            ("labels", labels),
            ("metadata", ", ".join(result.metadata or ("none",))),
            ("root", result.root),
            ("skipped", f"{result.errors:,} files"),
            ("encoder", f"{result.encoder[:12]}, {result.image_size} px"),
            ("format", f"{result.format_version}, by {result.created_by}"),
            ("state", state),
        ]
    )


def verification(result: Verification) -> str:
    """Everything that is wrong, a line each, then the sum of it."""
    problems = [visible(f"{problem.part}: {problem.what}") for problem in result.problems]
    verdict = f"{len(problems)} problems" if problems else "sound"
    speed = _size(round(result.bytes / max(result.seconds, 1e-9)))
    read = f"{result.rows:,} rows, {_size(result.bytes)} in {result.seconds:.1f} s"
    return "\n".join([*problems, f"{visible(result.index)}: {verdict} ({read}, {speed}/s)"])


def removal(result: Removal) -> str:
    """What was removed or would be, and how much is left."""
    done = "would remove" if result.dry_run else "removed"
    would = " would be" if result.dry_run else ""
    summary = f"{len(result.removed):,}{would} removed, {result.images:,} images left"
    return _listed(done, result.removed, f"{result.index}: {summary}")


def restoration(result: Restoration) -> str:
    """What is back in the index or would be."""
    done = "would restore" if result.dry_run else "restored"
    would = " would be" if result.dry_run else ""
    summary = f"{len(result.restored):,}{would} restored, {result.images:,} images"
    return _listed(done, result.restored, f"{result.index}: {summary}")


def _listed(done: str, paths: Sequence[str], summary: str) -> str:
    shown = [f"{done} {visible(path)}" for path in paths[:_MOST_SHOWN]]
    if len(paths) > _MOST_SHOWN:
        shown.append(f"... and {len(paths) - _MOST_SHOWN:,} more")
    return "\n".join([*shown, visible(summary)])


def rewriting(result: Rewriting) -> str:
    """What was written anew."""
    dropped = f", {result.dropped:,} rows left out" if result.dropped else ""
    sizes = f"{_size(result.bytes_before)} before, {_size(result.bytes_after)} now"
    return visible(f"{result.index}: {result.images:,} images{dropped}; {sizes}")


def export(result: Export) -> str:
    """What was exported."""
    return visible(f"{result.out}: {result.images:,} codes of {result.index} as {result.format}")


def repair(result: Repair) -> str:
    """What was done, and what is left."""
    kept = [f"the damaged file is {visible(result.kept)}"] if result.kept else []
    lost = f", {result.lost:,} lost" if result.lost else ""
    summary = visible(f"{result.index}: {result.images:,} images{lost}")
    return "\n".join([*map(visible, result.done), *kept, summary])


def _lines(rows: Sequence[tuple[str, str]]) -> str:
    width = max(len(name) for name, _ in rows)
    return "\n".join(f"{name:<{width}}  {visible(value)}" for name, value in rows)


def _few(names: Sequence[str]) -> str:
    return ", ".join(names[:10]) + (", ..." if len(names) > 10 else "")


def _size(count: int) -> str:
    size = float(count)
    for unit in ("B", "KiB", "MiB"):
        if size < 1024:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} GiB"


def relocation(result: Relocation) -> str:
    """Where the images are looked for now, and how many of some are there."""
    seen = f"{result.found:,} of {result.looked_for:,} that were looked for are there"
    return f"{result.index}: {result.images:,} images below {result.root} ({seen})"
