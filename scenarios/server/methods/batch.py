"""Many commands in one call. A command is `[[index, body]]`; its answer is the id it was about, or an error
text."""

from typing import Any

from laco.scenarios.server.errors import ActorGoneError, RefusedError
from laco.scenarios.server.methods import core, walkers
from laco.scenarios.server.rpc import NONSENSE, Table, bare, value, void
from laco.scenarios.server.simulation import Simulation

SPAWN, LIGHTS, CONSOLE = 0, 18, 20


def table(single: Table) -> Table:
    """Methods by name; `single` are those that do for one actor what the commands do for many."""
    return {"apply_batch": bare(Batch(single).apply)}


class Batch:
    """Runs commands by their index."""

    def __init__(self, single: Table) -> None:
        alone = {
            "destroy_actor": value(core.destroy_actor),
            "set_walker_state": void(walkers.set_walker_state),
        }
        calls = {**single, **alone}
        self._methods = {index: (method, calls[method]) for index, method in _METHODS.items()}

    def apply(self, sim: Simulation, commands: list[Any], do_tick: bool = False) -> list[Any]:
        """One Response<ActorId> per command; in synchronous mode followed by a tick, if asked."""
        answers = [self._answer(sim, command) for command in commands]
        if do_tick and sim.lockstep:
            sim.tick()
        return answers

    def _answer(self, sim: Simulation, command: Any) -> list[Any]:
        try:
            ((index, body),) = command
            return [[1, self._run(sim, index, body)]]
        except RefusedError as refusal:
            return [[0, [str(refusal)]]]
        except NONSENSE as error:
            return [[0, [f"{type(error).__name__}: {error}"]]]

    def _run(self, sim: Simulation, index: int, body: list[Any]) -> int:
        if index == SPAWN:
            return self._spawn(sim, *body)
        if index == CONSOLE:  # there is none: accepted, as on CARLA
            return 0
        method, call = self._methods[index]
        id, *arguments = body
        if id not in sim.world.actors and method != "destroy_actor":
            raise ActorGoneError(method, id)
        _raise_refusal(call(sim, [id, arguments] if index == LIGHTS else body))
        return int(id)

    def _spawn(
        self, sim: Simulation, description: Any, where: Any, parent: Any, _kind: int, _socket: str, then: Any
    ) -> int:
        holder = parent[1] if parent[0] else 0
        if parent[0] and not holder:
            raise RefusedError("unable to attach actor: parent actor not found")
        id = core.spawn(sim, description, where, holder).id
        for ((index, body),) in then:
            self._answer(sim, [[index, _about(id, index, body)]])
        return id


# The protocol's command index and the method that does the same for one actor.
_METHODS = {
    1: "destroy_actor",
    2: "apply_control_to_vehicle",
    3: "apply_ackermann_control_to_vehicle",
    4: "apply_control_to_walker",
    5: "apply_physics_control",
    6: "set_actor_transform",
    7: "set_walker_state",
    8: "set_actor_target_velocity",
    9: "set_actor_target_angular_velocity",
    10: "add_actor_impulse",
    11: "add_actor_force",
    12: "add_actor_angular_impulse",
    13: "add_actor_torque",
    14: "set_actor_simulate_physics",
    15: "set_actor_enable_gravity",
    16: "set_actor_autopilot",
    17: "show_vehicle_debug_telemetry",
    LIGHTS: "set_vehicle_light_state",
    19: "set_actor_location",
    21: "set_traffic_light_state",
}


def _raise_refusal(answer: Any) -> None:
    """Raise again what a method put into its answer: `[[0, [text]]]` or `[[true, [text]]]`."""
    ((_, *rest),) = answer
    if rest and isinstance(rest[0], list) and rest[0] and isinstance(rest[0][0], str):
        raise RefusedError(rest[0][0])


def _about(id: int, index: int, body: list[Any]) -> list[Any]:
    """A command given for a future actor (id 0), now about the one just spawned."""
    if index == SPAWN:
        parent = [True, id] if body[2][0] and not body[2][1] else body[2]
        return [*body[:2], parent, *body[3:]]
    return [id, *body[1:]] if body and body[0] == 0 else body
