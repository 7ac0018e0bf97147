"""Figures of one trained model of an experiment: retrieval, and linear classification if wanted."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nachash.datasets import DataSet
from nachash.metrics.average_precision import average_precision
from nachash.records import Progress
from nachash.results.compare import Cell, Measured
from nachash.shapes import Float32, Int64
from nachash.tasks.dataset import source_of
from nachash.tasks.device import torch_device
from nachash.tasks.evaluate import retrieval
from nachash.tasks.evaluate.evaluate import ranked, scores_of, zero_filled_mean
from nachash.tasks.model import Model, loaded_model
from nachash.tasks.train.frozen_features import frozen_features
from nachash.tasks.workers import decoding_threads

_CUT = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Measures models on a data set under a protocol; all cells share the split of `seed`.

    `linear` gives the accuracy of a linear classifier, None where it is not wanted.
    """

    dataset: DataSet
    protocol: str | None
    seed: int
    linear: Callable[[Path], float] | None
    device: str
    workers: int | None
    progress: Progress

    def of(self, cell: Cell, directory: Path) -> Measured:
        """The figures of a cell whose model lies in `directory`."""
        model = loaded_model(directory, self.device)
        task = self._frozen(model) if model.config.training.get("frozen") else self._whole(model)
        ranking = ranked(task)
        everything = scores_of(task, ranking=ranking)
        noise = model.config.method_settings.get("noise")
        return Measured(
            cell=cell,
            model=str(directory),
            encoder_sha256=model.config.encoder_sha256,
            backbone=model.config.backbone,
            frozen=bool(model.config.training.get("frozen")),
            noise=noise,
            capacity=None if noise is None else _capacity(task.bits, noise),
            map=everything.map,
            map_at_1000=zero_filled_mean(average_precision(ranking, _CUT)),
            chance=everything.chance,
            gallery=everything.gallery,
            distinct=everything.distinct,
            linear=self.linear(directory) if self.linear else None,
            protocol=task.protocol,
            seconds=float(model.config.training["seconds"]),
        )

    def _whole(self, model: Model) -> retrieval.Retrieval:
        return retrieval.of_dataset(
            self.dataset,
            model,
            protocol=self.protocol,
            seed=self.seed,
            workers=self.workers,
            progress=self.progress,
        )

    def _frozen(self, model: Model) -> retrieval.Retrieval:
        """The same from features of the frozen backbone, which all cells on it share."""
        split = retrieval.split_of(self.dataset, self.protocol, self.seed)
        activations = self._activations(model)

        def labelled(positions: Int64[np.ndarray, "n"]) -> retrieval.Labelled:
            return retrieval.labelled(
                activations[positions], self.dataset.labels.multi_hot[positions]
            )

        return retrieval.Retrieval(
            queries=labelled(split.query),
            gallery=labelled(split.gallery),
            own=None,
            bits=model.config.bits,
            protocol=retrieval.protocol_name(self.dataset, self.protocol, split),
            name=str(model.directory),
            seed=self.seed,
        )

    def _activations(self, model: Model) -> Float32[np.ndarray, "n bits"]:
        import torch

        from nachash.encoders import model_directory
        from nachash.encoders.encoder import encoded_in_batches

        encoder, config = model_directory.load(model.directory)
        source = source_of(self.dataset, np.arange(len(self.dataset.labels.ends)))
        device = torch_device(self.device)
        found = frozen_features(
            encoder,
            source,
            size=config.preprocessing.size,
            augment=None,
            seed=0,
            device=None if device.type == "cpu" else str(device),
            workers=decoding_threads(self.workers),
            progress=self.progress,
        )
        retrieval.require_all(source, found.skipped)
        features = torch.from_numpy(found.features[0])
        encoded = encoded_in_batches(encoder.head, features, 4096, lambda piece: piece.float())
        activations: Float32[np.ndarray, "n bits"] = encoded.activations.numpy()
        return activations


def _capacity(bits: int, noise: float) -> float:
    from nachash import channel

    return channel.capacity(bits, noise)
