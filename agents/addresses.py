"""Where others serve vehicles, whose key is expected there, and whether the way there needs CURVE."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from laco.comm.security import Keyring, is_loopback
from laco.errors import ConfigError


@dataclass(frozen=True)
class Address:
    """[KEY@]HOST:PORT. key: name of the trusted key that is expected there; "" for the obvious one."""

    host: str
    port: int
    key: str = ""

    @classmethod
    def of(cls, text: str) -> "Address":
        """Raises: ConfigError for what is no address."""
        match = re.fullmatch(r"(?:([^@\s]+)@)?([^:@\s]+|\[[0-9a-fA-F:]+\]):(\d{1,5})", text)
        if match is None or not 0 < int(match[3]) < 65536:
            raise ConfigError(f"an agent host's address is HOST:PORT or KEY@HOST:PORT, not {text!r}")
        return cls(match[2], int(match[3]), match[1] or "")

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"

    def expected(self, ring: Keyring) -> str:
        """The public key of who serves there: the one named; of no name this machine's own on loopback, and elsewhere
        the only one that is trusted. Raises: ConfigError."""
        own, trusted = ring.own(), ring.trusted()
        if self.key == own.name or (not self.key and is_loopback(self.host)):
            return own.public
        names = ", ".join(trusted) or "none"
        if self.key:
            if self.key not in trusted:
                raise ConfigError(f"no key {self.key} is trusted here (trusted: {names})")
            return trusted[self.key].public
        if len(trusted) != 1:
            raise ConfigError(f"whose key is at {self}? Say KEY@{self} (trusted: {names})")
        return next(iter(trusted.values())).public


def keys_for(hosts: Sequence[str], curve: bool | None) -> Keyring | None:
    """The keys, if CURVE is to be used: if asked for, or if one of the hosts is not this machine alone and nobody
    asked to do without. Raises: ConfigError, with what to do, if there are no keys."""
    far = next((host for host in hosts if not is_loopback(host)), None)
    if not (far is not None if curve is None else curve):
        return None
    ring = Keyring()
    if not ring.exists:
        why = "CURVE needs keys" if far is None else f"{far} is not this machine alone, and there are no keys"
        raise ConfigError(
            f"{why}: make one with `laco keys new`, let the machines know each other with "
            f"`laco keys trust NAME FILE`, or do without by --insecure"
        )
    ring.own()
    return ring
