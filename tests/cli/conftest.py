"""`laco agent` as a process of its own, for the tests that run against one."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest

Serving = Callable[..., AbstractContextManager[tuple["subprocess.Popen[str]", str]]]


@pytest.fixture
def serving() -> Serving:
    """The command with these options and, by name, variables of its environment; and where it listens."""

    @contextmanager
    def start(*options: str, **variables: str) -> Iterator[tuple["subprocess.Popen[str]", str]]:
        command = [sys.executable, "-c", "from laco.cli.main import main; main()", "agent", *options]
        env = {**os.environ, "PYTHONSAFEPATH": "1", "OMP_NUM_THREADS": "1", **variables}
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env, text=True) as run:
            try:
                assert run.stdout is not None
                line = run.stdout.readline()
                assert line.startswith("listening on 127.0.0.1:"), run.communicate(timeout=10)
                yield run, line.split()[-1]
            finally:
                if run.poll() is None:
                    run.kill()

    return start
