"""The key folder: this machine's own CURVE key pair, and the public keys of the machines it trusts, by name.

    NAME.key_secret   own pair            trusted/PEER.key   a peer's public key
    NAME.key          own public key

The files are ZeroMQ certificates, read by `zmq.auth`. They are written here, because `zmq.auth` leaves the mode of a
secret file to the umask. No secret is ever part of a text, a result or an error.
"""

import os
import re
import struct
from dataclasses import dataclass, field
from pathlib import Path

import zmq
from zmq.auth import load_certificate
from zmq.utils import z85

from laco.comm.security.files import check_private, make_folder, write_new
from laco.errors import ConfigError

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
RUNNER = "    may = run\n"  # in the metadata of a trusted key
PUBLIC_SIZE = 40  # [characters] of a key in Z85
ADVICE = "make one with `laco keys new`, and let machines know each other with `laco keys trust NAME FILE`"


@dataclass(frozen=True)
class Identity:
    """This machine's key pair, in Z85."""

    name: str
    public: str
    secret: bytes = field(repr=False)


@dataclass(frozen=True)
class Trusted:
    """A machine that may speak. runner: it may also run the vehicles that are served here."""

    name: str
    public: str
    runner: bool = False


def default_folder() -> Path:
    """$LACO_KEYS, or the user's configuration folder."""
    if own := os.environ.get("LACO_KEYS"):
        return Path(own).expanduser()
    variable, default = ("APPDATA", "~/AppData/Roaming") if os.name == "nt" else ("XDG_CONFIG_HOME", "~/.config")
    return Path(os.environ.get(variable) or default).expanduser() / "laco" / "keys"


class Keyring:
    """The keys in one folder; nothing is kept, so what is trusted is what the folder says now."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder or default_folder()

    @property
    def exists(self) -> bool:
        """Whether there is a key of this machine's own. Raises: ConfigError for a folder that others can open."""
        return bool(self._secret_files())

    def own(self) -> Identity:
        """This machine's key pair. Raises: ConfigError if there is none, or its file cannot be trusted or read."""
        files = self._secret_files()
        if len(files) != 1:
            what = "no key of this machine's own" if not files else f"{len(files)} secret keys, not one,"
            raise ConfigError(f"{what} in {self.folder}: {ADVICE}")
        public, secret = _load(files[0])
        if secret is None or not _is_pair(public, secret):
            raise ConfigError(f"{files[0]} is no key pair: it is damaged")
        return Identity(files[0].stem, public, secret)

    def trusted(self) -> dict[str, Trusted]:
        """The trusted machines by name. Raises: ConfigError for a file that cannot be trusted or read."""
        if not self._there(self._trust_folder):
            return {}
        found = {}
        for path in sorted(self._trust_folder.glob("*.key")):
            public, _ = _load(path)
            found[path.stem] = Trusted(path.stem, public, RUNNER in path.read_text("ascii", "replace"))
        return found

    def allows(self, public: str, *, running: bool = False) -> bool:
        """Whether the holder of this key may speak here; running: whether it may run the vehicles served here."""
        if public == self.own().public:
            return True
        return any(t.public == public and (t.runner or not running) for t in self.trusted().values())

    def new(self, name: str) -> Identity:
        """Makes this machine's pair. Raises: ConfigError for a name that is none, or if there is a pair already."""
        check_name(name)
        make_folder(self.folder)
        if files := self._secret_files():
            raise ConfigError(f"this machine has a key already, {files[0]}: it is never overwritten")
        public, secret = _pair()
        write_new(self.folder / f"{name}.key", _certificate(public))
        write_new(self.folder / f"{name}.key_secret", _certificate(public, secret))
        return Identity(name, public, secret)

    def trust(self, name: str, key: str, runner: bool = False) -> Trusted:
        """Trusts the machine `name` with this public key, or with the one in the file of this name.

        Raises: ConfigError for what is no key, and for a name or a key that is known already.
        """
        check_name(name)
        public = read_public(key)
        make_folder(self.folder)
        make_folder(self._trust_folder)
        for known in self.trusted().values():
            if known.name == name or known.public == public:
                raise ConfigError(f"{known.name} is trusted already: `laco keys untrust {known.name}` comes first")
        if self.exists and public == self.own().public:
            raise ConfigError(f"that is this machine's own key ({self.own().name}): it is always trusted here")
        write_new(self._trust_folder / f"{name}.key", _certificate(public, metadata=RUNNER if runner else ""))
        return Trusted(name, public, runner)

    def untrust(self, name: str) -> None:
        """Forgets a machine; connections that are open stay open. Raises: ConfigError if it is not trusted."""
        check_name(name)
        if name not in self.trusted():
            raise ConfigError(f"{name} is not trusted here")
        (self._trust_folder / f"{name}.key").unlink()

    @property
    def _trust_folder(self) -> Path:
        return self.folder / "trusted"

    def _secret_files(self) -> list[Path]:
        return sorted(self.folder.glob("*.key_secret")) if self._there(self.folder) else []

    def _there(self, folder: Path) -> bool:
        """Whether a folder of ours is there. Raises: ConfigError if others can open it."""
        for path in dict.fromkeys((self.folder, folder)):
            if not path.exists():
                return False
            check_private(path, folder=True)
        return True


def check_name(name: str) -> None:
    """Raises: ConfigError for what cannot be a machine's name."""
    if not NAME.fullmatch(name):
        raise ConfigError(f"a key's name has letters, digits, dots, dashes and underscores (64 at most), not {name!r}")


def read_public(key: str) -> str:
    """A public key, given as itself or as the file that holds it. Raises: ConfigError, which does not repeat what is
    no file: it may be a key that was pasted by mistake."""
    if is_key(key):
        return key
    path = Path(key)
    try:
        path.stat()
    except (OSError, ValueError) as error:
        raise ConfigError(f"that is neither a public key ({PUBLIC_SIZE} characters) nor a file") from error
    public, secret = _certified(path)
    if secret is not None:
        raise ConfigError(f"{path} holds a secret key: it never leaves its machine; hand over the .key file beside it")
    return public


def is_key(text: str) -> bool:
    """Whether a text is a key in Z85."""
    try:
        return len(text) == PUBLIC_SIZE and z85.encode(z85.decode(text)).decode() == text
    except (ValueError, KeyError, struct.error):  # the last: a group beyond 32 bits
        return False


def _load(path: Path) -> tuple[str, bytes | None]:
    check_private(path)
    return _certified(path)


def _certified(path: Path) -> tuple[str, bytes | None]:
    """The keys in a certificate. Raises: ConfigError, which quotes nothing of the file."""
    try:
        public, secret = load_certificate(path)
        text = public.decode("ascii")
    except (OSError, ValueError, IndexError):
        text, secret = "", None
    if not is_key(text):
        raise ConfigError(f"{path} is no key file: it is damaged")
    return text, secret


def _is_pair(public: str, secret: bytes) -> bool:
    return is_key(secret.decode("ascii", "replace")) and zmq.curve_public(secret).decode() == public


def _pair() -> tuple[str, bytes]:
    """A new pair; its public key starts so that a command line can carry it."""
    while True:
        public, secret = zmq.curve_keypair()
        if public[:1].isalnum():
            return public.decode(), secret


def _certificate(public: str, secret: bytes | None = None, metadata: str = "") -> str:
    """The text of a ZeroMQ certificate."""
    about = "# CURVE key pair of LACO: it never leaves this machine\n" if secret else "# public CURVE key of LACO\n"
    pair = f'    public-key = "{public}"\n' + (f'    secret-key = "{secret.decode()}"\n' if secret else "")
    return f"{about}metadata\n{metadata}curve\n{pair}"
