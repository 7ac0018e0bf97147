"""`nachash compare`: methods trained and measured under one protocol, in one table."""

from dataclasses import replace
from typing import Annotated, Any

import typer

from nachash import options
from nachash.cli import _experiment as shared
from nachash.cli._declared import Debug, declared
from nachash.options import OWNER, Flag
from nachash.tasks.train.options import TrainSettings, assigned


@declared(TrainSettings, only=shared.COMMON)
def command(
    common: TrainSettings,
    *,
    dataset: shared.DataSet = "digits",
    methods: Annotated[str | None, Flag("Methods, as nac,simclr,itq; default: all.")] = None,
    bits: shared.Bits = "64",
    seeds: shared.Seeds = 1,
    linear: Annotated[bool, Flag("Also the accuracy of a linear classifier.")] = False,
    setting: Annotated[
        list[str] | None,
        Flag("METHOD.NAME=VALUE, of the method or of training.", OWNER, ("--set",)),
    ] = None,
    out: shared.Out = None,
    plot: shared.Plot = None,
    markdown: shared.Markdown = None,
    json: options.Json = False,
    overwrite: options.Overwrite = False,
    debug: Debug = False,
) -> None:
    """Train methods at equal budget, measure all under one protocol, show one table.

    Finished models and figures in --out (default runs/compare-DATASET) are used again, so that
    an interrupted comparison goes on with the same command. A cell that fails is reported, the
    others go on. --overwrite concerns --plot and --markdown, never finished cells.
    """
    from nachash.report import experiment_plot
    from nachash.tasks.compare.compare import CompareSettings

    shared.check_outputs(plot, markdown, overwrite=overwrite)
    settings = CompareSettings(
        common=replace(common, dataset=dataset),
        methods=tuple(dict.fromkeys(methods.split(","))) if methods else (),
        bits=shared.numbers(bits, int, "--bits"),
        seeds=seeds,
        linear=linear,
        out=out,
        particular=_particular(setting or []),
        command=shared.command_line(),
    )
    shared.run(settings, experiment_plot.against_bits, plot=plot, markdown=markdown, json=json)


def _particular(texts: list[str]) -> dict[str, dict[str, Any]]:
    """Settings by method; hyphens in a name are as good as underscores."""
    found: dict[str, dict[str, Any]] = {}
    for text in texts:
        method, dot, assignment = text.partition(".")
        if not dot or "=" not in assignment:
            raise typer.BadParameter(f"'{text}' is not METHOD.NAME=VALUE", param_hint="--set")
        name, value = assigned(assignment)
        found.setdefault(method, {})[name.replace("-", "_")] = value
    return found
