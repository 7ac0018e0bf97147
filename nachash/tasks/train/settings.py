"""What `train` is asked for: settings, what is settled by the pictures, what a run resumes with."""

import itertools
import json
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields, replace
from pathlib import Path
from types import ModuleType
from typing import Any, Final

from nachash import model_config, plugins
from nachash.errors import DamagedError, MissingError, UsageError
from nachash.model_config import SETTINGS_FILE_NAME, unfinished
from nachash.records import to_json
from nachash.tasks.model import LATEST
from nachash.tasks.train import images as training_images
from nachash.tasks.train.images import TrainingData
from nachash.tasks.train.method_settings import checked, settings_of
from nachash.tasks.train.options import TrainSettings

SMALL_BACKBONE: Final = "small"
FROZEN_BACKBONE: Final = "efficientnet-lite0"
# The side at which a frozen backbone sees pictures, those of 32 pixels too.
_FROZEN_SIZE: Final = 160
# Views as drawn differ by more than photographs of one thing do; docs/results.md has what it gains.
_VIEW_STRENGTH: Final = 0.7
# Capacity of the channel, in bits, where the noise begins to rise and where it ends; and of
# constant noise for a head. docs/results.md has the measurements.
_HEAD_CAPACITIES: Final = (4.0, 0.5)
_NETWORK_CAPACITIES: Final = (8.0, 2.0)
_CONSTANT_CAPACITY: Final = 2.0
# What may differ when a run is taken up again.
_FREE: Final = (
    "out",
    "resume",
    "overwrite",
    "save_every",
    "latest",
    "workers",
    "device",
    "monitor",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolvedSettings:
    """What was left open, decided."""

    backbone: str
    weights: str
    freeze: bool
    head: str
    size: int
    augment: str
    view_strength: float
    batch: int


def resolve_settings(settings: TrainSettings, data: TrainingData) -> ResolvedSettings:
    """Network, size and recipe, chosen by method and pictures where they were left open.

    Pictures of 64 pixels and more, and methods that are published so, get a frozen pretrained
    backbone; smaller pictures get a small network from random weights.

    Raises:
        UsageError: an unknown recipe, or a frozen backbone of random weights.
    """
    settings = _taught(settings)
    published = plugins.load("methods", settings.method).USUAL
    usual = settings.size or training_images.usual_size(data.source)
    large = usual >= training_images.LARGE
    freeze = settings.freeze
    if freeze is None:
        open_ = settings.backbone is None and settings.weights is None
        freeze = open_ and (large or published.pretrained)
    weights = settings.weights or ("pretrained" if freeze else "random")
    if freeze and weights == "random":
        raise UsageError(
            "a frozen backbone of random weights has nothing to teach",
            "--weights pretrained or --weights FILE, or leave out --freeze",
        )
    suited = data.augment or ("photo" if large else "cifar")
    augment = settings.augment or published.augment or suited
    plugins.load("augment", augment)
    return ResolvedSettings(
        backbone=settings.backbone or (FROZEN_BACKBONE if freeze else SMALL_BACKBONE),
        weights=weights,
        freeze=freeze,
        head=settings.head or _head(published.head, freeze=freeze),
        size=settings.size or (_FROZEN_SIZE if freeze else usual),
        augment=augment,
        view_strength=_view_strength(settings.view_strength, freeze=freeze),
        batch=settings.batch_size or (256 if freeze else 128),
    )


def _view_strength(given: float | None, *, freeze: bool) -> float:
    """Views of a whole network are what was drawn."""
    if given is None:
        return _VIEW_STRENGTH if freeze else 1.0
    if not 0 < given <= 1:
        raise UsageError(f"views of strength {given:g} are no views", "a number above 0, at most 1")
    if given < 1 and not freeze:
        raise UsageError(
            "only features of a frozen backbone have a view strength",
            "--freeze, or leave out --view-strength",
        )
    return given


def _head(published: str, *, freeze: bool) -> str:
    """Features that do not move are normalised as well."""
    return "batch-norms" if freeze and published == "batch-norm" else published


def _taught(settings: TrainSettings) -> TrainSettings:
    """Settings in which the teacher is spelled out as backbone, weights, size and freezing."""
    if settings.teacher is None:
        return settings
    if settings.backbone is not None:
        raise UsageError("--teacher names a backbone already", "leave out --backbone")
    freeze = True if settings.freeze is None else settings.freeze
    directory = Path(settings.teacher)
    if not (directory / model_config.FILE_NAME).is_file():
        weights = settings.weights or "pretrained"
        return replace(settings, backbone=settings.teacher, weights=weights, freeze=freeze)
    if settings.weights is not None:
        raise UsageError(f"the model {directory} brings its weights", "leave out --weights")
    config = model_config.read(directory)
    return replace(
        settings,
        backbone=config.backbone,
        weights=str(directory / model_config.WEIGHTS_FILE_NAME),
        freeze=freeze,
        size=settings.size or config.preprocessing.size,
    )


def method_settings(plugin: ModuleType, settings: TrainSettings) -> dict[str, Any]:
    """Settings of the method, each of which its constructor has.

    Raises:
        UsageError: for one that it has not, `noise` included, or a value of another type.
    """
    given = dict(settings.method_settings)
    if isinstance(settings.noise, str) and settings.noise != "auto":
        raise UsageError(f"'{settings.noise}' is neither a number nor 'auto'", "--noise auto")
    if settings.noise != "auto":
        given["noise"] = settings.noise
    return checked(plugin, settings.method, given)


def with_suited_channel(
    given: Mapping[str, Any], plugin: ModuleType, decided: ResolvedSettings, bits: int
) -> dict[str, Any]:
    """Settings with a channel that suits what is trained, where none is asked for.

    Noise that rises, unless a network is asked to explain the codes; of a whole network `nac` draws
    it late. A head on a frozen backbone gets constant noise where it does not rise.
    """
    known = settings_of(plugin).keys()
    if "noise" not in known or given.get("noise", "auto") != "auto":
        return dict(given)
    open_ = "first_noise" in known and "first_noise" not in given
    if open_ and given.get("posterior", "channel") == "channel":
        first, last = _HEAD_CAPACITIES if decided.freeze else _NETWORK_CAPACITIES
        rise = {"first_noise": _noise(bits, first), "noise": _noise(bits, last)}
        late = "first_sampled" in known and not decided.freeze
        return ({"first_sampled": 0.0} if late else {}) | dict(given) | rise
    if decided.freeze:
        return {**given, "noise": _noise(bits, _CONSTANT_CAPACITY)}
    return dict(given)


def _noise(bits: int, capacity: float) -> float:
    """The noise at which the channel carries so many bits, to three digits."""
    from nachash import channel

    return round(channel.flip_probability_of(bits, capacity), 3)


def free_name(data: str, settings: TrainSettings) -> Path:
    """`runs/<data>-<method>-<bits>`, with -2, -3 ... when that exists or is being trained."""
    name = f"{data}-{settings.method}-{settings.bits}"
    numbered = (f"{name}-{number}" for number in itertools.count(2))
    paths = (LATEST.with_name(candidate) for candidate in itertools.chain([name], numbered))
    return next(path for path in paths if not path.exists() and not unfinished(path).exists())


def remember(settings: TrainSettings, work: Path) -> None:
    """Write down what a run was asked for."""
    (work / SETTINGS_FILE_NAME).write_text(to_json(settings), encoding="utf-8")


def forget(work: Path) -> None:
    """The run is complete: `config.json` says all."""
    (work / SETTINGS_FILE_NAME).unlink(missing_ok=True)


def resumed(settings: TrainSettings) -> TrainSettings:
    """The settings that an interrupted run began with; the newest one if no output is named.

    Raises:
        MissingError: there is no interrupted run.
        UsageError: a setting was given that the run did not begin with.
        DamagedError: its settings cannot be read.
    """
    out = settings.out or _newest()
    path = unfinished(out) / SETTINGS_FILE_NAME
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        begun = TrainSettings(**{**values, "data_root": _path(values["data_root"]), "out": out})
    except FileNotFoundError as error:
        raise MissingError(
            f"there is no interrupted run {path.parent}", "leave out --resume"
        ) from error
    except (ValueError, KeyError, TypeError) as error:
        raise DamagedError(f"{path} is damaged", "begin again with --overwrite") from error
    for entry in fields(TrainSettings):
        given, was = getattr(settings, entry.name), getattr(begun, entry.name)
        default = {} if entry.default is MISSING else entry.default
        if entry.name not in _FREE and given not in (default, was):
            option = entry.name.replace("_", "-")
            raise UsageError(
                f"the interrupted run {path.parent} began with {option} {was}, not {given}",
                f"leave out --{option}, or leave out --resume",
            )
    kept = {name: getattr(settings, name) for name in _FREE if name != "out"}
    return replace(begun, **kept)


def _path(text: str | None) -> Path | None:
    return None if text is None else Path(text)


def _newest() -> Path:
    found = sorted(LATEST.parent.glob("*.unfinished"), key=lambda path: path.stat().st_mtime)
    if not found:
        raise MissingError("there is no interrupted run in runs", "leave out --resume")
    return found[-1].with_suffix("")
