"""Records as JSON, and hits row by row."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from nachash import model_config
from nachash.errors import DamagedError, IncompatibleError, MissingError
from nachash.model_config import ModelConfig
from nachash.records import Hits, Preprocessing, to_json
from nachash.results.search import Hit


@dataclass(frozen=True)
class Mixed:
    """Everything that a record may hold."""

    values: np.ndarray
    number: np.float32
    path: Path
    missing: float
    hits: tuple[Hit, ...]


def test_any_record_becomes_one_line_of_plain_json():
    record = Mixed(
        np.arange(2), np.float32(0.5), Path("a/ü"), float("nan"), (Hit("q", 1, 2, "p", 3),)
    )

    text = to_json(record)

    assert "\n" not in text
    assert json.loads(text) == {
        "values": [0, 1],
        "number": 0.5,
        "path": "a/ü",
        "missing": None,
        "hits": [
            {
                "query": "q",
                "rank": 1,
                "id": 2,
                "path": "p",
                "distance": 3,
                "label": None,
                "asymmetric": None,
                "width": None,
                "height": None,
                "taken": None,
            }
        ],
    }


def test_rows_of_hits_may_differ_in_length():
    hits = Hits(np.array([5, 6, 7]), np.array([0, 1, 1]), np.array([1, 1, 3]))

    rows = [[column.tolist() for column in hits.row(query)] for query in range(hits.queries)]

    assert rows == [[[0], [5]], [[], []], [[1, 1], [6, 7]]]


@pytest.fixture
def config():
    return ModelConfig(
        bits=64,
        backbone="small",
        preprocessing=Preprocessing(size=32),
        method="nac",
        method_settings={"flip_probability": 0.3},
        training={"epochs": 1},
        data={"name": "digits"},
        seed=0,
    )


def test_a_model_config_survives_its_file(tmp_path, config):
    model_config.write(config, tmp_path)

    assert model_config.read(tmp_path) == config


def test_a_folder_without_a_model_is_no_model_directory(tmp_path):
    with pytest.raises(MissingError, match="not a model directory"):
        model_config.read(tmp_path)


@pytest.mark.parametrize(
    ("old", "new", "error"),
    [
        ('"schema_version": 1', '"schema_version": 2', IncompatibleError),
        ('"bits"', '"bit"', DamagedError),
        ("{", "", DamagedError),
        ('"size"', '"sise"', DamagedError),
    ],
)
def test_a_newer_or_damaged_config_is_refused(tmp_path, config, old, new, error):
    model_config.write(config, tmp_path)
    file = tmp_path / model_config.FILE_NAME
    file.write_text(file.read_text().replace(old, new, 1))

    with pytest.raises(error, match=r"config\.json"):
        model_config.read(tmp_path)
