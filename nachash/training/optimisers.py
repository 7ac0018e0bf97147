"""Optimisers by name, as timm builds them, and `nac-lars`."""

import torch
from torch import nn

from nachash.errors import UsageError
from nachash.training.plan import AUTHORS_LARS, Plan
from nachash.training.published_lars import PublishedLARS


def optimiser(method: nn.Module, plan: Plan) -> torch.optim.Optimizer:
    """The plan's optimiser of all weights that want a gradient.

    Under AdamW and `nac-lars` every weight decays. Elsewhere biases and batch norms do not, which
    under LARS (You et al., 2017) also keeps them from the layers' trust ratios, as SimCLR is
    published; `nac-lars` (`published_lars.py`) adapts them too. Momentum is 0.9. On a GPU the
    updates of all weights are launched together.

    Raises:
        UsageError: timm knows no optimiser of that name.
    """
    weights = [weight for weight in method.parameters() if weight.requires_grad]
    rate, decay = plan.learning_rate, plan.weight_decay
    if plan.optimiser == AUTHORS_LARS:
        return PublishedLARS(weights, lr=rate, weight_decay=decay)
    if plan.optimiser == "adamw":
        fused = weights[0].is_cuda
        return torch.optim.AdamW(weights, lr=rate, weight_decay=decay, fused=fused)
    from timm.optim import create_optimizer_v2, list_optimizers  # type: ignore[attr-defined]

    if plan.optimiser not in list_optimizers():
        raise UsageError(
            f"'{plan.optimiser}' is not an optimiser that timm knows",
            "--optimiser adamw|sgd|lars|nac-lars",
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
