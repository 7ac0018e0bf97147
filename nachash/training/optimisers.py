"""Optimisers by name, as timm builds them; `lars` among them."""

import torch
from torch import nn

from nachash.errors import UsageError
from nachash.training.plan import Plan


def optimiser(method: nn.Module, plan: Plan) -> torch.optim.Optimizer:
    """The plan's optimiser of all weights that want a gradient.

    Under AdamW every weight decays. Elsewhere biases and batch norms do not, which under LARS
    (You et al., 2017) also keeps them from the layers' trust ratios, as SimCLR is published. The
    authors' code of NAC adapts them too, and a ratio of 0 then holds every bias that begins at
    zero for ever. Momentum is 0.9.

    Raises:
        UsageError: timm knows no optimiser of that name.
    """
    if plan.optimiser == "adamw":
        weights = [weight for weight in method.parameters() if weight.requires_grad]
        return torch.optim.AdamW(weights, lr=plan.learning_rate, weight_decay=plan.weight_decay)
    from timm.optim import create_optimizer_v2, list_optimizers  # type: ignore[attr-defined]

    if plan.optimiser not in list_optimizers():
        raise UsageError(
            f"'{plan.optimiser}' is not an optimiser that timm knows", "--optimiser adamw|sgd|lars"
        )
    # timm's own `sgd` is Nesterov's; `momentum` is the plain one.
    return create_optimizer_v2(
        method,
        opt=plan.optimiser,
        lr=plan.learning_rate,
        weight_decay=plan.weight_decay,
        momentum=0.9,
        filter_bias_and_bn=True,
    )
