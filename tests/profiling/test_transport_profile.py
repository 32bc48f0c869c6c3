"""Publish to decode against plain pyzmq, small; and the soak, short. No time is asserted."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from laco.errors import ConfigError
from laco.profiling.transport import BURST, CASES, measure

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


def test_every_case_takes_part_at_every_size() -> None:
    shares: list[float] = []
    rows = measure([1024, 40_000], turns=3, progress=shares.append)
    assert [(row.case, row.payload) for row in rows[:5]] == [("pyzmq", 1024), *((c.name, 1024) for c in CASES)]
    assert {row.payload for row in rows[5:]} == {39_936}  # 13 tokens of 3072 bytes
    assert all(row.total["count"] == 3 * BURST for row in rows)
    assert all(row.publish["max"] > 0.0 and row.received["p50"] <= row.total["p50"] for row in rows)
    by_case = {row.case: row for row in rows[5:]}
    assert (by_case["pyzmq"].ratio, by_case["pyzmq"].added) == (1.0, 0.0)
    assert by_case["checksum"].chunks == 1
    assert by_case["chunked"].chunks > 10
    assert shares == sorted(shares)
    assert shares[-1] == 1.0


@pytest.mark.parametrize(("sizes", "turns"), [([], 3), ([0], 3), ([1024], 0)])
def test_what_cannot_be_measured(sizes: list[int], turns: int) -> None:
    with pytest.raises(ConfigError, match="at least one"):
        measure(sizes, turns)


def test_a_short_soak_loses_nothing_and_counts_exactly() -> None:
    """Six vehicles at 10 Hz for 3 s on two processes."""
    command = [sys.executable, str(BENCHMARKS / "mesh_soak.py"), "--vehicles", "6", "--seconds", "3", "--bytes", "3000"]
    env = {**os.environ, "PYTHONSAFEPATH": "1", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, timeout=90, check=False, env=env)
    found = json.loads(done.stdout.splitlines()[-1])
    assert (found["lost"], found["stale_or_wrong"]) == (0, 0)
    assert found["counters"]["sent"] == 6 * 30
    assert found["counters"]["received"] == 6 * 5 * 30
    assert found["exact"] is True
    assert (found["rounds"], found["processes"]) == (30, 2)
