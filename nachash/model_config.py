"""`config.json` of a model directory: everything about a model that is not a weight."""

import dataclasses
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nachash.errors import DamagedError, IncompatibleError, MissingError
from nachash.records import Preprocessing, to_json

SCHEMA_VERSION = 1
FILE_NAME = "config.json"
WEIGHTS_FILE_NAME = "model.safetensors"
SETTINGS_FILE_NAME = "settings.json"  # of an unfinished run


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
        values = json.loads(path.read_text(encoding="utf-8"))
        version = values["schema_version"]
        if version > SCHEMA_VERSION:
            raise IncompatibleError(
                f"{path} has schema version {version}, this nachash reads up to {SCHEMA_VERSION}",
                "upgrade nachash: pip install --upgrade nachash",
            )
        values["preprocessing"] = Preprocessing(**values["preprocessing"])
        known = {entry.name for entry in dataclasses.fields(ModelConfig)}
        return ModelConfig(**{key: values[key] for key in values if key in known})
    except (ValueError, KeyError, TypeError) as error:
        raise DamagedError(
            f"{path} is damaged: {type(error).__name__}: {error}", "train the model again"
        ) from error
