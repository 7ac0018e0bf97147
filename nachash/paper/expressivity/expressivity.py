"""`expressivity`: models and images -> activation patterns before and after training -> figures."""

import logging
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from nachash import model_config, plugins
from nachash.errors import NoImagesError, UsageError
from nachash.images.sources.sample import sample
from nachash.model_config import ModelConfig
from nachash.paper.expressivity import codewords
from nachash.paper.expressivity.crossings import Way, boundaries_crossed
from nachash.paper.expressivity.options import ExpressivitySettings
from nachash.paper.expressivity.plane import Plane
from nachash.paper.expressivity.plane_images import Images, plane_corners, plane_of
from nachash.records import Progress, silent
from nachash.results.expressivity import Expressivity, Fineness, ModelFineness, PlanePicture
from nachash.shapes import Bool, Float32, Int64
from nachash.tasks.device import torch_device
from nachash.tasks.environment import list_versions
from nachash.tasks.model import chosen_model
from nachash.tasks.train import images as training_images
from nachash.tasks.workers import decoding_threads

if TYPE_CHECKING:
    from nachash.encoders.encoder import Encoder
    from nachash.paper.expressivity.activation_patterns import ActivationPatterns

_log = logging.getLogger(__name__)

STAGES: Final = ("before", "after")
_BATCH: Final = 256


def expressivity(
    settings: ExpressivitySettings,
    *,
    progress: Progress = silent,
) -> tuple[Expressivity, tuple[PlanePicture, ...]]:
    """Figures of every model before and after its training, and a picture of each.

    "Before" are the weights of the recorded seed, with batch norms that know the images.

    Raises:
        UsageError: no such layer, models of different input sizes, or no images were named.
        NoImagesError: fewer than three images can be read, or none span a plane.
        MissingError, DamagedError, IncompatibleError: a model or the images cannot be used.
        DeviceError: the device was asked for and is not there.
    """
    started = time.perf_counter()
    models = settings.models or (chosen_model(None),)
    configs = [model_config.read(model) for model in models]
    images = _images(settings, configs, progress)
    rng = np.random.default_rng(settings.seed)
    corners = plane_corners(images, rng)
    pairs = _pairs(len(images.pixels), settings.pairs, rng)
    probe = _Probe(settings, images, corners, pairs, progress)
    measured = [probe.of_model(model) for model in models]
    record = Expressivity(
        models=tuple(figures for figures, _ in measured),
        layer=settings.layer,
        data=images.rule,
        images=len(images.pixels),
        images_sha256=images.fingerprint,
        plane=tuple(images.paths[corner] for corner in corners),
        grid=settings.grid,
        pairs=len(pairs),
        pair_length=float(np.mean(probe.lengths())),
        seed=settings.seed,
        versions=list_versions(),
        seconds=time.perf_counter() - started,
    )
    return record, tuple(picture for _, pictures in measured for picture in pictures)


def _images(
    settings: ExpressivitySettings, configs: Sequence[ModelConfig], progress: Progress
) -> Images:
    sizes = sorted({config.preprocessing.size for config in configs})
    if len(sizes) > 1:
        raise UsageError(
            f"the models see images of different sizes: {', '.join(map(str, sizes))} pixels",
            "compare models of one size",
        )
    dataset = settings.dataset
    if settings.images is None and dataset is None:
        dataset = str(configs[0].data.get("name"))
        if dataset not in plugins.names("datasets"):
            raise UsageError(
                "the model was not trained on a data set with a name, so the images are missing",
                "--images FOLDER, or --dataset NAME",
            )
    data = training_images.select_training_data(
        settings.images, dataset, settings.data_root, settings.seed
    )
    some = sample(data.source, settings.sample, settings.seed)
    workers = decoding_threads(settings.workers)
    decoded = training_images.decoded(some, sizes[0], workers=workers, progress=progress)
    if len(decoded.pixels) < 3:
        raise NoImagesError(
            f"a plane takes three images, and {len(decoded.pixels)} can be read",
            "name a folder with more images",
        )
    unread = {image.path for image in decoded.skipped}
    paths = tuple(ref.path for ref in some.references if ref.path not in unread)
    return Images(decoded.pixels, paths, decoded.fingerprint, f"{data.name}: {data.rule}")


def _pairs(count: int, wanted: int, rng: np.random.Generator) -> Int64[np.ndarray, "pairs 2"]:
    """Random pairs of different images, each pair independent of the others."""
    one = rng.integers(0, count, wanted)
    return np.stack([one, (one + rng.integers(1, count, wanted)) % count], axis=1)


@dataclass(frozen=True, slots=True)
class _Probe:
    """Measures encoders on the same images, pairs and plane."""

    settings: ExpressivitySettings
    images: Images
    corners: tuple[int, int, int]
    pairs: Int64[np.ndarray, "pairs 2"]
    progress: Progress

    def of_model(
        self,
        directory: Path,
    ) -> tuple[ModelFineness, list[PlanePicture]]:
        """A model before and after its training."""
        from nachash.encoders import model_directory
        from nachash.paper.expressivity.activation_patterns import smooth_layers

        after, config = model_directory.load(directory)
        if smooth := smooth_layers(after):
            _log.info(
                "%s has %s layers: where its patterns are constant, it is smooth, but not linear",
                directory,
                ", ".join(smooth),
            )
        before = _initial(config)
        self._show_images(before.head if config.training.get("frozen") else before, before)
        stages = zip(STAGES, (before, after), strict=True)
        pictures = [self._of_encoder(str(directory), stage, network) for stage, network in stages]
        figures = ModelFineness(
            model=str(directory),
            method=config.method,
            fingerprint=config.encoder_sha256,
            seed=config.seed,
            before=pictures[0].fineness,
            after=pictures[1].fineness,
        )
        return figures, pictures

    def _show_images(self, fitted: Any, encoder: "Encoder") -> None:
        """Let batch norms know the images: those of the whole encoder, or of its head alone."""
        import torch

        from nachash.paper.expressivity.activation_patterns import fit_normalisation

        encoder.eval()
        batches: list[Any] = [torch.from_numpy(batch) for batch in self._batches()]
        if fitted is encoder.head:
            with torch.inference_mode():
                batches = [encoder.backbone_features(batch).clone() for batch in batches]
        fit_normalisation(fitted, batches)

    def _of_encoder(self, model: str, stage: str, encoder: "Encoder") -> PlanePicture:
        from nachash.paper.expressivity.activation_patterns import ActivationPatterns

        device = torch_device(self.settings.device)
        patterns = ActivationPatterns(encoder, self.settings.layer, device)
        title = f"{model}, {stage} training"
        found = np.concatenate([patterns(batch) for batch in self._batches()])
        ways = list(self._ways(patterns, title))
        regions, plane = self._regions(patterns, title)
        crossed = np.array([way.crossed for way in ways])
        ends = found[self.pairs]
        fineness = Fineness(
            stage=stage,
            units=found.shape[1],
            codes=codewords.distinct(found),
            pair_distance=codewords.mean_distance(found),
            pair_distance_of_ends=float((ends[:, 0] != ends[:, 1]).sum(axis=1).mean()),
            crossings=float(crossed.mean()),
            crossings_per_length=float(crossed.sum() / self.lengths().sum()),
            samples=float(np.mean([way.intervals for way in ways])),
            stable=float(np.mean([way.stable for way in ways])),
            plane_regions=len(np.unique(regions)),
        )
        (left, low), (right, high) = plane.window()
        return PlanePicture(
            title=title,
            fineness=fineness,
            regions=regions,
            window=(float(left), float(right), float(low), float(high)),
            corners=plane.corners,
            thumbnails=self.images.pixels[list(self.corners)].transpose(0, 2, 3, 1),
        )

    def _batches(self) -> Iterator[Float32[np.ndarray, "batch 3 size size"]]:
        for start in range(0, len(self.images.pixels), _BATCH):
            yield self.images.unit(slice(start, start + _BATCH))

    def lengths(self) -> "np.ndarray[Any, np.dtype[np.float64]]":
        """Euclidean distances of the pairs, of pixels in [0, 1]."""
        ends = self.images.unit(self.pairs.ravel()).reshape(len(self.pairs), 2, -1)
        return np.linalg.norm(ends[:, 1] - ends[:, 0], axis=1).astype(np.float64)

    def _ways(self, patterns: "ActivationPatterns", title: str) -> Iterator[Way]:
        def in_batches(
            images: Float32[np.ndarray, "n 3 size size"],
        ) -> Bool[np.ndarray, "n units"]:
            pieces = range(0, len(images), _BATCH)
            return np.concatenate([patterns(images[at : at + _BATCH]) for at in pieces])

        for number, pair in enumerate(self.pairs):
            start, end = self.images.unit(pair)
            yield boundaries_crossed(in_batches, start, end)
            self.progress(f"boundaries of {title}", number + 1, len(self.pairs))

    def _regions(
        self, patterns: "ActivationPatterns", title: str
    ) -> tuple[Int64[np.ndarray, "grid grid"], Plane]:
        """A number per pattern on the grid of the plane."""
        plane = plane_of(self.images, self.corners)
        assert plane is not None  # as plane_corners made sure
        side = self.settings.grid
        points = plane.grid(side).reshape(-1, 2)
        found = []
        for start in range(0, len(points), _BATCH):
            inputs = plane.at(points[start : start + _BATCH]).astype(np.float32)
            found.append(codewords.identities(patterns(inputs)))
            self.progress(f"plane of {title}", start + len(inputs), len(points))
        return np.concatenate(found).reshape(side, side), plane


def _initial(config: ModelConfig) -> "Encoder":
    """The encoder that the training of a model began with, as `train` makes it from the seed."""
    import torch

    from nachash.encoders.encoder import initial

    with torch.random.fork_rng():
        torch.manual_seed(config.seed)
        return initial(
            config.backbone, weights=config.weights, bits=config.bits, head=config.head
        ).eval()
