"""Whether the `carla` package installed beside the server speaks its version of the protocol.

A client never says which version it is, so the server cannot refuse one that connects; what it can see is the
package that programs in its own environment import. Clients elsewhere compare versions themselves
(`get_server_version`), as LACO's runner does.
"""

from importlib import metadata

from laco.errors import WorldError
from laco.scenarios.server.versions import VERSION

PACKAGE = "carla"


def require_wheel() -> None:
    """Raises `WorldError` when the package is of another version."""
    try:
        found = metadata.version(PACKAGE)
    except metadata.PackageNotFoundError:  # CARLA's own builds carry other names
        return
    if found != VERSION:
        raise WorldError(
            f"the {PACKAGE} package here is version {found}, and this server speaks {VERSION}: "
            f"pip install {PACKAGE}=={VERSION}"
        )
