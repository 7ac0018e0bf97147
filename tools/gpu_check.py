"""What a GPU computes beside the CPU, and how fast: `make gpu-check`.

    python tools/gpu_check.py [--device cpu --small]

Compares loss, gradients and fifty steps in single precision, the bits of ten thousand images, and
FAISS's flat search where its GPU part is installed. Then it measures the loop beside the bare step.
Ends with status 1 where something differs by more than rounding. Without a GPU it says so in one
line; `--device cpu --small` runs all of it, to see that it runs.
"""

import argparse
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from nachash.augment import cifar
from nachash.encoders.encoder import Encoder, initial
from nachash.methods import nac
from nachash.objective import Batch, Scale
from nachash.training import arithmetic, loop
from nachash.training.plan import Plan
from nachash.training.views import PixelViews, resident

CPU = torch.device("cpu")
BITS, SIZE, FLIP = 128, 32, 0.4


@dataclass(frozen=True)
class Sizes:
    """How much is compared and measured."""

    batch: int = 128
    steps: int = 50
    images: int = 10_000
    codes: int = 100_000
    timed_backbone: str = "vgg16"
    timed_batch: int = 1000
    timed_steps: int = 60


SMALL = Sizes(16, 3, 64, 500, "small", 16, 4)


@dataclass(frozen=True)
class Finding:
    """One comparison or measurement; `most` is what a difference may be, None for a speed."""

    name: str
    value: float
    most: float | None = None

    @property
    def fine(self) -> bool:
        """Whether it is a speed, or a difference that rounding explains."""
        return self.most is None or self.value <= self.most

    def __str__(self) -> str:
        if self.most is None:
            return f"        {self.name}: {self.value:,.4g}"
        verdict = "ok" if self.fine else "DIFFERS"
        return f"{verdict:7} {self.name}: {self.value:.3g}, at most {self.most:g}"


def encoder(backbone: str, device: torch.device) -> Encoder:
    """The same random weights on every device."""
    torch.manual_seed(0)
    built = initial(backbone, weights="random", bits=BITS, head="batch-norm")
    return built.to(device).to(memory_format=torch.channels_last)


def method(backbone: str, device: torch.device, batch: int) -> Any:
    """NAC around it."""
    scale = Scale(batch, batch)
    return nac.method(encoder(backbone, device), scale, noise=FLIP).to(device)


def drawn_views(step: int, batch: int) -> Tensor:
    """Two views of random pictures, drawn on the CPU whatever the device."""
    generator = torch.Generator().manual_seed(step)
    pictures = torch.rand(batch, 3, SIZE, SIZE, generator=generator)
    noise = 0.1 * torch.randn(2, batch, 3, SIZE, SIZE, generator=generator)
    return (pictures + noise).clamp(0, 1)


def batch_of(views: Tensor, step: int) -> Batch:
    """With the channel's noise drawn on the CPU, so that both devices flip the same bits."""
    generator = torch.Generator().manual_seed(1000 + step)
    return Batch(views, torch.arange(views.shape[1]), generator)


def difference(one: Tensor, other: Tensor) -> float:
    """Largest difference, as a share of the largest number."""
    one, other = one.detach().cpu().double(), other.detach().cpu().double()
    return float((one - other).abs().max() / one.abs().max().clamp(min=1e-12))


def one_step(device: torch.device, batch: int) -> tuple[Tensor, Tensor]:
    """Loss and all gradients of a step in single precision."""
    learner = method("small", device, batch).train()
    with arithmetic.autocast(device, "fp32"):
        total = learner(batch_of(drawn_views(0, batch).to(device), 0)).total
    total.backward()
    weights = [weight for weight in learner.parameters() if weight.grad is not None]
    return total, torch.cat([weight.grad.flatten() for weight in weights])


def losses(device: torch.device, sizes: Sizes) -> Tensor:
    """The loss of every step of a run through the loop."""
    counted: Iterator[int] = iter(range(sizes.steps))
    seen: list[float] = []
    learner = method("small", device, sizes.batch)

    def views(*_: Any) -> Tensor:
        return drawn_views(len(seen), sizes.batch).to(device)

    def batch(made: Tensor, *_: Any) -> Batch:
        return batch_of(made, next(counted))

    stage = loop.Stage(views, lambda: None, batch, device, precision="fp32")
    plan = Plan(images=sizes.batch, batch=sizes.batch, epochs=sizes.steps, learning_rate=1e-3)
    loop.train(learner, stage, plan, lambda step: seen.append(step.figures["loss"]))
    return torch.tensor(seen)


def flipped(device: torch.device, images: int) -> float:
    """Share of bits that differ between the devices."""
    generator = torch.Generator().manual_seed(0)
    pixels = torch.randint(0, 256, (images, 3, SIZE, SIZE), generator=generator, dtype=torch.uint8)
    with arithmetic.autocast(device, "fp32"):
        bits = [
            encoder("small", place).eval().encoded(pixels, 1000).activations.cpu() > 0
            for place in (CPU, device)
        ]
    return float((bits[0] != bits[1]).double().mean())


def wrong_neighbours(codes: int) -> float | None:
    """Distances in which FAISS's flat search on the GPU differs; None where it is not installed."""
    import faiss

    if not hasattr(faiss, "GpuIndexBinaryFlat"):
        return None
    rng = np.random.default_rng(0)
    stored, asked = (rng.integers(0, 256, (n, BITS // 8), np.uint8) for n in (codes, 100))
    flat = faiss.IndexBinaryFlat(BITS)
    flat.add(stored)
    on_gpu = faiss.GpuIndexBinaryFlat(faiss.StandardGpuResources(), flat)
    return float((flat.search(asked, 10)[0] != on_gpu.search(asked, 10)[0]).sum())


def seconds_of(step: Callable[[], object], steps: int, device: torch.device) -> float:
    """Seconds of a step once it is warm, with all that it has launched."""
    for _ in range(max(steps // 4, 1)):
        step()
    _wait(device)
    start = time.perf_counter()
    for _ in range(steps):
        step()
    _wait(device)
    return (time.perf_counter() - start) / steps


def bare_seconds(device: torch.device, sizes: Sizes) -> float:
    """A step on views that are ready: forward, backward, optimiser."""
    learner = method(sizes.timed_backbone, device, sizes.timed_batch).train()
    optimiser = torch.optim.AdamW(learner.parameters(), lr=1e-3, fused=device.type == "cuda")
    views = drawn_views(0, sizes.timed_batch).to(device)
    batch = Batch(views, torch.arange(sizes.timed_batch), torch.Generator(device))

    def step() -> None:
        optimiser.zero_grad(set_to_none=True)
        with arithmetic.autocast(device):
            total = learner(batch).total
        total.backward()
        optimiser.step()

    return seconds_of(step, sizes.timed_steps, device)


def loop_seconds(device: torch.device, sizes: Sizes) -> float:
    """A step of the loop, views and reports and all; the first quarter is left out."""
    learner = method(sizes.timed_backbone, device, sizes.timed_batch)
    pixels = torch.randint(0, 256, (4 * sizes.timed_batch, 3, SIZE, SIZE), dtype=torch.uint8)
    views = PixelViews(resident(pixels, device), cifar.recipe(SIZE), device)
    stage = loop.Stage(views, lambda: None, Batch, device)
    epochs = max(sizes.timed_steps // 4, 1)
    plan = Plan(images=len(pixels), batch=sizes.timed_batch, epochs=epochs, learning_rate=1e-3)
    times: list[float] = []
    loop.train(learner, stage, plan, lambda _: times.append(time.perf_counter()))
    first = len(times) // 4
    return (times[-1] - times[first]) / (len(times) - 1 - first)


def findings(device: torch.device, sizes: Sizes) -> Iterator[Finding]:
    """All of it, one after the other."""
    (loss, slopes), (their_loss, their_slopes) = (
        one_step(place, sizes.batch) for place in (CPU, device)
    )
    yield Finding("loss, relative", difference(loss, their_loss), 1e-4)
    yield Finding("gradients, relative", difference(slopes, their_slopes), 1e-2)
    yield Finding(
        f"losses of {sizes.steps} steps in fp32, relative",
        difference(losses(CPU, sizes), losses(device, sizes)),
        0.05,
    )
    yield Finding(f"bits of {sizes.images:,} images, share", flipped(device, sizes.images), 1e-4)
    if (wrong := wrong_neighbours(sizes.codes)) is not None:
        yield Finding("distances of FAISS's flat search on the GPU", wrong, 0)
    bare, whole = bare_seconds(device, sizes), loop_seconds(device, sizes)
    yield Finding(f"views per second of {sizes.timed_backbone}", 2 * sizes.timed_batch / whole)
    yield Finding("throughput of the loop to the bare step", bare / whole)


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize()


def main(arguments: list[str] | None = None) -> int:
    """Print every finding; 1 where one differs."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--small", action="store_true")
    given = parser.parse_args(arguments)
    if given.device == "cuda" and not torch.cuda.is_available():
        print("gpu-check: skipped, torch sees no GPU on this machine")
        return 0
    device = torch.device(given.device)
    name = torch.cuda.get_device_name() if device.type == "cuda" else "CPU"
    print(f"{name}, torch {torch.__version__}")
    fine = True
    for finding in findings(device, SMALL if given.small else Sizes()):
        print(finding, flush=True)
        fine &= finding.fine
    return 0 if fine else 1


if __name__ == "__main__":
    raise SystemExit(main())
