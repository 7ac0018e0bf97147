"""`nachash noise-sweep`: NAC at several levels of noise, retrieval beside classification."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

from nachash import options
from nachash.cli import _experiment as shared
from nachash.cli._declared import Debug, declared
from nachash.options import Flag
from nachash.tasks.train.options import TrainSettings


@declared(TrainSettings, only=shared.COMMON)
def command(
    common: TrainSettings,
    *,
    p: Annotated[
        str, Flag("Flip probabilities of the channel, as 0.1,0.4.", names=("--p",))
    ] = "0.05,0.1,0.2,0.3,0.4,0.45",
    bits: shared.Bits = "64",
    dataset: shared.DataSet = "digits",
    method: Annotated[str, Flag("A method with noise: nac, nac-mean-field, nac-moco.")] = "nac",
    seeds: shared.Seeds = 1,
    linear: Annotated[
        bool,
        Flag("Measure the linear classifier as well.", names=("--linear/--no-linear",)),
    ] = True,
    out: shared.Out = None,
    plot: shared.Plot = None,
    markdown: shared.Markdown = None,
    json: options.Json = False,
    overwrite: options.Overwrite = False,
    debug: Debug = False,
) -> None:
    """Train NAC at each level of noise; show mAP, linear accuracy and the channel's capacity.

    The poster's "effect of the symmetric noise channel": about 0.1 is best for classification,
    about 0.4 for retrieval. Finished cells in --out (default runs/noise-DATASET) are used again.
    """
    from nachash.report import experiment_plot
    from nachash.tasks.compare.compare import CompareSettings

    shared.check_outputs(plot, markdown, overwrite=overwrite)
    settings = CompareSettings(
        common=replace(common, dataset=dataset),
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
