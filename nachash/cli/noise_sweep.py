"""`nachash noise-sweep`: NAC at several levels of noise, retrieval beside classification."""

from typing import Annotated

import typer

from nachash.cli import _experiment as shared
from nachash.cli import _options as options
from nachash.settings import SetBy


def command(
    p: Annotated[
        str,
        typer.Option("--p", help="Flip probabilities of the channel, as 0.1,0.4."),
        SetBy.ANYBODY,
    ] = "0.05,0.1,0.2,0.3,0.4,0.45",
    bits: Annotated[
        str, typer.Option(help="Lengths of a code, as 16,32,64."), SetBy.ANYBODY
    ] = "64",
    dataset: Annotated[
        str, typer.Option(help="A labelled data set by name."), SetBy.OWNER
    ] = "digits",
    data_root: options.DataRoot = None,
    method: Annotated[
        str, typer.Option(help="A method with a channel: nac, nac-moco."), SetBy.ANYBODY
    ] = "nac",
    seeds: shared.Seeds = 1,
    budget: shared.Budget = None,
    epochs: shared.Epochs = None,
    linear: Annotated[
        bool,
        typer.Option("--linear/--no-linear", help="Measure the linear classifier as well."),
        SetBy.ANYBODY,
    ] = True,
    teacher: shared.Teacher = None,
    backbone: shared.Backbone = None,
    size: shared.Size = None,
    batch_size: shared.BatchSize = None,
    augment: shared.Augment = None,
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
    """Train NAC at each level of noise; show mAP, linear accuracy and the channel's capacity.

    The poster's "effect of the symmetric noise channel": about 0.1 is best for classification,
    about 0.4 for retrieval. Finished cells in --out (default runs/noise-DATASET) are used again.
    """
    from pathlib import Path

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
        methods=(method,),
        bits=shared.numbers(bits, int, "--bits"),
        noises=shared.numbers(p, float, "--p"),
        seeds=seeds,
        linear=linear,
        out=out or Path("runs") / f"noise-{dataset}",
        title="Effect of the channel's noise",
        command=shared.command_line(),
    )
    shared.run(settings, experiment_plot.against_noise, plot=plot, markdown=markdown, json=json)
