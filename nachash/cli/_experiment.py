"""Options that `compare` and `noise-sweep` share, and how they show an experiment."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nachash.results.compare import Experiment
from nachash.settings import SetBy

if TYPE_CHECKING:
    from nachash.tasks.compare.compare import CompareSettings

Budget = Annotated[
    str | None,
    typer.Option(help="Training time of a cell: 90s, 10m; default: enough steps."),
    SetBy.ANYBODY,
]
Epochs = Annotated[
    int | None, typer.Option(min=1, help="Passes over the images instead."), SetBy.ANYBODY
]
Seeds = Annotated[
    int, typer.Option(min=1, help="Models of each kind, with --seed and the next."), SetBy.ANYBODY
]
Protocol = Annotated[
    str | None,
    typer.Option(help="Another protocol of the data set than the usual one."),
    SetBy.ANYBODY,
]
Teacher = Annotated[
    str | None,
    typer.Option(help="A frozen network for every cell: a model directory, or a backbone."),
    SetBy.OWNER,
]
Backbone = Annotated[str | None, typer.Option(help="Backbone of every cell."), SetBy.OWNER]
Size = Annotated[
    int | None, typer.Option(min=8, help="Side of the square input, in pixels."), SetBy.ANYBODY
]
BatchSize = Annotated[int | None, typer.Option(min=2, help="Images per step."), SetBy.ANYBODY]
Augment = Annotated[
    str | None, typer.Option(help="Recipe of the views of every cell."), SetBy.ANYBODY
]
Out = Annotated[
    Path | None,
    typer.Option(help="Folder of models and figures, used again the next time."),
    SetBy.OWNER,
]
Plot = Annotated[Path | None, typer.Option(help="Draw the figures into this picture."), SetBy.OWNER]
Markdown = Annotated[Path | None, typer.Option(help="Write the table as Markdown."), SetBy.OWNER]


def numbers(text: str, kind: type[int] | type[float], option: str) -> tuple[Any, ...]:
    """The numbers of `16,32,64`."""
    try:
        return tuple(dict.fromkeys(kind(part) for part in text.split(",")))
    except ValueError:
        raise typer.BadParameter(
            f"'{text}' is not a list of numbers like 16,32", param_hint=option
        ) from None


def command_line() -> str:
    """The command as it was typed, for the record."""
    import shlex
    import sys

    return shlex.join(["nachash", *sys.argv[1:]])


def check_outputs(plot: Path | None, markdown: Path | None, *, overwrite: bool) -> None:
    """Refuse outputs that could not be written, before hours of work.

    Raises:
        ExistsError, MissingError, UsageError: see `report.output`.
    """
    from nachash.report import output
    from nachash.report import plot as plots

    if plot:
        plots.check_writable(plot, overwrite=overwrite)
    if markdown:
        output.check_writable(markdown, overwrite=overwrite)


def run(
    settings: "CompareSettings",
    draw: Callable[[Experiment, Path], None],
    *,
    plot: Path | None,
    markdown: Path | None,
    json: bool,
) -> None:
    """Run an experiment; draw it, print its table or JSON; exit with 1 when a cell failed."""
    from nachash.cli import _terminal as terminal
    from nachash.records import to_json
    from nachash.report import experiment_table, output, table
    from nachash.tasks.compare.compare import compare

    with terminal.progress() as progress:
        experiment = compare(settings, note=terminal.note, progress=progress)
    if plot and experiment.rows:
        draw(experiment, plot)
        terminal.note(f"wrote {plot}")
    if markdown:
        output.write(markdown, experiment_table.markdown(experiment))
        terminal.note(f"wrote {markdown}")
    typer.echo(to_json(experiment) if json else experiment_table.text(experiment, table.room()))
    if experiment.failed:
        raise typer.Exit(1)
