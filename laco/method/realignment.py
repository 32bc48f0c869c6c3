"""From the last hidden state back to input space, so that a thought can be read like a token (sec. 4.2)."""

from typing import get_args

import torch
from torch import Tensor

from laco.config import Realign
from laco.errors import ConfigError

NO_RIDGE = "realign 'ridge' needs a vocabulary, and this backbone has none: use 'identity'"
RIDGE_EPS = 1e-5
"""Ridge term of the paper's W_a."""
_ROWS = 8192  # rows of the vocabulary converted at a time


def ridge(output: Tensor, inputs: Tensor) -> Tensor:
    """W_a = (W_out^T W_out + eps I)^-1 W_out^T W_in, taking W_out's rows to W_in's: float32 [D, D].

    output, inputs: W_out and W_in, [V, D]. In float64: an untied W_out can be badly conditioned.
    """
    width = output.shape[1]
    where = torch.device("cpu") if output.device.type == "mps" else output.device  # MPS has no float64
    gram = torch.zeros(width, width, dtype=torch.float64, device=where)
    cross = gram if output.data_ptr() == inputs.data_ptr() else torch.zeros_like(gram)
    for start in range(0, output.shape[0], _ROWS):
        rows = output[start : start + _ROWS].to(where, torch.float64)
        gram += rows.T @ rows
        if cross is not gram:
            cross += rows.T @ inputs[start : start + _ROWS].to(where, torch.float64)
    damped = gram + RIDGE_EPS * torch.eye(width, dtype=torch.float64, device=where)
    solution: Tensor = torch.linalg.solve(damped, cross)
    return solution.float().to(output.device)


def mean_row_norm(inputs: Tensor) -> float:
    """Mean Euclidean norm of the input embedding rows [V, D]."""
    starts = range(0, inputs.shape[0], _ROWS)
    norms = [torch.linalg.vector_norm(inputs[start : start + _ROWS].float(), dim=1) for start in starts]
    return sum(float(part.sum(dtype=torch.float64)) for part in norms) / inputs.shape[0]


def rescaled(vector: Tensor, norm: float) -> Tensor:
    """The vector [D] at the given Euclidean norm; a zero vector stays zero."""
    length = torch.linalg.vector_norm(vector).clamp_min(torch.finfo(torch.float32).tiny)
    scaled: Tensor = vector * (norm / length)
    return scaled


def chosen(realign: Realign | None, has_vocabulary: bool) -> Realign:
    """The map to use: None means the ridge where there is a vocabulary, else the identity.

    Raises: ConfigError for an unknown map, and for the ridge on a backbone without a vocabulary.
    """
    if realign is None:
        return "ridge" if has_vocabulary else "identity"
    if realign not in get_args(Realign):
        raise ConfigError(f"realign must be one of {', '.join(get_args(Realign))}, not {realign!r}")
    if realign == "ridge" and not has_vocabulary:
        raise ConfigError(NO_RIDGE)
    return realign
