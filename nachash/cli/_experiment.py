"""What `compare` and `noise-sweep` share: options of every cell, and how an experiment is shown."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from nachash.options import OWNER, Flag

if TYPE_CHECKING:
    from nachash.results.compare import Experiment
    from nachash.tasks.compare.compare import CompareSettings

# The options of `train` that hold for every cell.
COMMON: Final = (
    "data_root",
    "protocol",
    "epochs",
    "budget",
    "batch_size",
    "backbone",
    "teacher",
    "size",
    "augment",
    "seed",
    "device",
    "workers",
)
DataSet = Annotated[str, Flag("A labelled data set by name.", OWNER)]
Bits = Annotated[str, Flag("Lengths of a code, as 16,32,64.")]
Seeds = Annotated[int, Flag("Models of each kind, with --seed and the next.", least=1)]
Out = Annotated[Path | None, Flag("Folder of models and figures, used again the next time.", OWNER)]
Plot = Annotated[Path | None, Flag("Draw the figures into this picture.", OWNER)]
Markdown = Annotated[Path | None, Flag("Write the table as Markdown.", OWNER)]


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
    draw: "Callable[[Experiment, Path], None]",
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
        experiment = compare(settings, progress=progress)
    if plot and experiment.rows:
        draw(experiment, plot)
        terminal.note(f"wrote {plot}")
    if markdown:
        output.write(markdown, experiment_table.markdown(experiment))
        terminal.note(f"wrote {markdown}")
    typer.echo(to_json(experiment) if json else experiment_table.text(experiment, table.room()))
    if experiment.failed:
        raise typer.Exit(1)
