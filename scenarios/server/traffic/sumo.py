"""SUMO itself: imported when it is needed, one simulation per process, silent."""

import importlib
from pathlib import Path
from typing import Any

from laco.errors import WorldError

STEP = 0.05  # [s] of SUMO's own time; ticks of other lengths are made of these
EXTRA = "traffic needs the package libsumo: pip install 'laco-driving[traffic]'"

_running: list[Any] = []  # libsumo holds one simulation per process


def start(net: Path, seed: int) -> Any:
    """The module `libsumo` with this network loaded. Raises `WorldError` when it is missing or refuses."""
    try:
        sumo = importlib.import_module("libsumo")
    except ImportError as error:
        raise WorldError(f"{EXTRA} ({error})") from error
    stop()
    options = [
        "sumo", "--net-file", str(net), "--seed", str(seed % (1 << 31)), "--step-length", str(STEP),
        "--no-step-log", "true", "--no-warnings", "true", "--duration-log.disable", "true",
        "--time-to-teleport", "-1", "--collision.action", "none", "--lateral-resolution", "0.8",
        "--pedestrian.model", "striping", "--tls.all-off", "false", "--default.emergencydecel", "9",
    ]  # fmt: skip
    try:
        sumo.start(options)
    except (RuntimeError, sumo.TraCIException) as error:
        raise WorldError(f"SUMO cannot use {net}: {error}") from error
    _running.append(sumo)
    return sumo


def stop() -> None:
    """End the simulation that runs, if any."""
    while _running:
        _running.pop().close()
