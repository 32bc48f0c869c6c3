"""What `laco langcoop init` prints: how servers and evaluator are started by hand, as a shell takes it."""

import shlex
from collections.abc import Sequence
from pathlib import Path

from laco.langcoop.evaluation import Evaluation
from laco.langcoop.fleet import Seat
from laco.langcoop.servers import options


def servers(seats: Sequence[Seat], binds: Sequence[str]) -> list[str]:
    """A line for each server of ours."""
    return [
        shlex.join(["laco", "agent", *options(seat, bind)])
        for seat, bind in zip(seats, binds, strict=True)
        if seat.address is None
    ]


def evaluator(evaluation: Evaluation) -> list[str]:
    """Lines that go into the checkout, set what the evaluator reads, and start it."""
    paths = ":".join(shlex.quote(str(path)) for path in evaluation.paths)
    told = evaluation.variables
    sets = [f"export {name}={shlex.quote(value)}" for name, value in told.items()]
    return [
        f"cd {shlex.quote(str(evaluation.checkout.root))}",
        f"export PYTHONPATH={paths}",
        *sets,
        f"mkdir -p {shlex.quote(str(Path(told['SAVE_PATH'])))}",
        shlex.join(evaluation.command),
    ]
