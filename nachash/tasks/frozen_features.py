"""Features of some views of each image under a frozen backbone: computed once, then cached.

Most of a training step is the backbone. Where it stays as it is, its features of a few views of
each image are all that the head learns from, so they are computed once, as fast as images are
encoded, and kept in the user's cache folder for the next run over the same images.
"""

import contextlib
import hashlib
import json
import os
import zipfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from nachash import __version__, plugins
from nachash.images import stream
from nachash.images.sample import sample
from nachash.records import Preprocessing, Progress, Skipped, Source
from nachash.shapes import Float32, UInt8
from nachash.tasks.training_images import none_readable

if TYPE_CHECKING:
    from nachash.encoders.encoder import Encoder

# At most so many images pass the backbone; a collection of more gets fewer views, then a sample.
_MOST_PASSES: Final = 35_000
_MOST_VIEWS: Final = 6
_LEAST_VIEWS: Final = 2
_BATCH: Final = 64
_MOST_CACHED_BYTES: Final = 4 << 30

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
    augment: str,
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
        augment: name of the recipe of views.
        seed: of the views.
        device: a torch device, or None for ONNX Runtime on the CPU.
        workers: threads that decode.
        progress: told of every batch.

    Raises:
        NoImagesError: not a single image can be read.
    """
    from nachash.encoders import onnx_export

    source = sample(source, _MOST_PASSES // (_LEAST_VIEWS + 1), seed)
    graph = onnx_export.feature_graph(encoder, size)
    listing = hashlib.sha256(repr((source.root, source.references)).encode()).hexdigest()
    recipe = (listing, hashlib.sha256(graph).hexdigest(), size, augment, seed, __version__)
    path = _folder() / f"{hashlib.sha256(repr(recipe).encode()).hexdigest()[:32]}.npz"
    found = _cached(path, listing)
    if found is None:
        encode = _on_gpu(encoder, device) if device else _on_cpu(graph)
        computed = _Views(encode, plugins.load("augment", augment).recipe(size), size, seed)
        found = computed.of(source, listing, workers, progress)
        _put(path, found)
    return found


@dataclass(frozen=True, slots=True)
class _Views:
    """Decodes, draws views, encodes."""

    encode: _Encode
    recipe: Any
    size: int
    seed: int

    def of(
        self, source: Source, fingerprint: str, workers: int, progress: Progress
    ) -> FrozenFeatures:
        views, total = views_of(len(source.references)), len(source.references)
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
        return FrozenFeatures(np.concatenate(pieces, axis=1), tuple(skipped), fingerprint)

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


def _folder() -> Path:
    from platformdirs import user_cache_dir

    return Path(os.environ.get("NACHASH_CACHE") or user_cache_dir("nachash")) / "features"


def _cached(path: Path, fingerprint: str) -> FrozenFeatures | None:
    """The features in a file; None when there is none, or not a whole one."""
    try:
        with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
            skipped = json.loads(str(file["skipped"]))
            features = file["features"]
        os.utime(path)
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None
    return FrozenFeatures(features, tuple(Skipped(**image) for image in skipped), fingerprint)


def _put(path: Path, found: FrozenFeatures) -> None:
    """Keep features for the next run; a cache that cannot be written is no reason to stop."""
    skipped = json.dumps([asdict(image) for image in found.skipped])
    temporary = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("wb") as file:
            np.savez(file, features=found.features, skipped=np.array(skipped))
        temporary.replace(path)
        _forget_oldest(path.parent)
    except OSError:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def _forget_oldest(folder: Path) -> None:
    """Remove what was not used for longest, until the rest takes at most 4 GiB."""
    files = sorted(folder.glob("*.npz"), key=lambda path: path.stat().st_mtime)
    excess = sum(path.stat().st_size for path in files) - _MOST_CACHED_BYTES
    for path in files[:-1]:
        if excess <= 0:
            break
        excess -= path.stat().st_size
        path.unlink(missing_ok=True)
