"""Which images of a data set a model was trained on, by what was recorded of its training."""

import re
from typing import Final

import numpy as np

from nachash.datasets import DataSet
from nachash.images.sources.sample import drawn
from nachash.model_config import ModelConfig
from nachash.shapes import Int64
from nachash.tasks.evaluate.retrieval import split_of

# `images.select_training_data` writes these sentences.
_PROTOCOL: Final = re.compile(r"training part of (\S+): ")
_LIMIT: Final = re.compile(r"([\d,]+) random images \(seed (\d+)\) of the ")


def training_positions(config: ModelConfig, dataset: DataSet) -> "Int64[np.ndarray, 'n'] | None":
    """Positions in a data set; None where a model learnt from something else, or nobody knows."""
    rule = str(config.data.get("rule", ""))
    protocol = _PROTOCOL.search(rule)
    if config.data.get("name") != dataset.name or protocol is None:
        return None
    if protocol[1] not in dataset.protocols:
        return None
    seed = int(config.data.get("split_seed", config.seed))
    positions = split_of(dataset, protocol[1], seed).train
    if limit := _LIMIT.match(rule):
        return positions[drawn(len(positions), int(limit[1].replace(",", "")), int(limit[2]))]
    return positions


def seen(config: ModelConfig, dataset: DataSet, positions: Int64[np.ndarray, "n"]) -> int | None:
    """How many of some images of a data set a model was trained on; None as above."""
    trained = training_positions(config, dataset)
    return None if trained is None else int(np.isin(positions, trained).sum())
