"""A process that is told to dies with its parent, also while it is busy."""

import os
import signal
import subprocess
import sys
import time

import pytest

from laco.processes import alive

CODE = """
import os, signal, time
from laco.processes import die_with_parent
if os.fork() == 0:
    die_with_parent()
    print(os.getpid(), flush=True)
while True:
    time.sleep(600)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's parent-death signal is Linux's")
def test_a_busy_child_dies_with_its_parent() -> None:
    with subprocess.Popen([sys.executable, "-c", CODE], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        try:
            assert alive(child)
            parent.kill()
            deadline = time.monotonic() + 30.0
            while alive(child) and time.monotonic() < deadline:
                time.sleep(0.02)
            assert not alive(child)
        finally:
            if alive(child):
                os.kill(child, signal.SIGKILL)
