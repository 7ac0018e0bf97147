"""A queue of the newest rows: first in, first out."""

from typing import Literal

import torch
from torch import Tensor, nn

from nachash.errors import UsageError
from nachash.objective import Scale
from nachash.shapes import Float

_PUBLISHED_FOR_CIFAR10 = 4096


class Queue(nn.Module):
    """Keeps the newest `size` rows in buffers, so that a checkpoint carries them."""

    rows: Tensor
    enqueued: Tensor

    def __init__(self, size: int, width: int) -> None:
        super().__init__()
        if size < 1:
            raise UsageError(f"a queue of {size} keys holds none", "--set queue=4096")
        self.register_buffer("rows", torch.zeros(size, width))
        self.register_buffer("enqueued", torch.tensor(0))
        self._counted: int | None = 0  # `enqueued`, without asking the device for it
        self.register_load_state_dict_post_hook(_count_again)  # type: ignore[no-untyped-call]

    def filled(self) -> Float[Tensor, "k width"]:
        """The rows so far, at most `size`, in no particular order."""
        return self.rows[: self._count()]

    @torch.no_grad()
    def enqueue(self, rows: Float[Tensor, "n width"]) -> None:
        """Put rows in, in the places of the oldest; any number of them."""
        size = len(self.rows)
        newest = rows[-size:]
        first = self._count() + len(rows) - len(newest)
        places = (first + torch.arange(len(newest), device=rows.device)) % size
        self.rows[places] = newest.to(self.rows)
        self.enqueued += len(rows)
        self._counted = self._count() + len(rows)

    def _count(self) -> int:
        if self._counted is None:
            self._counted = int(self.enqueued)
        return self._counted


def _count_again(queue: nn.Module, keys: object) -> None:
    """After loading, the count is that of the buffer."""
    del keys
    assert isinstance(queue, Queue)
    queue._counted = None


def fitted_size(size: int | Literal["auto"], scale: Scale) -> int:
    """The size that is asked for; `auto` is 4096 or less.

    Not more than the images that are not in a batch, so that few keys are of the image that they
    are compared with; but at least a batch, where there are fewer.
    """
    if size != "auto":
        return size
    return min(_PUBLISHED_FOR_CIFAR10, max(scale.images - scale.batch, scale.batch))
