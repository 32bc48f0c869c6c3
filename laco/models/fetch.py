"""`fetch`: from nothing to a converted model, at once or not at all."""

import errno
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from filelock import FileLock

from laco.errors import BackboneError
from laco.models.catalog import Model, find
from laco.models.convert import convert, require
from laco.models.download import gguf_file
from laco.models.store import home, is_installed

Report = Callable[[str, float | None], None]  # a stage and its share in [0, 1], or None if that is not known


def fetch(name: str, report: Report = lambda stage, share: None) -> Path:
    """The folder of a model, fetched and converted if it is not there yet.

    Two calls at once are safe: the second waits for the first. Whatever a killed call left behind is
    removed by the next one.
    Raises: ConfigError for an unknown name; BackboneError, in one line, for everything that can go wrong.
    """
    model = find(name)
    target = home() / name
    if is_installed(name):
        return target
    require()
    try:
        home().mkdir(parents=True, exist_ok=True)
        with FileLock(home() / f".{name}.lock"):
            if not is_installed(name):
                _make(model, target, report)
    except OSError as error:
        raise BackboneError(_trouble(error)) from error
    return target


def _make(model: Model, target: Path, report: Report) -> None:
    """Fill the model's folder beside its place, then move it there. The caller holds the model's lock."""
    for left in target.parent.glob(f".{model.name}.part-*"):
        shutil.rmtree(left, ignore_errors=True)  # nobody else is at work here: a killed call's
    _check_room(model, target.parent)
    with tempfile.TemporaryDirectory(prefix=f".{model.name}.part-", dir=target.parent) as scratch:
        folder, made = Path(scratch), Path(scratch) / "made"
        source = gguf_file(model, folder, lambda share: report("downloading", share))
        report("converting", None)
        convert(source, made)
        made.rename(target)


def _check_room(model: Model, folder: Path) -> None:
    """Raises: BackboneError if the disk cannot hold what fetching needs at its peak."""
    free = shutil.disk_usage(folder).free / 1e6
    if free < model.disk:
        raise BackboneError(f"fetching {model.name} needs {model.disk} MB in {folder}, {free:.0f} MB are free")


def _trouble(error: OSError) -> str:
    """One line for what the file system refused."""
    if error.errno == errno.ENOSPC:
        return f"no space is left in {home()}"
    return f"cannot store models in {home()}: {error.strerror or error}"
