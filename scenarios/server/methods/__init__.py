"""Every method of the protocol by name, grouped as the protocol's sheet groups them."""

from laco.scenarios.server.methods import actors, batch, core, level, lights, misc, vehicles, walkers
from laco.scenarios.server.rpc import Table


def table() -> Table:
    """All methods the server answers."""
    single = {
        **misc.table(),
        **level.table(),
        **core.table(),
        **lights.table(),
        **actors.table(),
        **vehicles.table(),
        **walkers.table(),
    }
    return {**single, **batch.table(single)}
