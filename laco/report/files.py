"""Files that are whole or not there: written beside their place, then moved into it."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from laco.errors import ConfigError


def prepare(folder: Path) -> Path:
    """Make an output folder. Raises: ConfigError if it cannot be made or written to."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / ".laco-probe"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise ConfigError(f"cannot write to output folder {folder}: {error.strerror}") from error
    return folder


def write_bytes(path: Path, data: bytes) -> None:
    """Replace a file's content at once."""
    part = path.with_name(path.name + ".part")
    try:
        part.write_bytes(data)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def write_json(path: Path, value: Any) -> None:
    """Readable JSON."""
    write_bytes(path, (json.dumps(value, indent=2, ensure_ascii=False) + "\n").encode())


def write_lines(path: Path, values: Iterable[Any]) -> None:
    """JSON Lines."""
    write_bytes(path, "".join(json.dumps(v, ensure_ascii=False) + "\n" for v in values).encode())
