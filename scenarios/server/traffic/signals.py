"""Our traffic lights are the truth: SUMO's show what they show.

Which links of SUMO's network an approach has is in the map: `<userData code="sumo" value="TLS:0,1,2"/>` of its signal.
Pedestrians have no lights of their own in the world. They may go while no car that would cross their way may, and
early enough to get across.
"""

from collections.abc import Iterable
from typing import Any
from xml.etree.ElementTree import Element

from laco.scenarios.server.lights.actors import OFF, RED, UNKNOWN, YELLOW, TrafficLight
from laco.scenarios.server.vehicle import GREEN

WALK = 5.0  # [s] from the start of a green that people may set out


class Junction:
    """One of SUMO's lights: which of ours shows what its links show."""

    def __init__(self, sumo: Any, name: str, lights: dict[int, TrafficLight]) -> None:
        self._sumo, self._name = sumo, name
        self._lights = lights  # by link index
        phases = [phase.state for phase in sumo.trafficlight.getAllProgramLogics(name)[0].phases]
        count = len(phases[0])
        self._cars = sorted(lights)
        self._others = [index for index in range(count) if index not in lights]
        self._yields = {i for i in range(count) if any(phase[i] == "g" for phase in phases)}
        together = {(i, j) for phase in phases for i in _go(phase) for j in _go(phase)}
        self._against = {i: [j for j in self._cars if (i, j) not in together] for i in range(count)}
        self._with = {i: [j for j in self._cars if (i, j) in together] for i in self._others}
        self._distinct = list(dict.fromkeys(lights.values()))
        self._seen: tuple[int, ...] = ()

    def show(self) -> None:
        """Set SUMO's light to what ours show, if that is new."""
        seen = (*(light.state for light in self._distinct), self._early())
        if seen == self._seen:
            return
        self._seen = seen
        state = ["r"] * (len(self._cars) + len(self._others))
        for index, light in self._lights.items():
            state[index] = self._letter(index, light)
        for index in self._others:
            if self._may_walk(index):
                state[index] = "g"
        self._sumo.trafficlight.setRedYellowGreenState(self._name, "".join(state))

    def _letter(self, index: int, light: TrafficLight) -> str:
        if light.state == GREEN:
            alone = all(self._lights[other].state == RED for other in self._against[index])
            return "G" if alone and index not in self._yields else "g"
        return {RED: "r", YELLOW: "y", OFF: "O", UNKNOWN: "o"}[light.state]

    def _may_walk(self, index: int) -> bool:
        if any(self._lights[other].state in (GREEN, YELLOW) for other in self._against[index]):
            return False
        return self._early() and any(self._lights[other].state == GREEN for other in self._with[index])

    def _early(self) -> bool:
        """Whether the present phase has only begun."""
        groups = (light.controller.group for light in self._distinct if light.controller is not None)
        return all(group.elapsed < WALK for group in groups)


def junctions(sumo: Any, root: Element, lights: Iterable[TrafficLight]) -> list[Junction]:
    """Those of SUMO's lights whose links the map tells; the others keep SUMO's own programme."""
    links = _links(root)
    found: dict[str, dict[int, TrafficLight]] = {}
    for light in lights:
        name, indices = links.get(light.signal.id, ("", []))
        for index in indices:
            found.setdefault(name, {})[index] = light
    known = set(sumo.trafficlight.getIDList())
    return [Junction(sumo, name, found[name]) for name in sorted(found) if name in known]


def _links(root: Element) -> dict[str, tuple[str, list[int]]]:
    found = {}
    for signal in root.iter("signal"):
        for data in signal.iterfind("userData"):
            name, _, indices = (data.get("value") or "").rpartition(":")
            if data.get("code") == "sumo" and name:
                found[signal.get("id", "")] = (
                    name,
                    [int(index) for index in indices.split(",") if index.isdigit()],
                )
    return found


def _go(phase: str) -> list[int]:
    return [index for index, letter in enumerate(phase) if letter in "gG"]
