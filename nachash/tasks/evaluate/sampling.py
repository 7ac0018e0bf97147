"""Some of the queries of a retrieval, drawn at random, where all of them would take too long."""

from dataclasses import replace
from typing import Final

import numpy as np

from nachash.metrics.label_sets import LabelSets
from nachash.tasks.evaluate.retrieval import Labelled, Retrieval

MOST_QUERIES: Final = 100_000  # that are all measured unless the user says otherwise
SAMPLE: Final = 10_000  # of more than these


def sampled(task: Retrieval, wanted: int | None, seed: int) -> Retrieval:
    """The retrieval with `wanted` of its queries; all where it has no more.

    None: all, or of more than 100,000 queries of an index 10,000. The queries of a data set's
    protocol are drawn from only when the user asks for it.
    """
    queries = len(task.queries.codes)
    if wanted is None and (queries <= MOST_QUERIES or task.seed is not None):
        return task
    count = wanted or SAMPLE
    if count >= queries:
        return task
    rows = np.sort(np.random.default_rng(seed).choice(queries, count, replace=False))
    return replace(
        task,
        queries=_taken(task.queries, rows),
        relevance=task.relevance and _chosen(task.relevance, rows),
        own=None if task.own is None else task.own[rows],
        protocol=f"{task.protocol}; {count:,} of {queries:,} queries, drawn at random "
        f"(PCG64, seed {seed})",
        seed=seed,
        drawn_from=queries,
    )


def _taken(queries: Labelled, rows: np.ndarray) -> Labelled:
    labels, activations = queries.labels, queries.activations
    return Labelled(
        queries.codes[rows],
        None if labels is None else labels[rows],
        None if activations is None else activations[rows],
    )


def _chosen(sets: LabelSets, rows: np.ndarray) -> LabelSets:
    return replace(sets, wanted=lambda some: sets.wanted(rows[some]))
