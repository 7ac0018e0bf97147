"""How many test images a model was trained on, by protocol and split seed as recorded."""

from dataclasses import replace

import numpy as np
import pytest

from nachash.datasets import DataSet, digits
from nachash.images.sources.sample import sample
from nachash.model_config import ModelConfig
from nachash.records import Preprocessing, Split
from nachash.tasks.dataset import source_of
from nachash.tasks.evaluate.trained_on import seen, training_positions
from nachash.tasks.linear.classified_images import of_dataset
from nachash.tasks.train.images import select_training_data


def config(rule: str, **data: object) -> ModelConfig:
    return ModelConfig(
        bits=8,
        backbone="small",
        preprocessing=Preprocessing(32),
        method="nac",
        method_settings={},
        training={},
        data={"name": "digits", "rule": rule, **data},
        seed=0,
    )


def trained(split_seed: int, limit: int | None = None) -> ModelConfig:
    """What `nachash train --dataset digits --seed 0 --split-seed N` records."""
    rule = select_training_data(None, "digits", None, split_seed, limit=limit).rule
    return config(rule, split_seed=split_seed)


def test_the_split_that_counts_is_that_of_the_split_seed() -> None:
    """`--seed 0 --split-seed 5`: 351 of the 500 test images of seed 0 were trained on, not none."""
    test = of_dataset("digits", None, 0)

    assert test.seen(trained(split_seed=5)) == 351
    assert test.seen(trained(split_seed=0)) == 0


def test_the_protocol_that_counts_is_the_recorded_one() -> None:
    data = digits.load()
    every = np.arange(len(data.paths))
    whole = Split(every[:10], every[10:], every[10:], "all but ten", 0)
    other = replace(data, protocols={**data.protocols, "most": lambda _: whole})

    model = config("training part of most: all but ten", split_seed=0)

    assert seen(model, other, every) == len(every) - 10
    assert seen(model, data, every) is None  # nobody knows that protocol


def test_of_a_random_part_only_that_part_counts() -> None:
    data = digits.load()

    positions = training_positions(trained(split_seed=5, limit=40), data)

    assert positions is not None
    expected = sample(source_of(data, data.protocols["50-per-class"](5).train), 40, 5)
    assert [data.paths[each] for each in positions] == [one.path for one in expected.references]


@pytest.mark.parametrize("rule", ["all images of photos", ""])
def test_of_other_images_nobody_knows(rule: str) -> None:
    data: DataSet = digits.load()

    assert seen(config(rule), data, np.arange(5)) is None
