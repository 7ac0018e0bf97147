"""The decoder: a latent vector to the mean of an image, by convolutions that double the side."""

import itertools
from typing import Final

import torch
from torch import Tensor, nn

from nachash.errors import UsageError
from nachash.shapes import Float

_LEAST_SIDE: Final = 4
_MOST_FIRST_SIDE: Final = 15
_NARROWEST: Final = 16
_WIDEST: Final = 128


def sides(size: int) -> list[int]:
    """Sides of the decoder's maps: `size` halved while it is even, not below 4, smallest first.

    Raises:
        UsageError: the smallest would be wider than 15 pixels, or narrower than 4.
    """
    found = [size]
    while found[0] % 2 == 0 and found[0] // 2 >= _LEAST_SIDE:
        found.insert(0, found[0] // 2)
    if not _LEAST_SIDE <= found[0] <= _MOST_FIRST_SIDE:
        nearest = max(8, round(size / 8) * 8)
        raise UsageError(f"the decoder cannot draw {size} pixels a side", f"--size {nearest}")
    return found


class Decoder(nn.Module):
    """Linear layer to a small map, transposed convolutions to `size` pixels, means in [0, 1].

    For 32 pixels: 128 channels at 4 x 4, then 64, 32 and 16 channels at 8, 16 and 32 pixels, and a
    3 x 3 convolution to the three colours; 7 million multiplications, as many as the `small`
    backbone. No batch norm: what a latent vector means does not hang on the rest of its batch.
    """

    def __init__(self, latent: int, size: int) -> None:
        super().__init__()
        maps = sides(size)
        widths = [min(_WIDEST, _NARROWEST * 2**doublings) for doublings in range(len(maps))][::-1]
        self.first = nn.Linear(latent, widths[0] * maps[0] ** 2)
        self.shape = (widths[0], maps[0], maps[0])
        self.doublings = nn.Sequential(
            *(
                nn.Sequential(nn.SiLU(), nn.ConvTranspose2d(wide, narrow, 4, stride=2, padding=1))
                for wide, narrow in itertools.pairwise(widths)
            )
        )
        self.colours = nn.Sequential(nn.SiLU(), nn.Conv2d(widths[-1], 3, 3, padding=1))

    def forward(self, latents: Float[Tensor, "n latent"]) -> Float[Tensor, "n 3 size size"]:
        """Means of images, in [0, 1]."""
        first = self.first(latents).unflatten(1, self.shape)
        first = first.contiguous(memory_format=torch.channels_last)
        return torch.sigmoid(self.colours(self.doublings(first)).float())
