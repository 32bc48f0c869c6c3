"""What something costs: joules where a counter can be read, processor seconds always, never an assumed wattage.

    with metered() as meter:
        train()
    meter.figures()  # {"joules": None, "source": "n/a", "cpu_s": 71.2, "wall_s": 75.0}

Counters of energy know the whole package or board, not one process: whatever else runs meanwhile is in them.
"""

import os
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

from laco.processes import cpu_seconds

POWERCAP = Path("/sys/class/powercap")
NONE = "n/a"


class Counter(Protocol):
    """Joules used since `start`."""

    source: str

    def start(self) -> None: ...

    def joules(self) -> float: ...


class Rapl:
    """The package domains of RAPL: [uJ] that count up and begin anew at `max_energy_range_uj`.

    A reading sees one new beginning at most; at 200 W that is a minute or more apart.
    """

    source = "RAPL packages"

    def __init__(self, root: Path | None = None) -> None:
        """Raises: OSError where the counters are missing or may not be read (most kernels let only root)."""
        self._zones = [zone for zone in sorted((root or POWERCAP).glob("*rapl:[0-9]*")) if zone.name.count(":") == 1]
        if not self._zones:
            raise FileNotFoundError(f"no RAPL zone in {root or POWERCAP}")
        self._ranges = [_number(zone / "max_energy_range_uj") for zone in self._zones]
        self.start()

    def start(self) -> None:
        self._last, self._used = self._read(), 0

    def joules(self) -> float:
        now = self._read()
        for then, value, span in zip(self._last, now, self._ranges, strict=True):
            self._used += value - then if value >= then else value - then + span
        self._last = now
        return self._used / 1e6

    def _read(self) -> list[int]:
        return [_number(zone / "energy_uj") for zone in self._zones]


class Nvml:
    """Total energy of all NVIDIA boards [mJ], by `pynvml` if it is installed."""

    source = "NVML boards"

    def __init__(self) -> None:
        """Raises: ImportError without pynvml, OSError without a board that counts."""
        import pynvml

        self._nvml: Any = pynvml
        try:
            pynvml.nvmlInit()
            self._boards = [pynvml.nvmlDeviceGetHandleByIndex(i) for i in range(pynvml.nvmlDeviceGetCount())]
            self.start()
        except pynvml.NVMLError as error:
            raise OSError(str(error)) from error
        if not self._boards:
            raise OSError("no NVIDIA board")

    def start(self) -> None:
        self._first = self._read()

    def joules(self) -> float:
        return (self._read() - self._first) / 1e3

    def _read(self) -> int:
        return sum(int(self._nvml.nvmlDeviceGetTotalEnergyConsumption(board)) for board in self._boards)


class Meter:
    """Energy, processor and wall-clock time of what happens within its `with` block, of this process's tree."""

    def __init__(self, counters: Sequence[Counter]) -> None:
        self._counters = counters
        self._figures: dict[str, Any] | None = None

    def __enter__(self) -> Self:
        self._wall, self._cpu = time.monotonic(), cpu_seconds(os.getpid())
        for counter in self._counters:
            counter.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._figures = self._now()

    def figures(self) -> dict[str, Any]:
        """joules (None where nothing can be read), source, cpu_s, wall_s; within the block those until now."""
        return self._now() if self._figures is None else self._figures

    def _now(self) -> dict[str, Any]:
        return {
            "joules": sum(counter.joules() for counter in self._counters) if self._counters else None,
            "source": " + ".join(counter.source for counter in self._counters) or NONE,
            "cpu_s": round(cpu_seconds(os.getpid()) - self._cpu, 3),
            "wall_s": round(time.monotonic() - self._wall, 3),
        }


def metered() -> Meter:
    """A meter with every counter that can be read here; processors and boards are different joules and add up."""
    return Meter(counters())


def counters() -> list[Counter]:
    """RAPL and NVML, as far as they can be read on this machine."""
    found: list[Counter] = []
    with suppress(OSError):
        found.append(Rapl())
    with suppress(ImportError, OSError):
        found.append(Nvml())
    return found


def _number(path: Path) -> int:
    return int(path.read_text())
