"""The network that guesses the noisy code of one view from the features of another."""

from torch import nn

from nachash.objective import Encoder


def inference_network(encoder: Encoder) -> nn.Sequential:
    """Linear(d, d), ReLU, Linear(d, bits) on an encoder's features.

    Its logits are divided by sqrt(bits) as published, where nothing else is added to them.
    Source: Park et al., ICML 2021, and `model.py` of github.com/yookoon/nac.
    """
    return nn.Sequential(
        nn.Linear(encoder.features, encoder.features),
        nn.ReLU(),
        nn.Linear(encoder.features, encoder.bits),
    )
