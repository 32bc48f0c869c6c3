"""Walk: methods on walkers. They have no skeleton, so nothing can be posed."""

from typing import Any

from laco.scenarios.server.methods.actors import about
from laco.scenarios.server.poses import ZERO, axes, pose, vector
from laco.scenarios.server.rpc import Table, nothing, value, void
from laco.scenarios.server.simulation import Simulation
from laco.scenarios.server.walker import Walker

NO_BONES: list[Any] = [[]]  # WalkerBoneControlOut: a struct of one field, the list of bones


def table() -> Table:
    """Methods by name."""
    return {
        "apply_control_to_walker": void(control_walker),
        "get_bones_transform": value(about("get_bones_transform", lambda sim, actor: NO_BONES)),
        "set_bones_transform": nothing,
        "blend_pose": nothing,
        "get_pose_from_animation": nothing,
    }


def control_walker(sim: Simulation, id: int, control: list[Any]) -> None:
    """Walk: `[direction, speed, jump]`."""
    walker = sim.world.actors.get(id)
    if isinstance(walker, Walker):
        direction, speed, jump, *_ = control
        walker.control(vector(direction), vector([speed, 0.0, 0.0])[0], bool(jump))


def set_walker_state(sim: Simulation, id: int, transform: list[Any], speed: float) -> None:
    """Be there, and walk on the way one faces at `speed` [m/s]."""
    where = pose(transform)
    sim.world.teleport(id, where)
    forward = axes(where)[0] if speed else ZERO
    control_walker(sim, id, [forward, speed, False])
