"""Many commands in one call. A command is `[[index, body]]`; its answer is the id it was about, or an error
text."""

from collections.abc import Callable
from typing import Any

from laco.scenarios.server.errors import RefusedError
from laco.scenarios.server.methods import actors, core, vehicles
from laco.scenarios.server.rpc import NONSENSE, Call, Table, bare
from laco.scenarios.server.simulation import Simulation

SPAWN = 0


def table() -> Table:
    """Methods by name."""
    return {"apply_batch": bare(Batch().apply)}


class Batch:
    """Runs commands by their index."""

    def __init__(self) -> None:
        single = {**actors.table(), **vehicles.table()}
        self._calls: dict[int, Callable[[Simulation, list[Any]], None]] = {
            index: _checked(single[method]) for index, method in _METHODS.items()
        }
        self._calls[1] = _destroy
        self._calls[7] = _walker_state
        self._calls[18] = _checked(
            lambda sim, body: single["set_vehicle_light_state"](sim, [body[0], body[1:]])
        )

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
        call = self._calls.get(index)
        if call is not None:
            _exists(sim, body)
            call(sim, body)
        return body[0] if body and isinstance(body[0], int) else 0

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
    2: "apply_control_to_vehicle",
    3: "apply_ackermann_control_to_vehicle",
    4: "apply_control_to_walker",
    5: "apply_physics_control",
    6: "set_actor_transform",
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
    19: "set_actor_location",
}


def _exists(sim: Simulation, body: list[Any]) -> None:
    if body and isinstance(body[0], int) and body[0] not in sim.world.actors:
        raise RefusedError(f"actor {body[0]} not found")


def _checked(call: Call) -> Callable[[Simulation, list[Any]], None]:
    """The method, with the refusal it put into its answer raised again."""

    def run(sim: Simulation, body: list[Any]) -> None:
        ((failed, *text),) = call(sim, body)
        if failed:
            raise RefusedError(text[0][0])

    return run


def _destroy(sim: Simulation, body: list[Any]) -> None:
    core.destroy_actor(sim, *body)


def _walker_state(sim: Simulation, body: list[Any]) -> None:
    id, transform, _speed = body
    actors.set_transform(sim, id, transform)


def _about(id: int, index: int, body: list[Any]) -> list[Any]:
    """A command given for a future actor (id 0), now about the one just spawned."""
    if index == SPAWN:
        parent = [True, id] if body[2][0] and not body[2][1] else body[2]
        return [*body[:2], parent, *body[3:]]
    return [id, *body[1:]] if body and body[0] == 0 else body
