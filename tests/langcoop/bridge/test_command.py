"""`laco agent --wire langcoop` as a user starts it, and with a real model."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest

from laco.cli.main import main
from laco.errors import LacoError
from laco.method import registry

from .conftest import Convoy, heard

Process = subprocess.Popen[str]


@contextmanager
def serving(*all_options: list[str]) -> Iterator[list[tuple[Process, str]]]:
    """A process for each, and the endpoint that it says it listens at."""
    command = [sys.executable, "-c", "from laco.cli.main import main; main()", "agent", "--wire", "langcoop"]
    env = {**os.environ, "PYTHONSAFEPATH": "1", "OMP_NUM_THREADS": "1"}
    pipes: Any = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "env": env, "text": True}
    with ExitStack() as stack:
        runs = [stack.enter_context(subprocess.Popen([*command, *options], **pipes)) for options in all_options]
        try:
            lines = [run.stdout.readline() for run in runs]
            assert all(line.startswith("listening on 127.0.0.1:") for line in lines), lines
            yield [(run, f"tcp://{line.split()[-1]}") for run, line in zip(runs, lines, strict=True)]
        finally:
            for run in runs:
                if run.poll() is None:
                    run.kill()


def ended(process: Process, how: int) -> tuple[int, str]:
    process.send_signal(how)
    _, errors = process.communicate(timeout=20)
    return process.returncode, errors


def test_two_processes_talk_and_end_cleanly(connect, weights) -> None:
    """One ends by Ctrl-C, the other by SIGTERM while its client waits for a plan."""
    with serving(*(["--vehicles", f"ego{n}", "--weights", weights] for n in (0, 1))) as made:
        convoy = Convoy(connect, {f"ego{n}": endpoint for n, (_, endpoint) in enumerate(made)})
        convoy.hello("latent", wait=30.0)
        plans = convoy.moment(0)
        assert heard(plans["ego0"], "latent") == {"ego1": "used"}
        convoy.clients["ego0"].observe(1, ["ego0", "ego1"])
        convoy.clients["ego0"].decide(1)
        assert convoy.clients["ego1"].ask("ping")["vehicles"] == ["ego1"]
        assert ended(made[0][0], signal.SIGTERM) == (0, "")
        assert ended(made[1][0], signal.SIGINT) == (0, "")


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("--bind", "10.0.0.1:7400"), "the langcoop wire is not encrypted: bind a loopback address, or say --insecure"),
        (("--curve",), "the langcoop wire is not encrypted"),
        (("--driver", "vlm"), "the vlm driver needs a model: give a folder or a hub id"),
        (("--bind", "192.0.2.1:7400", "--insecure"), "cannot listen on 192.0.2.1:7400"),
    ],
)
def test_bad_input_is_one_line(capsys, arguments: tuple[str, ...], line: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["laco", "agent", "--wire", "langcoop", "--vehicles", "ego0", *arguments])
        with pytest.raises(SystemExit) as caught:
            main()
    errors = capsys.readouterr().err.splitlines()
    assert caught.value.code == 2
    assert errors[-1].startswith(f"laco: {line}")


def real() -> str:
    """The folder of SmolLM2's real weights. Skips the test without them."""
    if folder := os.environ.get("LACO_SMOLLM2"):
        return folder
    try:
        return registry.locate("smollm2")
    except LacoError as error:
        pytest.skip(str(error))


def test_real_weights_share_their_cache(serve, connect) -> None:
    """SmolLM2 with the LoRA and profile that ship for it, as `laco run` has them."""
    real()
    server: Any = serve("ego0,ego1", "llm", os.environ.get("LACO_SMOLLM2", "smollm2"))
    convoy = Convoy(connect, dict.fromkeys(("ego0", "ego1"), server.endpoint))
    convoy.hello("latent", wait=60.0)
    plans = convoy.moment(0)
    for plan in plans.values():
        assert set(heard(plan, "latent").values()) == {"used"}
        assert plan["foreign_tokens"] > 0
        assert not plan["failed"]
    (said,) = [s for s in plans["ego0"]["sent"] if s["kind"] == "latent"]
    assert said["payload"] > 1000
