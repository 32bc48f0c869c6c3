"""The client's log of messages and times, added up.

Air bytes are payload + metadata + framing, once per transmission; socket bytes are the TCP copies. Beacons go out on
every channel and are counted apart. Quantiles are over single decisions; ratios are quotients of sums.
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

BEACON = "beacon"
PARTS = ("payload", "metadata", "framing")
PLANNED = "planned"  # a decision's status when the model's plan is what is driven; or failed, held, braked
USED = ("used", "used_in_part")
Line = Mapping[str, Any]


def read(path: Path) -> tuple[list[Line], int]:
    """Lines of the log, and how many cannot be read: the last one of a run that was killed."""
    try:
        raw = path.read_bytes().splitlines()
    except FileNotFoundError:
        return [], 0
    found: list[Line] = []
    for text in raw:
        try:
            entry = json.loads(text)
            found.append({**entry, "idx": int(entry["idx"])})
        except (ValueError, KeyError, TypeError):
            continue
    return found, len(raw) - len(found)


def figures(lines: Sequence[Line], simulated: float) -> dict[str, Any]:
    """simulated: [s] that the vehicles drove, for rates; 0 where nobody knows."""
    statuses = Counter(str(line.get("status")) for line in lines)
    spoken = [entry for line in lines for entry in line.get("sent") or ()]
    messages, beacons = _apart(spoken)
    heard, heard_beacons = _apart(entry for line in lines for entry in line.get("heard") or ())
    return {
        "decisions": len(lines),
        "statuses": dict(sorted(statuses.items())),
        "failed_plans": sum(count for status, count in statuses.items() if status != PLANNED),
        "simulated_s": simulated,
        "messages": _bytes(messages, simulated),
        "beacons": _bytes(beacons, simulated),
        "heard": _heard(heard),
        "heard_beacons": _heard(heard_beacons),
        "foreign_tokens": sum(line.get("foreign_tokens") or 0 for line in lines),
        "round_trip_ms": _milliseconds(line.get("round_trip") for line in lines),
        **{
            f"{name}_ms": _milliseconds((line.get("seconds") or {}).get(name) for line in lines)
            for name in ("think", "wait", "total")
        },
    }


def _apart(entries: Iterable[Line]) -> tuple[list[Line], list[Line]]:
    found = list(entries)
    return [e for e in found if e.get("kind") != BEACON], [e for e in found if e.get("kind") == BEACON]


def _bytes(entries: Sequence[Line], simulated: float) -> dict[str, Any]:
    parts = {name: sum(int(entry.get(name) or 0) for entry in entries) for name in PARTS}
    air, socket = sum(parts.values()), sum(int(entry.get("socket") or 0) for entry in entries)
    return {
        "count": len(entries),
        **parts,
        "air": air,
        "socket": socket,
        "air_per_message": _over(air, len(entries)),
        "air_per_s": _over(air, simulated),
        "socket_per_s": _over(socket, simulated),
        "generated": sum(int(entry.get("generated") or 0) for entry in entries),
    }


def _heard(entries: Sequence[Line]) -> dict[str, Any]:
    statuses = Counter(str(entry.get("status")) for entry in entries)
    used = sum(statuses[name] for name in USED)
    return {"count": len(entries), "statuses": dict(sorted(statuses.items())), "used": _over(used, len(entries))}


def _milliseconds(values: Iterable[Any]) -> dict[str, float] | None:
    """p50, p90, p95, p99, max of what is known, with `count`; None of nothing."""
    known = [1000.0 * float(value) for value in values if isinstance(value, int | float)]
    if not known:
        return None
    found = np.percentile(np.asarray(known), [50, 90, 95, 99, 100])
    return {"count": len(known), **dict(zip(("p50", "p90", "p95", "p99", "max"), map(float, found), strict=True))}


def _over(total: float, count: float) -> float | None:
    return total / count if count else None
