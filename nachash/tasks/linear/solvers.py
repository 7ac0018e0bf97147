"""The three ways to learn classes from frozen features, as one call: labels in, predictions out."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol, runtime_checkable

import numpy as np

from nachash import plugins
from nachash.images import stream
from nachash.probes import knn, linear, stratified
from nachash.records import Progress
from nachash.results.linear import Features
from nachash.shapes import Int64
from nachash.tasks.evaluate.retrieval import require_all
from nachash.tasks.linear.classified_images import Classified
from nachash.tasks.linear.frozen_encoder import Encoded, FrozenEncoder

if TYPE_CHECKING:
    import torch

VALIDATION_SHARE: Final = 0.2
_SUBSET: Final = 1  # 0 is the split into training and test images
_VALIDATION: Final = 2
_VIEWS: Final = 3
_LAYER: Final = 4
_RECIPE: Final = "crop-flip"


@dataclass(frozen=True, slots=True)
class Trial:
    """Predicted classes of the test images; `penalty` is the one that the exact solver chose."""

    predicted: Int64[np.ndarray, "test"]
    penalty: float | None = None
    converged: bool = True


@runtime_checkable
class Solver(Protocol):
    """Learns from some training images, for one kind of features."""

    def __call__(self, kind: Features, subset: Int64[np.ndarray, "subset"], seed: int) -> Trial:
        """The predictions for all test images; test labels are not to be looked at."""


def subset_of(
    classes: Int64[np.ndarray, "n"], fraction: float, seed: int
) -> Int64[np.ndarray, "subset"]:
    """The stratified subset of a seed; nested over fractions."""
    return stratified.subset(classes, fraction, np.random.default_rng((seed, _SUBSET)))


@dataclass(frozen=True, slots=True)
class Exact:
    """Logistic regression on features that are computed once."""

    train: Encoded
    test: Encoded

    def __call__(self, kind: Features, subset: Int64[np.ndarray, "subset"], seed: int) -> Trial:
        """The penalty is chosen on a fifth of each class of the subset."""
        classes = self.train.classes[subset]
        random = np.random.default_rng((seed, _VALIDATION))
        held_out = stratified.held_out(classes, VALIDATION_SHARE, random)
        fitted = linear.classifier(self.train.of_kind(kind)[subset], classes, held_out)
        predicted = fitted.predict(self.test.of_kind(kind))
        return Trial(predicted, fitted.penalty, fitted.converged)


@dataclass(frozen=True, slots=True)
class Neighbours:
    """Votes of the nearest among the training images."""

    train: Encoded
    test: Encoded
    neighbours: int

    def __call__(self, kind: Features, subset: Int64[np.ndarray, "subset"], seed: int) -> Trial:
        """Nothing is random here; the seed has drawn the subset."""
        del seed
        predicted = knn.predictions(
            self.test.of_kind(kind),
            self.train.of_kind(kind)[subset],
            self.train.classes[subset],
            neighbours=self.neighbours,
        )
        return Trial(predicted)


@dataclass(frozen=True, slots=True)
class Published:
    """A linear layer trained on new views in every epoch, the images decoded and encoded anew."""

    frozen: FrozenEncoder
    train: Classified
    test: Encoded
    classes: int
    epochs: int
    complete: bool
    workers: int
    progress: Progress

    def __call__(self, kind: Features, subset: Int64[np.ndarray, "subset"], seed: int) -> Trial:
        """Order, views and the layer's first weights follow from the seed."""
        import torch

        from nachash.probes import published

        device = self.frozen.encoder.device
        images = self.train.at(subset)
        seen = self.test.of_kind(kind)
        steps = -(-len(subset) // published.BATCH)
        layer = published.linear_layer(
            lambda epoch: self._views(images, kind, seed, epoch),
            features=seen.shape[1],
            classes=self.classes,
            epochs=self.epochs,
            steps_per_epoch=steps,
            generator=torch.Generator().manual_seed(_number(seed, _LAYER)),
            device=device,
            report=self._report(f"{self.frozen.directory.name} {kind}", steps * self.epochs),
        )
        logits = layer(torch.from_numpy(seen).to(device))
        return Trial(logits.argmax(dim=1).cpu().numpy())

    def _views(
        self, images: Classified, kind: Features, seed: int, epoch: int
    ) -> "Iterator[tuple[torch.Tensor, torch.Tensor]]":
        """Features of a new view of every image, with classes, in a new order."""
        import torch

        from nachash.probes.published import BATCH

        encoder = self.frozen.encoder
        random = np.random.default_rng((seed, _VIEWS, epoch))
        generator = torch.Generator(encoder.device).manual_seed(_number(seed, _VIEWS, epoch))
        recipe = plugins.load("augment", _RECIPE).recipe(self.frozen.config.preprocessing.size)
        order = images.at(random.permutation(len(images.classes)))
        known = dict(zip((r.path for r in order.source.references), order.classes, strict=True))
        for batch in stream.batches(
            order.source, self.frozen.config.preprocessing, batch_size=BATCH, workers=self.workers
        ):
            if self.complete:
                require_all(order.source, batch.skipped)
            if not len(batch.pixels):
                continue
            pixels = torch.from_numpy(batch.pixels).to(encoder.device).permute(0, 3, 1, 2)
            classes = np.array([known[each.path] for each in batch.references], np.int64)
            rows = _of_kind(kind, *encoder.of_views(recipe(pixels, generator)))
            yield rows, torch.from_numpy(classes).to(encoder.device)

    def _report(self, stage: str, steps: int) -> Callable[[int, float], None]:
        def report(step: int, loss: float) -> None:
            self.progress(stage, step, steps, loss=loss)

        return report


def _of_kind(kind: Features, features: "torch.Tensor", activations: "torch.Tensor") -> Any:
    """As `Encoded.of_kind`, of tensors."""
    match kind:
        case "features":
            return features
        case "tanh":
            return activations.tanh()
        case "code":
            return (activations > 0).float() * 2 - 1


def _number(*entropy: int) -> int:
    """A seed for torch; 63 bits, since some devices take no larger one."""
    return int(np.random.SeedSequence(entropy).generate_state(1, np.uint64)[0] >> np.uint64(1))
