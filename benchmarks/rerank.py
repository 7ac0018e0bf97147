"""What `search --rerank` gains: mAP by Hamming distance beside mAP after re-ranking.

The 500 query digits of the data set's protocol against its gallery of 1,297, 64 bits. The encoder
is trained for a few epochs. Ties of the Hamming ranking count by their expectation over random
orders; asymmetric distances have none to speak of. Re-ranking orders the nearest 100 (and all).
"""

import tempfile
from pathlib import Path

import numpy as np
from _harness import Report, main

from nachash import codes
from nachash.metrics.average_precision import average_precision
from nachash.metrics.distance_histogram import histograms
from nachash.tasks.dataset import loaded_dataset, source_of
from nachash.tasks.model import loaded_model
from nachash.tasks.train.train import TrainSettings, train

BITS = 64
NEAREST = 100


def measure(quick: bool) -> Report:
    """mAP@100 and mAP over all, before and after."""
    digits = loaded_dataset("digits", None)
    split = digits.protocols[digits.default_protocol](0)
    with tempfile.TemporaryDirectory() as name:
        train(TrainSettings(epochs=1 if quick else 8, bits=BITS, out=Path(name) / "model"))
        model = loaded_model(Path(name) / "model", "cpu")
        queries, gallery = (encoded(digits, part, model) for part in (split.query, split.gallery))
    query_labels, labels = (
        digits.labels.multi_hot[part].argmax(1) for part in (split.query, split.gallery)
    )
    packed = codes.encode(gallery)
    figures = {}
    for at, label in ((NEAREST, "mAP@100"), (len(gallery), "mAP@all")):
        ranking = histograms(
            codes.encode(queries),
            packed,
            digits.labels.multi_hot[split.query],
            digits.labels.multi_hot[split.gallery],
            bits=BITS,
            score="hamming",
        )
        figures[f"{label}, Hamming"] = float(np.nan_to_num(average_precision(ranking, at)).mean())
        figures[f"{label}, re-ranked"] = float(
            np.mean(
                [
                    reranked_precision(query, packed, labels == label_of, at)
                    for query, label_of in zip(queries, query_labels, strict=True)
                ]
            )
        )
    ratios = {
        f"re-ranked / Hamming, {label}": figures[f"{label}, re-ranked"]
        / figures[f"{label}, Hamming"]
        for label in ("mAP@100", "mAP@all")
    }
    return Report("rerank", ratios, figures)


def encoded(digits, positions, model):
    """Activations of some digits."""
    from nachash.images import stream

    batches = stream.batches(
        source_of(digits, positions), model.config.preprocessing, batch_size=256, workers=0
    )
    return np.concatenate([model.encoder.activations(batch.pixels) for batch in batches])


def reranked_precision(query, packed, relevant, at):
    """Average precision of one query whose `at` nearest by Hamming distance were re-ranked."""
    distances = codes.hamming(codes.encode(query)[None], packed)[0]
    nearest = np.argsort(distances, kind="stable")[:at]
    order = np.argsort(codes.asymmetric_distance(query, packed[nearest]), kind="stable")
    hits = relevant[nearest[order]]
    precision = np.cumsum(hits) / np.arange(1, len(hits) + 1)
    return float(precision[hits].mean()) if hits.any() else 0.0


if __name__ == "__main__":
    main(measure)
