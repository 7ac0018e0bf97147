"""`nachash compare`: methods trained and measured under one protocol, in one table."""

from typing import Annotated, Any

import typer

from nachash.cli import _experiment as shared
from nachash.cli import _options as options
from nachash.settings import SetBy


def command(
    dataset: Annotated[
        str, typer.Option(help="A labelled data set by name."), SetBy.OWNER
    ] = "digits",
    data_root: options.DataRoot = None,
    methods: Annotated[
        str | None, typer.Option(help="Methods, as nac,simclr,itq; default: all."), SetBy.ANYBODY
    ] = None,
    bits: Annotated[
        str, typer.Option(help="Lengths of a code, as 16,32,64."), SetBy.ANYBODY
    ] = "64",
    seeds: shared.Seeds = 1,
    budget: shared.Budget = None,
    epochs: shared.Epochs = None,
    linear: Annotated[
        bool,
        typer.Option("--linear", help="Also the accuracy of a linear classifier."),
        SetBy.ANYBODY,
    ] = False,
    teacher: shared.Teacher = None,
    backbone: shared.Backbone = None,
    size: shared.Size = None,
    batch_size: shared.BatchSize = None,
    augment: shared.Augment = None,
    setting: Annotated[
        list[str] | None,
        typer.Option("--set", help="METHOD.NAME=VALUE, of the method or of training."),
        SetBy.OWNER,
    ] = None,
    protocol: shared.Protocol = None,
    out: shared.Out = None,
    plot: shared.Plot = None,
    markdown: shared.Markdown = None,
    seed: options.Seed = 0,
    device: options.Device = "auto",
    workers: options.Workers = None,
    json: options.Json = False,
    overwrite: options.Overwrite = False,
    debug: options.Debug = False,
) -> None:
    """Train methods at equal budget, measure all under one protocol, show one table.

    Finished models and figures in --out (default runs/compare-DATASET) are used again, so that
    an interrupted comparison goes on with the same command. A cell that fails is reported, the
    others go on. --overwrite concerns --plot and --markdown, never finished cells.
    """
    from nachash.report import experiment_plot
    from nachash.tasks.compare.compare import CompareSettings
    from nachash.tasks.duration import seconds
    from nachash.tasks.train.settings import TrainSettings

    shared.check_outputs(plot, markdown, overwrite=overwrite)
    settings = CompareSettings(
        common=TrainSettings(
            dataset=dataset,
            data_root=data_root,
            protocol=protocol,
            budget=None if budget is None else seconds(budget, "--budget"),
            epochs=epochs,
            teacher=teacher,
            backbone=backbone,
            size=size,
            batch_size=batch_size,
            augment=augment,
            seed=seed,
            device=device,
            workers=workers,
        ),
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
        name, value = options.assigned(assignment)
        found.setdefault(method, {})[name.replace("-", "_")] = value
    return found
