"""Tables for people: text that fits a terminal; percentages only here, fractions elsewhere."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from nachash.report.visible import visible
from nachash.results.encode import Encoding
from nachash.results.evaluate import Scores
from nachash.results.search import Answer
from nachash.results.train import Training

if TYPE_CHECKING:
    from rich.table import Table

_WIDE: Final = 10_000  # characters; no table is wider


def any_of(record: Training | Encoding | Answer | Scores) -> str:
    """The table of whichever record it is."""
    match record:
        case Training():
            return training(record)
        case Encoding():
            return encoding(record)
        case Scores():
            return scores(record)
        case Answer():
            return "\n".join(hits(record))


def training(result: Training) -> str:
    """What was learned: where it lies, and the information that the codes carry."""
    return _facts(
        [
            ("model", result.directory),
            ("encoder", f"{_network(result)}, {result.size} px, {result.bits} bits"),
            ("images", f"{result.images:,} {_length(result)}"),
            ("loss", f"{result.loss:.3f}"),
            *_channel(result),
            ("ONNX", f"{100 * result.onnx_flip_rate:.4f} % of bits differ from torch"),
            ("time", f"{result.seconds:.1f} s"),
        ]
    )


def _length(result: Training) -> str:
    epochs = "1 epoch" if result.epochs == 1 else f"{result.epochs:.4g} epochs"
    steps = "1 step" if result.steps == 1 else f"{result.steps:,} steps"
    return f"in {epochs}, {steps}"


def _network(result: Training) -> str:
    return f"head on a frozen {result.backbone}" if result.frozen else result.backbone


def _channel(result: Training) -> list[tuple[str, str]]:
    """Information beside capacity, for methods that train over a noisy channel."""
    if result.mutual_information is None or result.capacity is None:
        return []
    carried = f"lower bound estimated at {max(0.0, result.mutual_information):.2f} bits"
    channel = f"channel capacity {result.capacity:.2f} at noise {result.flip_probability:.3g}"
    return [("information", f"{carried}, {channel}")]


def encoding(result: Encoding) -> str:
    """What was written into the index."""
    skipped = f", {len(result.skipped):,} skipped" if result.skipped else ""
    labels = f"{result.labels} labels" if result.labels else "no labels"
    continued = result.added != result.images
    history = f"{result.added:,} new, {result.changed:,} changed, {result.unchanged:,} unchanged"
    history += f" ({result.renamed:,} renamed)" if result.renamed else ""
    return _facts(
        [
            ("index", result.index),
            ("images", f"{result.images:,}{skipped}"),
            *([("of these", history)] if continued else []),
            ("codes", f"{result.bits} bits, {labels}"),
            ("encoder", f"{result.runtime}, {result.seconds:.1f} s"),
        ]
    )


def hit_paths(answer: Answer) -> Iterator[str]:
    """Plain paths, a line per hit, for the next program in a pipe."""
    for row in answer.hits:
        for hit in row:
            yield hit.path


def hits(answer: Answer) -> Iterator[str]:
    """A table per query: rank, distance in bits, path, and what else any of the hits has."""
    for query, row in zip(answer.queries, answer.hits, strict=True):
        columns = {
            "": [str(hit.rank) for hit in row],
            "distance": [str(hit.distance) for hit in row],
            "id": [str(hit.id) for hit in row],
            "path": [hit.path for hit in row],
        }
        optional = {
            "label": [hit.label or "" for hit in row],
            "pixels": [f"{hit.width} x {hit.height}" if hit.width else "" for hit in row],
            "taken": [(hit.taken or "").replace("T", " ") for hit in row],
        }
        columns |= {name: cells for name, cells in optional.items() if any(cells)}
        title = f"{query} ({answer.bits} bits)"
        yield table_text(title, tuple(columns), list(zip(*columns.values(), strict=True)))


def scores(result: Scores) -> str:
    """Mean average precision with its bounds, precision, and the protocol of all of it."""
    ranking = "all" if result.at is None else str(result.at)
    divided = "; of the possible ones" if result.at and result.over == "possible" else ""
    precision = [(f"precision@{k}", _percent(value)) for k, value in result.precision_at.items()]
    return _facts(
        [
            (
                f"mAP@{ranking}",
                f"{_percent(result.map)}{_error(result)} (expected over ties{divided})",
            ),
            (
                "tie bounds",
                f"{_percent(result.map_pessimistic)} to {_percent(result.map_optimistic)}",
            ),
            *precision,
            ("precision, radius 2", _percent(result.precision_radius2)),
            ("chance", _percent(result.chance)),
            ("queries", f"{result.queries:,}{_drawn(result)}{_empty_queries(result)}"),
            (
                "gallery",
                f"{result.gallery:,} codes of {result.bits} bits, {result.distinct:,} different",
            ),
            ("protocol", f"{result.protocol}; ranked by {result.score}"),
        ]
    )


def _error(result: Scores) -> str:
    """The standard error of a mean over some of the queries."""
    error = result.standard_error
    return "" if error is None else f" ± {100 * error:.2f} standard error"


def _drawn(result: Scores) -> str:
    return "" if result.drawn_from is None else f" of {result.drawn_from:,}, drawn at random"


def _empty_queries(result: Scores) -> str:
    """How many queries nothing is relevant for, and what they count."""
    if not result.queries_without_relevant:
        return ""
    counted = "counted as zero" if result.empty_queries == "zero" else "left out"
    return f", {result.queries_without_relevant:,} of them without a relevant image: {counted}"


def _percent(fraction: float) -> str:
    return f"{100 * fraction:.2f} %"


def _facts(rows: Sequence[tuple[str, str]]) -> str:
    """Names and values in two columns."""
    width = max(len(name) for name, _ in rows)
    return "\n".join(f"{name:<{width}}  {visible(value)}" for name, value in rows)


def room() -> int | None:
    """Characters in a line of the terminal; None where stdout is none."""
    from rich.console import Console

    console = Console()
    return console.width if console.is_terminal else None


def width_of(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> int:
    """Characters in a line of the table that `table_text` draws where nothing is folded."""
    from rich.console import Console

    return Console(width=_WIDE).measure(_table("", columns, rows)).maximum


def table_text(
    title: str,
    columns: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    width: int | None = None,
) -> str:
    """A rich table drawn as text; of the terminal's width where none is given."""
    from rich.console import Console

    console = Console(width=width)
    with console.capture() as captured:
        console.print(_table(title, columns, rows))
    return captured.get().rstrip("\n")


def _table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> "Table":
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(title=Text(visible(title)), title_justify="left", box=box.SIMPLE_HEAD)
    for column in columns:
        justify = "left" if column in ("path", "label", "method") else "right"
        table.add_column(column, justify=justify, overflow="fold")  # type: ignore[arg-type]
    for row in rows:
        table.add_row(*(Text(visible(cell)) for cell in row))
    return table
