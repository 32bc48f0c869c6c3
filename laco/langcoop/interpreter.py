"""Somebody else's Python interpreter, asked in a process of its own with a time limit; it never imports ours."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from laco.errors import ConfigError

LIMIT = 240.0  # [s] for everything that is asked at once: torch alone may take a minute from a cold disk
OURS = ("PYTHONPATH", "PYTHONHOME", "PYTHONSAFEPATH", "PYTHONSTARTUP", "__PYVENV_LAUNCHER__")
VERSION = "import sys, json; sys.stdout.write(json.dumps(list(sys.version_info[:3])))"
Answers = dict[str, dict[str, Any]]


def environment(paths: Sequence[Path], variables: Mapping[str, str] | None = None) -> dict[str, str]:
    """This process's environment without what is meant for our own interpreter."""
    kept = {name: value for name, value in os.environ.items() if name not in OURS}
    return {**kept, "PYTHONPATH": os.pathsep.join(map(str, paths)), **(variables or {})}


@dataclass(frozen=True)
class Interpreter:
    """path: absolute. version: major, minor, micro."""

    path: str
    version: tuple[int, int, int]

    @classmethod
    def at(cls, name: str | None) -> "Interpreter":
        """By a path or a name on PATH; None is our own. Raises: ConfigError if it does not run."""
        path = shutil.which(name) if name else sys.executable
        if path is None:
            raise ConfigError(f"no Python interpreter {name!r}")
        try:
            said = subprocess.run(
                [path, "-c", VERSION], env=environment([]), capture_output=True, timeout=60, check=True
            )
            major, minor, micro = json.loads(said.stdout)
        except (OSError, subprocess.SubprocessError, ValueError):
            raise ConfigError(f"{path} is no Python interpreter that runs") from None
        return cls(os.path.abspath(path), (int(major), int(minor), int(micro)))  # noqa: PTH100 - keep a venv's link

    @property
    def short(self) -> tuple[int, int]:
        """Major and minor."""
        return self.version[:2]

    def ask(
        self, modules: Sequence[str], paths: Sequence[Path], cwd: Path | None = None, limit: float = LIMIT
    ) -> Answers:
        """What becomes of importing each module: `version` and `file`, or `error`, one line; `torch` says more.

        A module that ends or hangs its process is blamed for it, and the others are asked without it.
        """
        found: Answers = {}
        left = list(dict.fromkeys(modules))
        while left:
            found |= self._ask(left, paths, cwd, limit)
            left = [module for module in left if module not in found]
        return found

    def _ask(self, modules: Sequence[str], paths: Sequence[Path], cwd: Path | None, limit: float) -> Answers:
        """At least one answer."""
        script = files("laco.langcoop").joinpath("probe.py").read_text(encoding="utf-8")
        variables = {"PYTHONUNBUFFERED": "1", "SAVE_PATH": os.devnull, "ROUTES": os.devnull}
        process = subprocess.Popen(
            [self.path, "-c", script, *modules],
            env=environment(paths, variables),
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            start_new_session=os.name == "posix",
        )
        try:
            out, errors = process.communicate(timeout=limit)
            how = f"it ended the interpreter (status {process.returncode})"
        except subprocess.TimeoutExpired:
            _end(process)
            out, errors = process.communicate()
            how = f"it did not come back within {limit:.0f} s"
        finally:
            _end(process)
        found = dict(_lines(out))
        blamed = next(module for module in (*modules, "") if module not in found)
        if blamed:
            last = (errors.strip().splitlines() or [""])[-1]
            found[blamed] = {"error": f"{how}: {last}" if last and "status" in how else how}
        return found


def _end(process: "subprocess.Popen[str]") -> None:
    """With whatever a module started."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL) if os.name == "posix" else process.kill()
    process.wait()


def _lines(out: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Modules print what they like between the answers."""
    for line in out.splitlines():
        if line.startswith("laco-probe "):
            answer = json.loads(line.removeprefix("laco-probe "))
            yield answer["module"], answer
