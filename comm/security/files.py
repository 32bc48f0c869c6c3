"""Files that only their owner may read: made so from the first byte, and refused if they are not so any more.

Windows has no such modes: there the user's profile folder protects them, and the checks pass.
"""

import os
import secrets
import stat
from contextlib import suppress
from pathlib import Path

from laco.errors import ConfigError

POSIX = os.name == "posix"
OTHERS = 0o077
MOST = 1 << 16  # [bytes] of a key file


def make_folder(path: Path) -> None:
    """The folder, mode 0700 whatever the umask; one that is there must be private. Raises: ConfigError."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.mkdir(mode=0o700)
        if POSIX:
            path.chmod(0o700)  # a umask may have taken the owner's own bits
    except FileExistsError:
        check_private(path, folder=True)
    except OSError as error:
        raise ConfigError(f"cannot make {path}: {error.strerror}") from error


def write_new(path: Path, text: str) -> None:
    """A new file of mode 0600, whole or not at all. Raises: ConfigError if there is one already."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        _write(draft, text)
        os.link(draft, path)  # unlike a rename it fails where a file is
    except FileExistsError as error:
        raise ConfigError(f"{path} is there already: it is never overwritten") from error
    except OSError as error:
        raise ConfigError(f"cannot write {path}: {error.strerror}") from error
    finally:
        with suppress(FileNotFoundError):
            draft.unlink()


def _write(path: Path, text: str) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="ascii") as file:
        if POSIX:
            os.fchmod(handle, 0o600)  # a umask may have taken the owner's own bits
        file.write(text)
        file.flush()
        os.fsync(handle)


def check_private(path: Path, folder: bool = False) -> None:
    """Raises: ConfigError unless `path` is a file (or folder) of this user that nobody else can open."""
    try:
        found = path.stat()
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}") from error
    if not (stat.S_ISDIR if folder else stat.S_ISREG)(found.st_mode):
        raise ConfigError(f"{path} is no {'folder' if folder else 'file'}")
    if not folder and found.st_size > MOST:
        raise ConfigError(f"{path} is no key file: it has {found.st_size} bytes")
    if not POSIX:
        return
    if found.st_uid != os.geteuid():
        raise ConfigError(f"{path} belongs to another user: keys are not read from there")
    if found.st_mode & OTHERS:
        wanted = "700" if folder else "600"
        mode = stat.S_IMODE(found.st_mode)
        raise ConfigError(f"{path} can be opened by others (mode {mode:04o}): chmod {wanted} {path}")
