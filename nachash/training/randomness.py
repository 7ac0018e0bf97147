"""Random numbers of a run as a function of its seed: those of any step can be had again."""

import functools
from typing import Final

import numpy as np
import torch

from nachash.shapes import Int64

_ORDER: Final = 0
_STEP: Final = 1


def step_generator(seed: int, step: int, device: torch.device, part: int = 0) -> torch.Generator:
    """Random numbers of one step, drawn on the device.

    Part 0 is for the method, the same in every process; process r draws its views from 1 + r.
    """
    return torch.Generator(device).manual_seed(_number(seed, _STEP, step, part))


def step_seed(seed: int, step: int) -> int:
    """The number from which all randomness of one step follows."""
    return _number(seed, _STEP, step)


@functools.lru_cache(maxsize=2)
def epoch_order(seed: int, epoch: int, images: int) -> Int64[torch.Tensor, "images"]:
    """The positions of the training set in the order of one epoch; not to be changed."""
    generator = torch.Generator().manual_seed(_number(seed, _ORDER, epoch))
    return torch.randperm(images, generator=generator)


def _number(*entropy: int) -> int:
    # 63 bits: torch takes larger seeds on some devices only.
    return int(np.random.SeedSequence(entropy).generate_state(1, np.uint64)[0] >> np.uint64(1))
