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


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="children are counted by /proc")
def test_children_count() -> None:
    with metered() as meter:
        subprocess.run([sys.executable, "-c", WORK], check=True)
        between = meter.figures()["cpu_s"]
    assert meter.figures()["cpu_s"] >= between >= 0.25
