"""Several processes that train one model together, as `torchrun` starts them.

Each sees its part of a batch. Losses are computed of the whole batch in every process, so the
gather hands gradients back to the process that a row came from: the sum over processes, which
the mean over processes of `DistributedDataParallel` makes the gradient of one loss.
"""

import contextlib
import inspect
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, cast, final

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from nachash.errors import DeviceError
from nachash.shapes import Int64


@final
@dataclass(frozen=True, slots=True)
class ProcessGroup:
    """This process among others; alone it is the first of one."""

    rank: int = 0
    count: int = 1

    @property
    def first(self) -> bool:
        """Whether this one writes the files."""
        return self.rank == 0

    def gather(self, part: Tensor, /, dim: int = 0) -> Tensor:
        """The parts of all processes one after the other along `dim`, with gradients."""
        if self.count == 1:
            return part
        whole: Tensor = _Gather.apply(part, dim, self.rank, self.count)
        return whole

    def part(self, positions: Int64[Tensor, "batch"]) -> Int64[Tensor, "part"]:
        """This process's part of a batch, which their number must divide."""
        return positions.chunk(self.count)[self.rank]

    def maximum(self, *numbers: float) -> tuple[float, ...]:
        """The greatest of each number over the processes, so that all decide alike."""
        if self.count == 1:
            return numbers
        every = torch.tensor(numbers, dtype=torch.float64)
        if dist.get_backend() == "nccl":
            every = every.cuda()
        dist.all_reduce(every, dist.ReduceOp.MAX)
        return tuple(every.tolist())

    def broadcast(self, value: Any) -> Any:
        """The first process's value."""
        values = [value]
        if self.count > 1:
            dist.broadcast_object_list(values)
        return values[0]

    @contextlib.contextmanager
    def first_before_others(self) -> Iterator[None]:
        """The block is done in the first process, then in the others, which find its results."""
        if self.count > 1 and not self.first:
            dist.barrier()
        yield
        if self.count > 1 and self.first:
            dist.barrier()

    def wrap(self, method: nn.Module) -> nn.Module:
        """The method with gradients averaged over the processes, and batch norms over all rows."""
        if self.count == 1:
            return method
        device = next(method.parameters()).device
        _synchronise_batch_norms(method, device)
        # Buffers move alike everywhere, since every process sees the same keys and statistics.
        spellings = inspect.signature(DistributedDataParallel.__init__).parameters
        newer = "forward_sync_buffers"  # from torch 2.12 on
        quiet: Any = {newer if newer in spellings else "broadcast_buffers": False}
        return DistributedDataParallel(method, **quiet)


ALONE: Final = ProcessGroup()


@contextlib.contextmanager
def process_group(device: str) -> Iterator[ProcessGroup]:
    """The processes that `torchrun` started, with `nccl` on GPUs and `gloo` elsewhere.

    Every process gets a GPU of its own.

    Raises:
        DeviceError: there are fewer GPUs than processes.
    """
    count = int(os.environ.get("WORLD_SIZE", "1"))
    if count == 1 or "RANK" not in os.environ:
        yield ALONE
        return
    gpus = torch.cuda.is_available() and device in ("auto", "cuda")
    if gpus:
        local = int(os.environ.get("LOCAL_RANK", "0"))
        if local >= torch.cuda.device_count():
            raise DeviceError(
                f"{local + 1} processes want a GPU each, and torch sees "
                f"{torch.cuda.device_count()}",
                "fewer processes: --nproc-per-node, or --device cpu",
            )
        torch.cuda.set_device(local)
    dist.init_process_group("nccl" if gpus else "gloo")
    try:
        yield ProcessGroup(dist.get_rank(), dist.get_world_size())
    finally:
        dist.destroy_process_group()


class _Gather(torch.autograd.Function):
    """Concatenation over processes; the gradient of a row is the sum over all who used it."""

    @staticmethod
    def forward(ctx: Any, part: Tensor, dim: int, rank: int, count: int) -> Tensor:
        ctx.place = (dim, rank, count)
        part = part.contiguous()
        parts = [torch.empty_like(part) for _ in range(count)]
        dist.all_gather(parts, part)
        return torch.cat(parts, dim)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None, None]:
        dim, rank, count = ctx.place
        summed = gradients[0].contiguous()
        dist.all_reduce(summed)
        return summed.chunk(count, dim)[rank], None, None, None


class _Sum(torch.autograd.Function):
    """The sum over processes; so is its gradient."""

    @staticmethod
    def forward(ctx: Any, part: Tensor) -> Tensor:
        del ctx
        summed = part.clone()
        dist.all_reduce(summed)
        return summed

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        del ctx
        summed = gradients[0].clone()
        dist.all_reduce(summed)
        return summed


def _synchronise_batch_norms(module: nn.Module, device: torch.device) -> None:
    """Replace batch norms by ones that see the rows of all processes, in place."""
    for name, child in module.named_children():
        if isinstance(child, nn.modules.batchnorm._BatchNorm):
            setattr(module, name, _synchronised(child, device))
        else:
            _synchronise_batch_norms(child, device)


def _synchronised(norm: nn.modules.batchnorm._BatchNorm, device: torch.device) -> nn.Module:
    if device.type == "cuda":
        converted = nn.SyncBatchNorm.convert_sync_batchnorm(norm)  # type: ignore[no-untyped-call]
        return cast("nn.Module", converted)
    # Torch's own wants a GPU. Changing the class keeps names, weights and statistics as they are.
    norm.__class__ = _GatheredBatchNorm
    return norm


class _GatheredBatchNorm(nn.modules.batchnorm._BatchNorm):
    """Batch norm whose mean and variance are those of the rows of all processes."""

    def _check_input_dim(self, input: Tensor) -> None:  # noqa: A002
        """Any: the layer that it was before has fitted."""

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002
        """Normalised rows; running statistics move as those of one process with all rows."""
        if not self.training:
            return super().forward(input)
        axes = [0, *range(2, input.dim())]
        rows = input.float()
        count = torch.tensor(input.numel() / input.shape[1], device=input.device)
        sums = torch.stack([rows.sum(axes), rows.square().sum(axes), count.expand(input.shape[1])])
        total, squares, counts = _Sum.apply(sums).unbind()
        mean = total / counts
        variance = squares / counts - mean.square()
        self._move(mean.detach(), (variance * counts / (counts - 1)).detach())
        shape = (1, -1, *[1] * (input.dim() - 2))
        normal = (rows - mean.view(shape)) * (variance + self.eps).rsqrt().view(shape)
        if self.affine:
            normal = normal * self.weight.view(shape) + self.bias.view(shape)
        return normal.to(input.dtype)

    @torch.no_grad()
    def _move(self, mean: Tensor, variance: Tensor) -> None:
        if self.running_mean is None or self.running_var is None:
            return
        assert self.num_batches_tracked is not None
        self.num_batches_tracked += 1
        share = 1 / float(self.num_batches_tracked) if self.momentum is None else self.momentum
        self.running_mean.lerp_(mean, share)
        self.running_var.lerp_(variance, share)
