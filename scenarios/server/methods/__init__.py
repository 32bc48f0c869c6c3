"""Every method of the protocol by name, grouped as the protocol's sheet groups them."""

from laco.scenarios.server.methods import actors, batch, core, misc, vehicles
from laco.scenarios.server.rpc import Table


def table() -> Table:
    """All methods the server answers."""
    return {**misc.table(), **core.table(), **actors.table(), **vehicles.table(), **batch.table()}
