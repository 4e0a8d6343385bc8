"""What plugins of this package share. It is imported like any module, and is not in the hash of a plugin's file."""

from torch import Tensor
from torch.nn.functional import softplus


def smooth_hinge(values: Tensor, sharpness: float) -> Tensor:
    """max(0, values) with a rounded corner."""
    return softplus(sharpness * values) / sharpness
