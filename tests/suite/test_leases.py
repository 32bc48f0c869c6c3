"""Servers that are there already: one worker each, and the rows of their runs apart from the embedded server's."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from laco.cli.main import app
from laco.errors import LacoError, WorldError
from laco.scenarios.server.launch import WorldProcess
from laco.scenarios.suite.grid import expand
from laco.scenarios.suite.leases import Lease
from laco.scenarios.suite.spec import read


def test_a_server_is_for_one_at_a_time() -> None:
    one = Lease.of(["host.test:1", "host.test:2"])
    two = Lease.of(["host.test:1", "host.test:2"])
    assert (one.server, two.server) == ("host.test:1", "host.test:2")
    with pytest.raises(WorldError, match="no server is free"):
        Lease.of(["host.test:1"])
    del one
    assert Lease.of(["host.test:1"]).server == "host.test:1"


def test_their_rows_are_filed_apart(small: Path) -> None:
    suite = read(small)
    here, there = expand(suite).jobs, expand(suite, "carla").jobs
    assert [job.options for job in here] == [job.options for job in there]
    assert not {job.key for job in here} & {job.key for job in there}
    assert not {job.free for job in here} & {job.free for job in there}


def test_a_suite_drives_on_a_server_that_is_there(small: Path, tmp_path: Path) -> None:
    suite, out = tmp_path / "two.yaml", tmp_path / "out"
    suite.write_text(small.read_text().replace("1001-1005", "1001"))
    with WorldProcess("crossing", 0) as world:
        given = ["--suite", suite, "--out", out, "--carla", f"127.0.0.1:{world.port}", "--json"]
        command = [sys.executable, "-c", "from laco.cli.main import main; main()", "compare", *map(str, given)]
        run = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "PYTHONSAFEPATH": "1"})
        assert run.returncode == 0, run.stderr
        assert world.running
    assert {cell["runs"] for cell in json.loads(run.stdout)["cells"]} == {1}
    assert all(json.loads(line)["key"].startswith("carla-") for line in (out / "rows.jsonl").read_text().splitlines())


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (["--carla", "nowhere"], "HOST:PORT"),
        (["--carla", "127.0.0.1:9"], "no server answers"),
        (["--carla", "HERE", "--jobs", "2"], "2 jobs need as many servers"),
        (["--carla", "HERE", "--backend", "dask"], "--backend loky"),
    ],
)
def test_servers_that_cannot_be_had_are_refused(small: Path, options: list[str], why: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as here:
        where = f"127.0.0.1:{here.getsockname()[1]}"
        given = ["compare", "--suite", str(small), *(where if o == "HERE" else o for o in options)]
        with pytest.raises(LacoError, match=why):
            CliRunner().invoke(app, given, catch_exceptions=False)
