"""Any image network of timm, as timm/NAME, without its classifier."""

import contextlib
import logging
from collections.abc import Iterator
from typing import Any, Final

from nachash.encoders.backbones import Backbone
from nachash.encoders.backbones._weights import not_downloaded
from nachash.errors import UsageError
from nachash.near_word import did_you_mean

VARIANTS: Final = True


@contextlib.contextmanager
def _without_notes_of_retries() -> Iterator[None]:
    """The hub logs every retry; the one sentence that we say afterwards is enough."""
    log = logging.getLogger("huggingface_hub")
    before = log.level
    log.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        log.setLevel(before)


def backbone(*, variant: str, pretrained: bool = False) -> Backbone:
    """The network `variant` of timm, pooled, with the normalisation that its weights expect.

    Raises:
        UsageError: there is no such network.
        MissingError: the pretrained weights do not exist or cannot be downloaded.
    """
    import timm

    if not timm.is_model(variant):
        name = variant.partition(".")[0]
        raise UsageError(
            f"timm has no network '{variant}'",
            did_you_mean(name, timm.list_models(), "timm/resnet18", most=3),
        )
    try:
        with _without_notes_of_retries():
            network: Any = timm.create_model(variant, pretrained=pretrained, num_classes=0)
    except (OSError, RuntimeError) as error:
        raise not_downloaded(f"timm/{variant}", error) from error
    features = getattr(network, "head_hidden_size", None) or network.num_features
    expected = network.pretrained_cfg
    classifier = expected.get("classifier") or ()
    names = (classifier,) if isinstance(classifier, str) else tuple(classifier)
    return Backbone(
        network,
        features,
        tuple(expected["mean"]),
        tuple(expected["std"]),
        classifier=tuple(f"{name}." for name in names),
    )
