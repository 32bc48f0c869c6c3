"""Joules only from counters, processor seconds of everybody who worked."""

import subprocess
import sys
from pathlib import Path

import pytest

from laco.profiling import energy
from laco.profiling.energy import Meter, Rapl, metered

WORK = "import time; end = time.process_time() + 0.3\nwhile time.process_time() < end: pass"


def zone(root: Path, name: str, joules: float, span: int = 262_143_328_850) -> Path:
    folder = root / name
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "energy_uj").write_text(f"{round(joules * 1e6)}\n")
    (folder / "max_energy_range_uj").write_text(f"{span}\n")
    return folder


def test_packages_add_up_and_their_parts_do_not(tmp_path: Path) -> None:
    zone(tmp_path, "intel-rapl:0", 10.0)
    zone(tmp_path, "intel-rapl:1", 20.0)
    zone(tmp_path, "intel-rapl:0:0", 5.0)
    with Meter([Rapl(tmp_path)]) as meter:
        zone(tmp_path, "intel-rapl:0", 11.5)
        zone(tmp_path, "intel-rapl:1", 22.0)
        zone(tmp_path, "intel-rapl:0:0", 9.0)
    zone(tmp_path, "intel-rapl:0", 99.0)  # after the block nothing counts
    found = meter.figures()
    assert found["joules"] == pytest.approx(3.5)
    assert found["source"] == "RAPL packages"


def test_a_counter_that_begins_anew(tmp_path: Path) -> None:
    zone(tmp_path, "intel-rapl:0", 99.0, span=100_000_000)
    counter = Rapl(tmp_path)
    for joules, used in ((100.0, 1.0), (0.5, 1.5), (2.0, 3.0)):
        zone(tmp_path, "intel-rapl:0", joules, span=100_000_000)
        assert counter.joules() == pytest.approx(used)


def test_without_counters_there_are_no_joules(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(energy, "POWERCAP", tmp_path)
    with pytest.raises(OSError, match="no RAPL zone"):
        Rapl(tmp_path)
    with Meter([]) as meter:
        subprocess.run([sys.executable, "-c", WORK], check=True)
    found = meter.figures()
    assert found["joules"] is None
    assert found["source"] == "n/a"
    assert found["wall_s"] > 0.0


class Boards:
    """pynvml with two boards, whose counters are set here [mJ]."""

    NVMLError = RuntimeError
    counted = (1000, 5000)

    def nvmlInit(self) -> None:  # noqa: N802 - the library's names
        pass

    def nvmlDeviceGetCount(self) -> int:  # noqa: N802
        return len(self.counted)

    def nvmlDeviceGetHandleByIndex(self, index: int) -> int:  # noqa: N802
        return index

    def nvmlDeviceGetTotalEnergyConsumption(self, board: int) -> int:  # noqa: N802
        if self.counted[board] < 0:
            raise RuntimeError("Not Supported")
        return self.counted[board]


def test_boards_add_up_and_one_that_does_not_count_is_none(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    boards = Boards()
    monkeypatch.setitem(sys.modules, "pynvml", boards)
    monkeypatch.setattr(energy, "POWERCAP", tmp_path)
    with metered() as meter:
        boards.counted = (3000, 5500)
    assert meter.figures()["joules"] == 2.5
    assert meter.figures()["source"] == "NVML boards"
    for useless in ((1000, -1), ()):
        boards.counted = useless
        assert energy.counters() == []


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="children are counted by /proc")
def test_children_count() -> None:
    with metered() as meter:
        subprocess.run([sys.executable, "-c", WORK], check=True)
        between = meter.figures()["cpu_s"]
    assert meter.figures()["cpu_s"] >= between >= 0.25
