"""Features of some views of each image under a frozen backbone: computed once, then cached.

Most of a training step is the backbone. Where it stays as it is, its features of a few views of
each image are all that the head learns from, so they are computed once, as fast as images are
encoded, and kept in the user's cache folder for the next run over the same images.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from nachash import __version__, plugins
from nachash.images import stream
from nachash.images.sources.sample import sample
from nachash.records import Preprocessing, Progress, Skipped, Source
from nachash.shapes import Float32, UInt8
from nachash.tasks.train import feature_cache
from nachash.tasks.train.feature_cache import Cached
from nachash.tasks.train.images import none_readable

if TYPE_CHECKING:
    from nachash.encoders.encoder import Encoder

# At most so many images pass the backbone; a collection of more gets fewer views, then a sample.
_MOST_PASSES: Final = 35_000
_MOST_VIEWS: Final = 6
_LEAST_VIEWS: Final = 2
_BATCH: Final = 64

_Encode = Callable[[UInt8[np.ndarray, "batch size size 3"]], Float32[np.ndarray, "batch features"]]


@dataclass(frozen=True, slots=True)
class FrozenFeatures:
    """Row 0 holds the images as they are, the other rows a random view of each.

    `fingerprint` is the SHA-256 of the listing of the images, sizes and times of change.
    """

    features: "np.ndarray[Any, np.dtype[np.float16]]"
    skipped: tuple[Skipped, ...]
    fingerprint: str


def views_of(images: int) -> int:
    """How many views of each image are cached: 6 up to 5,000 images, 2 at the least."""
    return max(_LEAST_VIEWS, min(_MOST_VIEWS, _MOST_PASSES // max(images, 1) - 1))


def frozen_features(
    encoder: "Encoder",
    source: Source,
    *,
    size: int,
    augment: str | None,
    seed: int,
    device: str | None,
    workers: int,
    progress: Progress,
) -> FrozenFeatures:
    """Features from the cache, else computed and put there.

    Args:
        encoder: whose backbone is frozen; its head plays no part.
        source: the images; of a large collection a random sample is taken.
        size: side of the square input in pixels.
        augment: name of the recipe of views; None for the images as they are, all of them.
        seed: of the views.
        device: a torch device, or None for ONNX Runtime on the CPU.
        workers: threads that decode.
        progress: told of every batch.

    Raises:
        NoImagesError: not a single image can be read.
    """
    from nachash.encoders import onnx_export

    graph = onnx_export.feature_graph(encoder, size)
    views = 0
    if augment:
        source = sample(source, _MOST_PASSES // (_LEAST_VIEWS + 1), seed)
        views = views_of(len(source.references))
    listing = hashlib.sha256(repr((source.root, source.references)).encode()).hexdigest()
    drawn = (augment, seed) if augment else ()
    recipe = (listing, hashlib.sha256(graph).hexdigest(), size, *drawn, __version__)
    path = feature_cache.file(hashlib.sha256(repr(recipe).encode()).hexdigest()[:32])
    found = feature_cache.read(path)
    if found is None:
        encode = _on_gpu(encoder, device) if device else _on_cpu(graph)
        drawing = plugins.load("augment", augment).recipe(size) if augment else None
        found = _Views(encode, drawing, size, seed).of(source, views, workers, progress)
        feature_cache.write(path, found)
    return FrozenFeatures(found.features, found.skipped, listing)


@dataclass(frozen=True, slots=True)
class _Views:
    """Decodes, draws views, encodes."""

    encode: _Encode
    recipe: Any
    size: int
    seed: int

    def of(self, source: Source, views: int, workers: int, progress: Progress) -> Cached:
        total = len(source.references)
        pieces, skipped = [], list(source.skipped)
        done = 0
        for number, batch in enumerate(
            stream.batches(source, Preprocessing(self.size), batch_size=_BATCH, workers=workers)
        ):
            skipped += batch.skipped
            if len(batch.pixels):
                pieces.append(self._features(batch.pixels, views, number))
            done += len(batch.pixels) + len(batch.skipped)
            progress("features", done, total)
        if not pieces:
            raise none_readable(skipped)
        return Cached(np.concatenate(pieces, axis=1), tuple(skipped))

    def _features(
        self, pixels: UInt8[np.ndarray, "batch size size 3"], views: int, number: int
    ) -> "np.ndarray[Any, np.dtype[np.float16]]":
        """Features [1 + views, batch, features] of a batch as it is and of its views."""
        import torch

        images = torch.from_numpy(pixels.transpose(0, 3, 1, 2))
        entropy = np.random.SeedSequence((self.seed, number)).generate_state(1)[0]
        generator = torch.Generator().manual_seed(int(entropy))
        seen = [pixels]
        for _ in range(views):
            view = self.recipe(images, generator).mul(255).round().to(torch.uint8)
            seen.append(np.ascontiguousarray(view.permute(0, 2, 3, 1).numpy()))
        return np.stack([self.encode(one).astype(np.float16) for one in seen])


def _on_cpu(graph: bytes) -> _Encode:
    from nachash.inference.onnx_encoder import OnnxEncoder

    return OnnxEncoder(graph).activations


def _on_gpu(encoder: "Encoder", device: str) -> _Encode:
    from nachash.encoders.torch_encoder import feature_function

    return feature_function(encoder, device)
