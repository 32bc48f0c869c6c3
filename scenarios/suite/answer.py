"""What a worker says of a task. Light to import: joblib's own processes only pass it on."""

from typing import Any

import msgspec

FINISHED = "finished"
SOUND = (FINISHED, "error")  # outcomes after which a worker serves the next run; others end it


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """outcome and detail: as in `Row`. free: the unobstructed expert's times, where the task had none [s]."""

    outcome: str = FINISHED
    detail: str = ""
    free: dict[str, float] | None = None
    figures: dict[str, Any] | None = None
    measured: dict[str, Any] = {}
