"""`config.json` of a model directory: everything about a model that is not a weight."""

import dataclasses
import json
import typing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from nachash.codes import MAX_BITS
from nachash.errors import DamagedError, IncompatibleError, MissingError, StorageError
from nachash.records import Preprocessing, to_json

SCHEMA_VERSION = 1
FILE_NAME = "config.json"
WEIGHTS_FILE_NAME = "model.safetensors"
SETTINGS_FILE_NAME = "settings.json"  # of an unfinished run
_MOST_BYTES: Final = 1 << 20  # a thousand times what `write` writes


@dataclass(frozen=True, slots=True)
class ModelConfig:
    """Architecture, preprocessing, method and history of a trained encoder."""

    bits: int
    backbone: str
    preprocessing: Preprocessing
    method: str
    method_settings: dict[str, Any]
    training: dict[str, Any]
    data: dict[str, Any]
    seed: int
    weights: str = "random"
    head: str = "batch-norm"
    encoder_sha256: str = ""
    versions: dict[str, str] = field(default_factory=dict)
    schema_version: int = SCHEMA_VERSION


def unfinished(directory: Path) -> Path:
    """Where the run that will become a model directory is written while it lasts."""
    return directory.with_name(f"{directory.name}.unfinished")


def write(config: ModelConfig, directory: Path) -> None:
    """Write `config.json` into an existing directory, indented for people."""
    text = json.dumps(json.loads(to_json(config)), indent=2, ensure_ascii=False)
    directory.joinpath(FILE_NAME).write_text(text + "\n", encoding="utf-8")


def read(directory: Path) -> ModelConfig:
    """Read `config.json` of a model directory.

    Raises:
        MissingError: there is no such directory or it holds no model.
        DamagedError: the file is not what `write` wrote.
        IncompatibleError: a newer nachash wrote it.
    """
    path = directory / FILE_NAME
    if not path.is_file():
        raise MissingError(
            f"{directory} is not a model directory: it has no {FILE_NAME}",
            "train one with `nachash train`, or name one with --model",
        )
    try:
        values = _values(path)
        version = values["schema_version"]
        if version > SCHEMA_VERSION:
            raise IncompatibleError(
                f"{path} has schema version {version}, this nachash reads up to {SCHEMA_VERSION}",
                "upgrade nachash: pip install --upgrade nachash",
            )
        _check_kinds(values)
        values["preprocessing"] = Preprocessing(**values["preprocessing"])
        known = {entry.name for entry in dataclasses.fields(ModelConfig)}
        config = ModelConfig(**{key: values[key] for key in values if key in known})
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise DamagedError(
            f"{path} is damaged: {type(error).__name__}: {f'{error}':.200}", "train the model again"
        ) from error
    except OSError as error:
        raise StorageError(f"{path} cannot be read: {error.strerror or error}") from error
    return config


def _values(path: Path) -> dict[str, Any]:
    with path.open("rb") as opened:
        content = opened.read(_MOST_BYTES + 1)
    if len(content) > _MOST_BYTES:
        raise ValueError(f"it has more than {_MOST_BYTES:,} bytes")
    values = json.loads(content)
    if not isinstance(values, dict):
        raise TypeError("it is not a table")
    return values


def _check_kinds(values: dict[str, Any]) -> None:
    """Raise TypeError or ValueError unless every entry is what the annotations of the class say."""
    for entry in dataclasses.fields(ModelConfig):
        kind: Any = dict if entry.name == "preprocessing" else entry.type
        kind = typing.get_origin(kind) or kind
        if entry.name in values and type(values[entry.name]) is not kind:
            raise TypeError(f"{entry.name} is not of type {kind.__name__}")
    if not 1 <= values["bits"] <= MAX_BITS:
        raise ValueError(f"{values['bits']} bits are not possible")
