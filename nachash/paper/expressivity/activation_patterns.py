"""Activation patterns of an encoder: which units of a ReLU layer are on, or its code."""

from typing import Any, Final, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from nachash.errors import UsageError
from nachash.shapes import Bool, Float

CODE: Final = "code"
EVERY: Final = "all"
_ONE_BEND: Final = (nn.ReLU, nn.LeakyReLU, nn.PReLU, nn.RReLU)
_LINEAR_PIECES: Final = (*_ONE_BEND, nn.ReLU6)
_BENT_EVERYWHERE: Final = (
    nn.GELU, nn.SiLU, nn.Mish, nn.ELU, nn.CELU, nn.SELU, nn.Sigmoid, nn.Tanh, nn.Softplus,
    nn.Hardswish, nn.Softmax, nn.MultiheadAttention,
)  # fmt: skip


def relu_layers(network: nn.Module) -> list[str]:
    """Names of the ReLU modules of a network, in its own order.

    A ReLU that a network calls as a function has no name and is not among them.
    """
    return [name for name, part in network.named_modules() if isinstance(part, _LINEAR_PIECES)]


def smooth_layers(network: nn.Module) -> list[str]:
    """Kinds of layers that are not piecewise linear: with them, no region is linear."""
    found = {
        type(part).__name__ for part in network.modules() if isinstance(part, _BENT_EVERYWHERE)
    }
    return sorted(found)


class ActivationPatterns:
    """Images to patterns: one bit per unit of the chosen layer.

    A ReLU unit is on where its input is above 0; ReLU6 has a second bend and a second bit, for
    inputs above 6. A module that is used several times gives the bits of each use. The layer
    `code` are the activations of the encoder, `all` its ReLU modules together.
    """

    def __init__(self, encoder: Any, layer: str, device: torch.device) -> None:
        names = relu_layers(encoder)
        if not names:
            raise UsageError(
                "the network has no ReLU layer, so that it has no linear regions",
                "a model with another --backbone",
            )
        if layer not in (CODE, EVERY, *names):
            raise UsageError(
                f"the model has no layer '{layer}'; it has {CODE}, {EVERY}, {', '.join(names)}",
                f"--layer {CODE}",
            )
        self._encoder = encoder.eval().to(device)
        self._device = device
        self._layer = layer
        self._watched = {CODE: [], EVERY: names}.get(layer, [layer])

    def __call__(self, images: Float[np.ndarray, "n *shape"]) -> Bool[np.ndarray, "n units"]:
        """Patterns of images with values in [0, 1], or beyond where a plane leads there."""
        seen: list[Tensor] = []

        def watch(module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
            # Taken at once: the module may write into its input.
            seen.extend(_bits(module, inputs[0]))

        hooks = [
            self._encoder.get_submodule(name).register_forward_pre_hook(watch)
            for name in self._watched
        ]
        try:
            with torch.inference_mode():
                batch = torch.from_numpy(images).to(self._device).float()
                activations = self._encoder(batch).activations
        finally:
            for hook in hooks:
                hook.remove()
        if self._layer == CODE:
            seen.append(activations > 0)
        return torch.cat([bits.flatten(1) for bits in seen], dim=1).cpu().numpy()


def _bits(module: nn.Module, inputs: Tensor) -> list[Tensor]:
    bends = (0, 6) if isinstance(module, nn.ReLU6) else (0,)
    return [inputs > bend for bend in bends]


class _Norm(NamedTuple):
    module: Any
    momentum: float | None


def fit_normalisation(network: nn.Module, batches: list[Float[Tensor, "batch *shape"]]) -> None:
    """Give the batch norms of a network the means and variances of some data; no weight changes.

    An untrained network's are 0 and 1, which no data has: its bits would mostly be constant, and
    what training does would look larger than it is.
    """
    norms = [
        _Norm(part, part.momentum)
        for part in network.modules()
        if isinstance(part, nn.modules.batchnorm._BatchNorm) and part.track_running_stats
    ]
    network.eval()
    for norm, _ in norms:
        norm.reset_running_stats()
        norm.momentum = None  # the mean over all batches
        norm.train()
    with torch.no_grad():
        for batch in batches:
            network(batch)
    for norm, momentum in norms:
        norm.momentum = momentum
        norm.eval()
