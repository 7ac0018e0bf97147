"""Two processes that train together come to what one process comes to with the whole batch."""

import contextlib
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple
from unittest import mock

import pytest
import torch
import torch.multiprocessing as mp
from torch import Tensor, nn

from nachash import plugins
from nachash.objective import Batch, Scale
from nachash.training.distributed import ALONE, ProcessGroup, process_group
from nachash.training.loop import Stage, train
from nachash.training.plan import Plan

CPU = torch.device("cpu")
BATCH, IMAGES, STEPS = 8, 16, 3
CONTRASTIVE = ["nac", "simclr", "nac-moco", "moco-v2", "insdis"]


class Encoded(NamedTuple):
    features: Tensor
    activations: Tensor


class WithBatchNorms(nn.Module):
    features = 10
    bits = 6

    def __init__(self) -> None:
        super().__init__()
        self.backbone = nn.Sequential(
            nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(16, 10)
        )
        self.head = nn.Sequential(nn.Linear(10, 6), nn.BatchNorm1d(6, affine=False))

    def forward(self, images: Tensor) -> Encoded:
        features = self.backbone(images)
        return Encoded(features, self.head(features))


class SameViews:
    """Views that depend on the image alone, so that any split of a batch sees the same ones."""

    def __init__(self) -> None:
        generator = torch.Generator().manual_seed(7)
        self.of_images = torch.rand((2, IMAGES, 3, 4, 4), generator=generator)

    def __call__(self, positions: Tensor, count: int, generator: torch.Generator) -> Tensor:
        return self.of_images[:count, positions]


def trained(name: str, group: ProcessGroup) -> dict[str, Any]:
    torch.manual_seed(0)
    method = plugins.load("methods", name).method(WithBatchNorms(), Scale(IMAGES, BATCH))
    losses: list[float] = []
    stage = Stage(SameViews(), lambda: None, Batch, CPU, group)
    # Plain gradient descent: weights move by gradients, and not by their signs.
    plan = Plan(
        images=IMAGES, batch=BATCH, epochs=2, learning_rate=0.05, optimiser="momentum", warmup=0.0
    )
    # In bfloat16, which some processors have, halves of a batch round otherwise than the whole.
    with mock.patch("nachash.training.loop.autocast", return_value=contextlib.nullcontext()):
        train(method, stage, plan, lambda step: losses.append(step.figures["loss"]))
    return {"losses": losses, "state": method.state_dict()}


def one_of_two(rank: int, port: int, name: str, folder: str) -> None:
    import os

    torch.set_num_threads(1)
    os.environ |= {
        "RANK": str(rank),
        "WORLD_SIZE": "2",
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
    }
    with process_group("cpu") as group:
        torch.save(trained(name, group), Path(folder) / f"{rank}.pt")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def in_two(function: Callable[..., None], *arguments: Any) -> None:
    mp.spawn(function, (free_port(), *arguments), nprocs=2)  # type: ignore[no-untyped-call]


@pytest.mark.parametrize("name", [name for name in CONTRASTIVE if name in plugins.names("methods")])
def test_two_processes_train_as_one(name: str, tmp_path: Path) -> None:
    alone = trained(name, ALONE)

    in_two(one_of_two, name, str(tmp_path))

    first, second = (torch.load(tmp_path / f"{rank}.pt", weights_only=True) for rank in (0, 1))
    assert first["losses"] == pytest.approx(alone["losses"], rel=1e-4)
    for key, expected in alone["state"].items():
        torch.testing.assert_close(first["state"][key], expected, rtol=1e-3, atol=1e-5)
        torch.testing.assert_close(first["state"][key], second["state"][key], rtol=0, atol=0)


def gathers(rank: int, port: int, folder: str) -> None:
    import os

    os.environ |= {
        "RANK": str(rank),
        "WORLD_SIZE": "2",
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
    }
    with process_group("cpu") as group:
        part = torch.full((2, 3), 1.0 + rank, requires_grad=True)
        whole = group.gather(part, dim=1)
        (whole * torch.arange(12.0).view(2, 6)).sum().backward()
        found = {
            "whole": whole.detach(),
            "gradient": part.grad,
            "greatest": group.maximum(float(rank), -float(rank)),
            "agreed": group.broadcast(f"name of {rank}"),
            "part": group.part(torch.arange(6)),
        }
        torch.save(found, Path(folder) / f"{rank}.pt")


def test_processes_gather_with_gradients_and_decide_alike(tmp_path: Path) -> None:
    in_two(gathers, str(tmp_path))

    for rank in (0, 1):
        found = torch.load(tmp_path / f"{rank}.pt", weights_only=True)
        assert found["whole"].tolist() == [[1, 1, 1, 2, 2, 2]] * 2
        # Both processes used every row: twice the weight of each place.
        weights = torch.arange(12.0).view(2, 6)[:, 3 * rank : 3 * rank + 3]
        assert torch.equal(found["gradient"], 2 * weights)
        assert found["greatest"] == (1.0, 0.0)
        assert found["agreed"] == "name of 0"
        assert found["part"].tolist() == [3 * rank, 3 * rank + 1, 3 * rank + 2]
