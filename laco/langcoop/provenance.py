"""Where results come from: commits, checksums, versions, commands."""

import hashlib
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import laco


def of_process() -> dict[str, Any]:
    """This command, this program."""
    return {
        "command": ["laco", *sys.argv[1:]],
        "started": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "laco": laco.__version__,
        "laco_commit": commit(source()),
        "python": sys.version.split()[0],
    }


def commit(folder: Path) -> dict[str, Any] | None:
    """The commit that a folder is at, and whether it was changed since; None where that is not known."""
    head = _git(folder, "rev-parse", "HEAD")
    if head is None:
        return None
    changed = _git(folder, "status", "--porcelain", "--untracked-files=no")
    return {"commit": head, "changed": bool(changed) if changed is not None else None}


def checksums(paths: Iterable[Path]) -> dict[str, str]:
    """SHA-256 of files, and of every file of folders."""
    found = {}
    for path in paths:
        files = sorted(file for file in path.rglob("*") if file.is_file()) if path.is_dir() else [path]
        for file in files:
            found[str(file)] = hashlib.sha256(file.read_bytes()).hexdigest()
    return found


def variables(told: Mapping[str, str]) -> list[str]:
    """As a shell takes them."""
    return [f"{name}={value}" for name, value in sorted(told.items())]


def source() -> Path:
    """Where this program's code is: its repository, if it runs from one."""
    return Path(laco.__file__).resolve().parent.parent


def _git(folder: Path, *arguments: str) -> str | None:
    command = ["git", "-C", str(folder), *arguments]
    try:
        said = subprocess.run(command, capture_output=True, text=True, timeout=20, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return said.stdout.strip()
