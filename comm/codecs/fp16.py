"""`fp16`: two bytes a number; what most others call "uncompressed"."""

import torch

from laco.comm.codecs.base import Cast


class Fp16(Cast):
    """Relative error at most 2**-11 in the normal range; numbers beyond 65504 saturate."""

    name = "fp16"
    native = torch.float16
