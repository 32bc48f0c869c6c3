"""Who may speak: keys on disk (`keys`, `files`), and CURVE on the sockets (`curve`, with its gatekeeper in `gate`).

docs/security.md says what this stops and what it does not.
"""

from ipaddress import ip_address

from laco.comm.security.keys import Identity, Keyring, Trusted

__all__ = ["Identity", "Keyring", "Trusted", "is_loopback"]


def is_loopback(host: str) -> bool:
    """Whether an address reaches this machine only; names other than localhost are not looked up, and do not."""
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"
