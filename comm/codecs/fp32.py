"""`fp32`: exact, four bytes a number."""

import torch

from laco.comm.codecs.base import Cast


class Fp32(Cast):
    """Bit for bit what was sent."""

    name = "fp32"
    native = torch.float32
