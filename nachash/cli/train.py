"""`nachash train`: learn an encoder from unlabelled images."""

from typing import Annotated, Any, Final

import typer

from nachash import options
from nachash.cli import _terminal as terminal
from nachash.cli._declared import Debug, declared
from nachash.errors import NachashError
from nachash.settings import SetBy
from nachash.tasks.train.options import TrainSettings

_SET_ASIDE: Final = ["DEFAULT_MAP", "COMMANDLINE"]  # where a value comes from, and its rival


def _with_recipe(context: Any, name: str | None) -> str | None:
    """Lay a recipe below the flags and the environment, above `nachash.toml`."""
    if name is None:
        return None
    from nachash import recipes

    known = {parameter.name: parameter.opts[-1] for parameter in context.command.params}
    # In a recipe options stand as they are typed: `set`, whatever the parameter's name.
    spelled = {text.removeprefix("--").replace("-", "_"): key for key, text in known.items() if key}
    try:
        found = recipes.read(name, spelled.keys())
    except NachashError as error:
        raise typer.BadParameter(f"{error.sentence}; {error.hint}") from error
    values = {spelled[key]: value for key, value in found.items()}
    context.default_map = {**(context.default_map or {}), **values}
    return name


def _length(context: Any, parameter: Any, value: Any) -> Any:
    """A recipe's passes or budget, unless a flag gives the other of the two."""
    (other,) = {"epochs", "budget"} - {parameter.name}
    sources = [context.get_parameter_source(name) for name in (parameter.name, other)]
    return None if [source and source.name for source in sources] == _SET_ASIDE else value


@declared(TrainSettings, callbacks={"epochs": _length, "budget": _length})
def command(
    settings: TrainSettings,
    *,
    recipe: Annotated[
        str | None,
        typer.Option(
            is_eager=True,
            callback=_with_recipe,
            help="Settings by name (fast, paper, paper-cifar10-hash, cpu-cifar10-hash, ...) or "
            "from a .toml; flags win over it.",
        ),
        SetBy.OWNER,
    ] = None,
    json: options.Json = False,
    debug: Debug = False,
) -> None:
    """Learn a hash from unlabelled images and write a model directory.

    With --method nac, two distorted views of each image are sent as bits over a channel that flips
    each bit with probability --noise; the encoder learns codes that still identify the image. Where
    nothing is said of the channel, a whole network learns from the mean of what it delivers for
    half of the run, and from flipped bits in the end. --method nac-mean-field flips none.
    """
    del recipe  # its settings are in the others
    from nachash.records import to_json
    from nachash.report import table
    from nachash.tasks.train.train import train

    if settings.budget is not None and settings.epochs is not None:
        raise typer.BadParameter("goes without --epochs", param_hint="--budget")
    with terminal.progress() as progress:
        result = train(settings, progress=progress)
    if not terminal.first_process():
        return
    terminal.show_skipped(result.skipped)
    typer.echo(to_json(result) if json else table.training(result))
