"""A suite, its hosts and its worlds are killed at random moments; and the same runs on a dask cluster."""

import csv
import json
import os
import random
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from laco.processes import marked

linux = pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="reads /proc")
pytestmark = [linux, pytest.mark.timeout(1200)]
MARK = "LACO_TEST_MARK"
RUNS = 10
PATIENCE = 400.0  # [s] far more than anything takes; only a fault waits so long
FORKSERVER = b"multiprocessing.forkserver"


def until(condition: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + PATIENCE
    while not (found := condition()) and time.monotonic() < deadline:
        time.sleep(0.02)
    return found


def start(suite: Path, out: Path, mark: str, *options: str, jobs: int = 1) -> "subprocess.Popen[str]":
    # Whoever is started in the background of a shell ignores Ctrl-C, and so would the command.
    code = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler);"
    code += "from laco.cli.main import main; main()"
    given = ["--suite", str(suite), "--out", str(out), "--jobs", str(jobs), *options]
    command = [sys.executable, "-c", code, "compare", *given]
    env = {**os.environ, "PYTHONSAFEPATH": "1", "OMP_NUM_THREADS": "1", MARK: mark}
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env, text=True)


def rows(out: Path) -> list[dict[str, Any]]:
    """Whole lines; what a kill tore is none."""
    path = out / "rows.jsonl"
    lines = path.read_bytes().split(b"\n")[:-1] if path.exists() else []
    return [json.loads(line) for line in lines]


def figures(out: Path) -> dict[str, Any]:
    return {row["key"]: row["figures"] for row in rows(out) if row["outcome"] == "finished"}


def table(out: Path) -> list[dict[str, str]]:
    """Without the measured columns."""
    with (out / "table.csv").open() as file:
        return [{name: value for name, value in line.items() if "*" not in name} for line in csv.DictReader(file)]


def command_of(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def parent_of(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1])
    except OSError:
        return 0


def worlds(mark: str) -> list[int]:
    return [pid for pid in marked(MARK, mark) if b"laco.scenarios.server" in command_of(pid)]


def hosts(mark: str) -> list[int]:
    """Children of forkservers."""
    return [p for p in marked(MARK, mark) if FORKSERVER in command_of(p) and FORKSERVER in command_of(parent_of(p))]


def kill_one(who: Callable[[str], list[int]], mark: str, rng: random.Random) -> None:
    """Kill one of them, as soon as there is one."""
    while True:
        victim = rng.choice(until(lambda: who(mark)))
        with suppress(ProcessLookupError):  # it was ended just now: there will be others
            os.kill(victim, signal.SIGKILL)
            return


@pytest.fixture
def mark() -> Iterator[str]:
    made = uuid.uuid4().hex
    yield made
    for pid in marked(MARK, made):
        os.kill(pid, signal.SIGKILL)


@pytest.fixture(scope="module")
def undisturbed(small: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The suite's folder after a whole run that nobody disturbed."""
    out = tmp_path_factory.mktemp("undisturbed")
    with start(small, out, "none") as run:
        _, errors = run.communicate(timeout=PATIENCE)
    assert run.returncode == 0, errors
    assert len(figures(out)) == RUNS
    return out


def test_a_killed_suite_resumes_to_the_same_table(small: Path, undisturbed: Path, mark: str, tmp_path: Path) -> None:
    rng, out = random.Random(6), tmp_path / "out"
    with start(small, out, mark, jobs=2) as run:
        assert until(lambda: len(rows(out)) >= rng.randint(1, 2))
        time.sleep(rng.uniform(0.0, 0.2))
        kill_one(hosts, mark, rng)
        before = len(rows(out))
        assert until(lambda: len(rows(out)) > before)
        time.sleep(rng.uniform(0.0, 0.2))
        assert run.poll() is None
        run.kill()
        run.communicate(timeout=PATIENCE)
    assert until(lambda: not marked(MARK, mark)), [command_of(pid) for pid in marked(MARK, mark)]
    assert 0 < len(figures(out)) < RUNS

    before = len(rows(out))
    with start(small, out, mark) as run:
        assert until(lambda: len(rows(out)) > before)
        time.sleep(rng.uniform(0.0, 0.2))
        kill_one(worlds, mark, rng)
        _, errors = run.communicate(timeout=PATIENCE)
    lost = {row["key"] for row in rows(out)} - figures(out).keys()
    assert run.returncode == bool(lost), errors
    assert not marked(MARK, mark)
    assert {row["outcome"] for row in rows(out)} <= {"finished", "agent_lost", "world_lost", "crashed"}

    with start(small, out, mark) as run:
        _, errors = run.communicate(timeout=PATIENCE)
    assert run.returncode == 0, errors
    assert not marked(MARK, mark)
    assert figures(out) == figures(undisturbed)
    assert table(out) == table(undisturbed)
    assert sorted(path.name for path in out.iterdir()) == sorted(path.name for path in undisturbed.iterdir())


def test_ctrl_c_leaves_no_process_and_whole_rows(small: Path, mark: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    with start(small, out, mark, jobs=2) as run:
        assert until(lambda: len(rows(out)) >= 1)
        run.send_signal(signal.SIGINT)
        _, errors = run.communicate(timeout=PATIENCE)
    assert run.returncode not in (0, 1), errors
    assert "Traceback" not in errors
    assert not marked(MARK, mark)
    assert (out / "rows.jsonl").read_bytes().endswith(b"\n")
    assert not list(out.glob("*.part"))


def test_a_dask_cluster_gives_the_same_rows(small: Path, undisturbed: Path, mark: str, tmp_path: Path) -> None:
    if find_spec("distributed") is None:
        pytest.skip("the [cluster] extra is not installed")
    suite, out = tmp_path / "two.yaml", tmp_path / "out"
    suite.write_text(small.read_text().replace("1001-1005", "1001"))
    with start(suite, out, mark, "--backend", "dask", "--json") as run:
        said, errors = run.communicate(timeout=PATIENCE)
    assert run.returncode == 0, errors
    assert len(json.loads(said)["cells"]) == 2
    assert len(figures(out)) == 2
    known = figures(undisturbed)
    assert figures(out) == {key: known[key] for key in figures(out)}
    assert until(lambda: not marked(MARK, mark)), [command_of(pid) for pid in marked(MARK, mark)]
