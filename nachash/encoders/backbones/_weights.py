"""What published weights expect, and what is said when they cannot be had."""

from typing import Final

from nachash.errors import MissingError

# Mean and standard deviation of ImageNet's colours, the normalisation of torchvision's weights.
IMAGENET: Final = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))

# Of CIFAR-10's training images, as the authors of NAC have it (`utils.py` of their code).
CIFAR: Final = ((0.4914, 0.4822, 0.4465), (0.2023, 0.1994, 0.2010))


def no_published_weights(backbone: str) -> MissingError:
    """The error for a network whose weights nobody published."""
    return MissingError(
        f"there are no pretrained weights for the backbone '{backbone}'",
        "--weights random, or --weights FILE.safetensors",
    )


def not_downloaded(backbone: str, cause: Exception) -> MissingError:
    """The error for weights that exist but could not be downloaded."""
    return MissingError(
        f"the pretrained weights of '{backbone}' could not be downloaded ({type(cause).__name__})",
        "check the network, or give a file: --weights FILE.safetensors",
    )
