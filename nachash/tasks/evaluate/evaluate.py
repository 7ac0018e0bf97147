"""`eval-map`: codes and labels -> distance histograms -> retrieval measures with their protocol."""

import logging
from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from nachash.errors import UsageError
from nachash.metrics import asymmetric
from nachash.metrics._ties import Over
from nachash.metrics.average_precision import average_precision
from nachash.metrics.average_precision_bounds import optimistic, pessimistic
from nachash.metrics.chance import chance
from nachash.metrics.collapse import code_use
from nachash.metrics.distance_histogram import Histograms, by_sets
from nachash.metrics.precision import precision_at, precision_within
from nachash.metrics.precision_recall import precision_recall
from nachash.records import Progress, silent
from nachash.results.evaluate import Scores
from nachash.shapes import Float64
from nachash.tasks.choose_index import chosen_index
from nachash.tasks.dataset import loaded_dataset
from nachash.tasks.evaluate import retrieval
from nachash.tasks.evaluate.options import EmptyQueries, EvaluateSettings, Score
from nachash.tasks.evaluate.sampling import sampled
from nachash.tasks.evaluate.trained_on import seen
from nachash.tasks.model import encoding_model, loaded_model

_log = logging.getLogger(__name__)

PRECISION_AT = (1, 10, 100, 1000)
RADIUS = 2


def evaluate(settings: EvaluateSettings, *, progress: Progress = silent) -> Scores:
    """Mean average precision and precision of the codes, under a named protocol.

    Raises:
        UsageError: labels are missing, or the settings contradict each other.
        IncompatibleError: the two indexes were made by different encoders.
    """
    task = sampled(_retrieval(settings, progress), settings.sample, settings.seed)
    if task.drawn_from and settings.sample is None:
        _log.info(
            "%s of %s queries, drawn at random, are measured; --sample %s measures all",
            f"{len(task.queries.codes):,}",
            f"{task.drawn_from:,}",
            task.drawn_from,
        )
    if warning := code_use(task.gallery.codes, task.bits).warning():
        _log.warning(warning)
    if task.seen:
        _log.warning(
            "the model was trained, without labels, on %s of the %s queries: "
            "this is no measure of unseen images",
            f"{task.seen:,}",
            f"{len(task.queries.codes):,}",
        )
    return scores_of(
        task,
        at=settings.at,
        score=settings.score,
        over=settings.over,
        empty_queries=settings.empty_queries,
    )


def _retrieval(settings: EvaluateSettings, progress: Progress) -> retrieval.Retrieval:
    if settings.dataset is not None:
        return _of_dataset(settings, settings.dataset, progress)
    path = chosen_index(settings.index)
    if settings.queries is not None:
        return retrieval.two_indexes(settings.queries, path, check=not settings.no_check)
    return retrieval.leave_one_out(path, check=not settings.no_check)


def _of_dataset(settings: EvaluateSettings, name: str, progress: Progress) -> retrieval.Retrieval:
    if settings.index is not None or settings.queries is not None:
        raise UsageError(
            "--dataset brings its own queries and gallery: it goes with --model, "
            "not with --index or --queries",
            f"nachash eval-map --dataset {name} --model runs/latest",
        )
    model = loaded_model(encoding_model(settings.model), settings.device)
    dataset = loaded_dataset(name, settings.data_root)
    task = retrieval.of_dataset(
        dataset,
        model,
        protocol=settings.protocol,
        seed=settings.seed,
        workers=settings.workers,
        progress=progress,
    )
    query = retrieval.split_of(dataset, settings.protocol, settings.seed).query
    return replace(task, seen=seen(model.config, dataset, query))


def scores_of(
    task: retrieval.Retrieval,
    *,
    at: int | None = None,
    score: Score = "hamming",
    over: Over = "found",
    empty_queries: EmptyQueries = "zero",
    ranking: Histograms | None = None,
) -> Scores:
    """All measures of a retrieval: the ranking by `score`, balls and curve by Hamming distance.

    `ranking` is `ranked(task)`, for who has it already.

    Raises:
        UsageError: asymmetric distances of queries of which only bits are known.
    """
    hamming = ranking or ranked(task)
    measures = _measures(task, score, hamming, at, over)
    mean = _skipping_mean if empty_queries == "skip" else zero_filled_mean
    return Scores(
        map=mean(measures["expected"]),
        map_optimistic=mean(measures["optimistic"]),
        map_pessimistic=mean(measures["pessimistic"]),
        at=at,
        precision_at={str(k): mean(measures[f"precision@{k}"]) for k in _cuts(task)},
        precision_radius2=mean(precision_within(hamming, RADIUS)),
        queries=len(task.queries.codes),
        gallery=_gallery_size(task),
        bits=task.bits,
        protocol=task.protocol,
        score=score,
        empty_queries=empty_queries,
        queries_without_relevant=int(np.isnan(measures["expected"]).sum()),
        chance=mean(measures["chance"]),
        curve=_curve(hamming),
        index=task.name,
        seed=task.seed,
        over=over,
        distinct=code_use(task.gallery.codes, task.bits).distinct,
        seen=task.seen,
        drawn_from=task.drawn_from,
        standard_error=_standard_error(measures["expected"], task.drawn_from, empty_queries),
    )


def _standard_error(
    values: Float64[np.ndarray, "queries"], drawn_from: int | None, empty_queries: EmptyQueries
) -> float | None:
    """Of the mean of queries that were drawn from a finite number without replacement.

    s sqrt((1 - n / N) / n); None where nothing was drawn. Source: Cochran, "Sampling techniques",
    1977, equation 2.20.
    """
    if drawn_from is None:
        return None
    share = len(values) / drawn_from
    counted = values[~np.isnan(values)] if empty_queries == "skip" else np.nan_to_num(values)
    if len(counted) < 2:
        return None
    return float(counted.std(ddof=1) * np.sqrt((1 - share) / len(counted)))


def _measures(
    task: retrieval.Retrieval, score: Score, hamming: Histograms, at: int | None, over: Over
) -> dict[str, Float64[np.ndarray, "queries"]]:
    """Each measure of every query; a large ranking comes some queries at a time."""
    parts = []
    for ranking in _rankings(task, score, hamming):
        measures = {
            "expected": average_precision(ranking, at, over=over),
            "optimistic": optimistic(ranking, at, over=over),
            "pessimistic": pessimistic(ranking, at, over=over),
            "chance": chance(ranking),
        }
        parts.append(measures | {f"precision@{k}": precision_at(ranking, k) for k in _cuts(task)})
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _rankings(task: retrieval.Retrieval, score: Score, hamming: Histograms) -> Iterable[Histograms]:
    if score == "hamming":
        return (hamming,)
    if score == "dot01":
        return (ranked(task, score),)
    queries, gallery = task.queries, task.gallery
    if queries.activations is None or queries.labels is None or gallery.labels is None:
        raise UsageError(
            "an index keeps bits, and asymmetric distances take the queries' activations",
            "nachash eval-map --dataset NAME --model DIR --score asymmetric",
        )
    return asymmetric.rankings(queries.activations, gallery.codes, queries.labels, gallery.labels)


def _gallery_size(task: retrieval.Retrieval) -> int:
    return len(task.gallery.codes) - (task.own is not None)


def _cuts(task: retrieval.Retrieval) -> list[int]:
    return [k for k in PRECISION_AT if k <= _gallery_size(task)]


def ranked(task: retrieval.Retrieval, score: str = "hamming") -> Histograms:
    """At which distance from each query how many images lie, and how many of them relevant."""
    return by_sets(
        task.queries.codes,
        task.gallery.codes,
        task.label_sets,
        bits=task.bits,
        score=score,
        exclude=task.own,
    )


def _curve(balls: Histograms) -> dict[str, list[int] | list[float]]:
    """The precision-recall curve, without the radii at which every ball is empty."""
    curve = precision_recall(balls)
    filled = ~np.isnan(curve.precision)
    columns = {"radius": curve.radius, "precision": curve.precision, "recall": curve.recall}
    return {name: column[filled].tolist() for name, column in columns.items()}


def zero_filled_mean(values: Float64[np.ndarray, "queries"]) -> float:
    """Mean over all queries; one without a relevant image (nan) counts as zero."""
    return float(np.nan_to_num(values).mean())


def _skipping_mean(values: Float64[np.ndarray, "queries"]) -> float:
    """Mean over the queries with a relevant image; zero when there is none."""
    scored = values[~np.isnan(values)]
    return float(scored.mean()) if len(scored) else 0.0
