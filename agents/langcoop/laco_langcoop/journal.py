"""One JSON line per vehicle and decision: what was said, heard, how long it took, and what became of the plan."""

from __future__ import annotations

import json
import logging
import math
import os
from pathlib import Path
from typing import Any

FILE = "laco-messages.jsonl"
_log = logging.getLogger(__name__)


class Journal:
    """path: None for the file in $SAVE_PATH, if that is set; otherwise nothing is written."""

    def __init__(self, path: str | None = None) -> None:
        folder = os.environ.get("SAVE_PATH")
        found = Path(path) if path else (Path(folder) / FILE if folder else None)
        self.path = None if found is None else found.absolute()  # whatever folder the evaluator works in later

    def write(self, **entry: Any) -> None:
        """Append; the file is opened for each line, so that a killed run leaves whole lines.

        A disk that is full ends the journal, not the route.
        """
        if self.path is None:
            return
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(_plain(entry)) + "\n")
        except OSError as error:
            _log.warning("LACO: no more journal: %s", error)
            self.path = None


def told(answer: dict[str, Any]) -> dict[str, Any]:
    """The part of a server's answer that goes into the journal; what has the wrong form is left out."""
    found: dict[str, Any] = {}
    for name in ("sent", "heard"):
        value = answer.get(name)
        found[name] = [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []
    seconds = answer.get("seconds")
    found["seconds"] = seconds if isinstance(seconds, dict) else {}
    found["foreign_tokens"] = answer.get("foreign_tokens")
    return found


def said(answer: dict[str, Any]) -> int:
    """Bytes on the air of everything that a plan's map says was sent."""
    total = 0
    for entry in told(answer)["sent"]:
        for name in ("payload", "metadata", "framing"):
            size = entry.get(name)
            total += size if isinstance(size, int) else 0
    return total


def _plain(value: Any) -> Any:
    """What JSON can say: a server may send what it cannot."""
    if isinstance(value, dict):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(inner) for inner in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if isinstance(value, (str, int, float, type(None))) else str(value)
