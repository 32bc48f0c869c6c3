"""What a check says."""

from dataclasses import dataclass
from typing import Literal

Level = Literal["ok", "warning", "missing"]


@dataclass(frozen=True)
class Check:
    """name: what was looked at. found: what is there. remedy: what to do, "" if nothing. missing: it will not run."""

    name: str
    level: Level
    found: str
    remedy: str = ""


def ok(name: str, found: str) -> Check:
    """As it should be."""
    return Check(name, "ok", found)


def warning(name: str, found: str, remedy: str) -> Check:
    """It runs, perhaps not as expected."""
    return Check(name, "warning", found, remedy)


def missing(name: str, found: str, remedy: str) -> Check:
    """It does not run."""
    return Check(name, "missing", found, remedy)
