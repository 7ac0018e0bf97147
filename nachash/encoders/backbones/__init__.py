"""Backbones by name, one file per family; the only place that knows an architecture.

To add one, write a file here with a docstring whose first line describes the network, and one
public constructor `backbone(*, pretrained) -> Backbone` at its end; `pretrained` asks for published
weights and may raise. A file that sets `VARIANTS = True` is a family, named `timm/NAME`: its
constructor takes NAME as `variant`, too. The module maps normalised images
[batch 3 height width] to features [batch features], pooled over all places, without a classifier.
"""

from dataclasses import dataclass

from torch import nn

from nachash import plugins
from nachash.errors import UsageError

Colour = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Backbone:
    """A network, the number of its features, and the normalisation its weights expect.

    Pixels in [0, 1] become (pixel - mean) / std, per colour channel. `classifier` holds the
    beginnings of the names of weights that published files carry and the network has lost.
    """

    module: nn.Module
    features: int
    mean: Colour = (0.5, 0.5, 0.5)
    std: Colour = (0.25, 0.25, 0.25)
    classifier: tuple[str, ...] = ()


def build(name: str, *, pretrained: bool = False) -> Backbone:
    """The backbone `name`, e.g. `small` or `timm/efficientnet_lite0`.

    Raises:
        UsageError: no such backbone, or a variant where none is possible or one is needed.
        MissingError: pretrained weights that cannot be downloaded, or that nobody published.
    """
    family, slash, variant = name.partition("/")
    module = plugins.load("encoders.backbones", family)
    is_family = getattr(module, "VARIANTS", False)
    if bool(slash and variant) != is_family:
        needs = f"{family}/NAME" if is_family else family
        raise UsageError(f"'{name}' is not a backbone", f"--backbone {needs}")
    chosen = {"variant": variant} if is_family else {}
    backbone: Backbone = module.backbone(**chosen, pretrained=pretrained)
    return backbone
