"""The clockwork: a junction's controllers take turns, each green, then yellow, then red for all.

Order and default times are those of CARLA's generated lights: 10 s, 3 s, 2 s. Time is simulated time; what a
tick overshoots is carried on, so that cycles keep their length at any tick.
"""

from collections.abc import Iterable
from xml.etree.ElementTree import Element

from laco.scenarios.server.lights.actors import RED, YELLOW, TrafficLight
from laco.scenarios.server.vehicle import GREEN

TIMES = (10.0, 3.0, 2.0)  # [s] green, yellow, red for all
STAGES = (GREEN, YELLOW, RED)
SLACK = 1e-6  # [s] for the rounding of many ticks
MOST = 64  # stages passed in one tick: none may last no time for ever


class Controller:
    """Lights that show the same; `times` are [green, yellow, red] [s]."""

    def __init__(self, lights: list[TrafficLight], group: "Group") -> None:
        self.lights = lights
        self.group = group
        self.times = list(TIMES)
        for light in lights:
            light.controller = self

    def show(self, state: int) -> None:
        """All lights change."""
        for light in self.lights:
            light.show(state)


class Group:
    """The lights of one junction, by the controllers that take turns."""

    def __init__(self, controllers: list[list[TrafficLight]]) -> None:
        self.controllers = [Controller(lights, self) for lights in controllers]
        self.lights = [light for lights in controllers for light in lights]
        self.frozen = False
        self.reset()
        for number, light in enumerate(self.lights):
            light.pole = number

    def reset(self) -> None:
        """Start over: the first controller green, the others red."""
        self.turn, self.stage, self.elapsed = 0, 0, 0.0
        for index, controller in enumerate(self.controllers):
            controller.show(RED if index else GREEN)

    def advance(self, dt: float) -> None:
        """Let `dt` [s] pass."""
        if self.frozen:
            return
        self.elapsed += dt
        for _ in range(MOST):
            limit = self.controllers[self.turn].times[self.stage]
            if self.elapsed < limit - SLACK:
                break
            self.elapsed = max(0.0, self.elapsed - limit)
            self._next()
        for light in self.lights:
            light.renew()  # its elapsed time

    def freeze(self, on: bool) -> None:
        """Stop the clock, or let it run on."""
        self.frozen = on
        for light in self.lights:
            light.renew()

    def _next(self) -> None:
        self.stage = (self.stage + 1) % len(STAGES)
        if self.stage == 0:
            self.turn = (self.turn + 1) % len(self.controllers)
        self.controllers[self.turn].show(STAGES[self.stage])


def groups(root: Element, lights: Iterable[TrafficLight]) -> list[Group]:
    """Groups of a map: junctions with the controllers they name, in their order; lights that no controller names
    take turns, one by one, with the others of their junction."""
    loose = {light.signal.id: light for light in lights}
    named = {controller.get("id"): controller for controller in root.iterfind("controller")}
    found: dict[int, list[list[TrafficLight]]] = {}
    for junction in root.iterfind("junction"):
        for reference in sorted(junction.iterfind("controller"), key=_sequence):
            _take(found, named.pop(reference.get("id"), None), loose)
    for controller in named.values():  # that no junction names
        _take(found, controller, loose)
    for light in loose.values():
        found.setdefault(light.signal.junction, []).append([light])
    return [Group(controllers) for controllers in found.values()]


def _take(
    found: dict[int, list[list[TrafficLight]]], controller: Element | None, loose: dict[str, TrafficLight]
) -> None:
    """Move a controller's lights from `loose` to the junction of the first of them."""
    ids = (
        [control.get("signalId", "") for control in controller.iterfind("control")]
        if controller is not None
        else []
    )
    lights = [loose.pop(id) for id in ids if id in loose]
    if lights:
        found.setdefault(lights[0].signal.junction, []).append(lights)


def _sequence(reference: Element) -> int:
    text = reference.get("sequence", "")
    return int(text) if text.isdigit() else 0
