"""Training by the loop, beside the bare step of the network and beside a DataLoader pipeline.

All train the default NAC encoder (the small network, 32 pixels, 64 bits, two views) on the
same random images. `bare` is forward, backward and optimiser on a batch of views that is ready;
`loop` is nachash's training with decoded images in memory, views, report and all; `usual` is a
DataLoader whose worker processes apply torchvision.transforms to each image, twice. `bare` and
`usual` compute as the loop does (bfloat16 where the processor has it); `usual in float32` is what
torch does unless it is told otherwise.
"""

import contextlib
import statistics
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from _harness import Report, main
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms

from nachash.augment import cifar
from nachash.encoders.encoder import initial
from nachash.methods import nac
from nachash.objective import Batch, Scale
from nachash.training import arithmetic, loop
from nachash.training.plan import Plan
from nachash.training.views import PixelViews

SIZE, BATCH, BITS = 32, 128, 64


class TwoViews(Dataset):
    """Two views of each image by torchvision's transforms, with the parameters of `cifar`."""

    def __init__(self, images: np.ndarray) -> None:
        self.images = images
        self.transform = transforms.Compose(
            [
                transforms.ToPILImage(),
                transforms.RandomResizedCrop(SIZE),
                transforms.RandomHorizontalFlip(),
                transforms.RandomApply([transforms.ColorJitter(0.4, 0.4, 0.4, 0.1)], 0.8),
                transforms.RandomGrayscale(0.2),
                transforms.ToTensor(),
            ]
        )

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, position: int) -> tuple[torch.Tensor, torch.Tensor]:
        image = self.images[position]
        return self.transform(image), self.transform(image)


def stepper(*, as_loop: bool = True) -> Callable[[torch.Tensor], None]:
    """One step of training on a batch of views, and nothing else."""
    torch.manual_seed(0)
    encoder = initial("small", weights="random", bits=BITS, head="batch-norm")
    method = nac.method(encoder, Scale(BATCH, BATCH)).train()
    method.to(memory_format=torch.channels_last)
    optimiser = torch.optim.AdamW(method.parameters(), lr=1e-3)
    positions, generator = torch.arange(BATCH), torch.Generator().manual_seed(0)

    def step(views: torch.Tensor) -> None:
        optimiser.zero_grad(set_to_none=True)
        cpu = torch.device("cpu")
        with arithmetic.autocast(cpu) if as_loop else contextlib.nullcontext():
            loss = method(Batch(views, positions, generator)).total
        loss.backward()
        optimiser.step()

    return step


def bare(steps: int) -> float:
    """Seconds of a step on views that are ready."""
    step, views = stepper(), torch.rand(2, BATCH, 3, SIZE, SIZE)
    step(views)
    start = time.perf_counter()
    for _ in range(steps):
        step(views)
    return (time.perf_counter() - start) / steps


def ours(images: np.ndarray, steps: int) -> float:
    """Seconds of a step of nachash's loop."""
    torch.manual_seed(0)
    encoder = initial("small", weights="random", bits=BITS, head="batch-norm")
    method = nac.method(encoder, Scale(len(images), BATCH))
    method.to(memory_format=torch.channels_last)
    pixels = torch.from_numpy(images).permute(0, 3, 1, 2).contiguous()
    cpu = torch.device("cpu")
    stage = loop.Stage(PixelViews(pixels, cifar.recipe(SIZE), cpu), lambda: pixels, Batch, cpu)
    times: list[float] = []
    plan = Plan(images=len(images), batch=BATCH, epochs=steps // 8 + 1, learning_rate=1e-3)
    loop.train(method, stage, plan, lambda _: times.append(time.perf_counter()))
    return (times[-1] - times[0]) / (len(times) - 1)


def usual(images: np.ndarray, steps: int, *, as_loop: bool) -> float:
    """Seconds of a step that is fed by a DataLoader with two worker processes."""
    step = stepper(as_loop=as_loop)
    loader = DataLoader(TwoViews(images), BATCH, shuffle=True, num_workers=2, drop_last=True)

    def endless() -> Iterator[Any]:
        while True:
            yield from loader

    batches = endless()
    step(torch.stack(next(batches)))
    start = time.perf_counter()
    for _ in range(steps):
        step(torch.stack(next(batches)))
    return (time.perf_counter() - start) / steps


def measure(quick: bool) -> Report:
    """All in turn, several times."""
    steps, rounds = (16, 2) if quick else (40, 5)
    images = np.random.default_rng(0).integers(0, 256, (8 * BATCH, SIZE, SIZE, 3), np.uint8)
    ways: dict[str, Callable[[], float]] = {
        "bare": lambda: bare(steps),
        "loop": lambda: ours(images, steps),
        "usual": lambda: usual(images, steps // 2, as_loop=True),
        "usual in float32": lambda: usual(images, steps // 2, as_loop=False),
    }
    rows = [{name: way() for name, way in ways.items()} for _ in range(rounds)]
    others = [name for name in ways if name != "loop"]
    return Report(
        "train_step",
        {
            f"throughput of the loop to the {name}": statistics.median(
                row[name] / row["loop"] for row in rows
            )
            for name in others
        },
        {
            **{f"{name} step ms": 1000 * statistics.median(r[name] for r in rows) for name in ways},
            "loop views per s": 2 * BATCH / statistics.median(row["loop"] for row in rows),
        },
    )


if __name__ == "__main__":
    main(measure)
