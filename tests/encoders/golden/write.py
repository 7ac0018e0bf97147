"""Wrote model-1.tar.xz, once, when schema version 1 was new; it is never written again.

python tests/encoders/golden/write.py tests/encoders/golden/model-1.tar.xz
"""

import io
import sys
import tarfile
import tempfile
from pathlib import Path

import numpy as np
import torch

from nachash.encoders import model_directory
from nachash.encoders.encoder import Encoder, initial
from nachash.encoders.onnx_export import onnx_graph
from nachash.inference.onnx_encoder import OnnxEncoder
from nachash.model_config import ModelConfig
from nachash.records import Preprocessing

SIZE, BITS = 32, 16
PIXELS = (np.arange(12 * SIZE * SIZE * 3, dtype=np.int64) ** 2 // 97 % 256).astype(np.uint8)
PIXELS = PIXELS.reshape(12, SIZE, SIZE, 3)
CONFIG = ModelConfig(
    bits=BITS,
    backbone="small",
    preprocessing=Preprocessing(SIZE, "bilinear", 3),
    method="nac",
    method_settings={"noise": 0.25, "posterior": "channel"},
    training={"images": 1, "epochs": 2, "budget": None, "augment": "cifar", "frozen": False},
    data={"name": "digits", "rule": "those of a test", "skipped": 0},
    seed=7,
    versions={"nachash": "0.1.0"},
)


def main(path: Path) -> None:
    """A model directory, and what its encoder makes of `PIXELS`."""
    torch.manual_seed(0)
    encoder = initial("small", weights="random", bits=BITS, head="batch-norm").eval()
    _make_small(encoder)
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        graph = onnx_graph(encoder, SIZE)
        model_directory.save(directory, encoder, CONFIG, graph)
        (directory / "metrics.jsonl").write_text('{"step": 10, "loss": 1.5}\n', encoding="utf-8")
        content = io.BytesIO()
        np.save(content, OnnxEncoder(graph).activations(PIXELS))
        (directory / "activations.npy").write_bytes(content.getvalue())
        with tarfile.open(path, "w:xz") as archive:
            for file in sorted(directory.iterdir()):
                archive.add(file, f"model-1/{file.name}")


@torch.no_grad()
def _make_small(encoder: Encoder) -> None:
    """Few weights that differ from zero, and those of one size: so the archive is small."""
    pixels = torch.from_numpy(PIXELS).permute(0, 3, 1, 2).float() / 255
    for weight in encoder.parameters():
        if weight.ndim > 1:
            zeros = 0.99 if weight.numel() > 10_000 else 0.7
            least = weight.abs().flatten().kthvalue(int(zeros * weight.numel()))[0]
            weight.copy_(weight.sign() * (weight.abs() > least) * weight.std())
    for module in encoder.modules():
        if isinstance(module, torch.nn.modules.batchnorm._BatchNorm):
            module.momentum = None  # statistics are those of the pictures alone
    encoder.train()(pixels)
    encoder.eval()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
