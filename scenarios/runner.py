"""One run: tick, see, decide, act, judge, until every ego's route has ended."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from time import sleep

from laco.agents.control import Pedals, follow
from laco.agents.drivers.plan import Plan
from laco.agents.hosts import HostLostError
from laco.agents.observation import Actor, Body, Observation
from laco.agents.perception import observe
from laco.scenarios.layout import Layout
from laco.scenarios.metrics import Drive
from laco.scenarios.pilots import Pilot
from laco.scenarios.rules.referee import Referee
from laco.scenarios.stage import TICK, Simulator, Stage
from laco.scenarios.surroundings import lanes_of

PERIOD = 0.2  # [s] decision period, unless the driver has another
LATE_EVENTS = 0.05  # [s] of wall-clock time for collision events still on their way to the client
AT_START = 5.0  # [m] from a route's first point
MOMENT = 1e-6  # [s] what sums of ticks may be off by
HOLD = Pedals(0.0, 0.0, 1.0)
COAST = Pedals(0.0, 0.0, 0.0)  # until the first plan takes effect
Progress = Callable[[float], None]  # called with the share of all routes that is done, 0..1


@dataclass
class Scene:
    """A moment for the picture: time [s] and every vehicle's role ("" for strangers) and box."""

    time: float
    bodies: list[tuple[str, Body]]


@dataclass
class Record:
    """What a run leaves: each ego's drive, the scenes, and how the run itself ended."""

    layout: Layout
    drives: dict[str, Drive]
    scenes: list[Scene] = field(default_factory=list)
    outcome: str = "finished"  # or agent_lost
    detail: str = ""

    @property
    def first(self) -> Drive:
        """Ego A's drive."""
        return self.drives[self.layout.egos[0].name]


class Run:
    """A layout on a stage, driven by a pilot."""

    def __init__(
        self,
        stage: Stage,
        pilot: Pilot,
        progress: Progress | None = None,
        period: float = PERIOD,
        referee: Referee | None = None,
    ) -> None:
        """period: [s] between two decisions, a multiple of the tick. referee: who watches the rules of the road."""
        self.stage, self.pilot, self.progress, self.referee = stage, pilot, progress, referee
        self._ticks = round(period / TICK)  # per decision
        layout = stage.layout
        self.routes = layout.routes()
        self.lanes = lanes_of(stage.road_map, layout)
        drives = referee.drives(self.routes) if referee else {n: Drive(r.length) for n, r in self.routes.items()}
        self.record = Record(layout, drives)
        self.egos = {ego.name: ego for ego in layout.egos}
        self.along = {name: self._start(name) for name in self.egos}  # [m] where each is on its route
        self.hazards = {stage.actors[mover.role].id for mover in layout.hazards}
        self.roles = {actor.id: role for role, actor in stage.actors.items()}
        self.plans: Mapping[str, Plan] = {}
        self._coming: list[tuple[float, Mapping[str, Plan]]] = []  # plans, and when they take effect [s]
        self.time = 0.0

    def drive(self) -> Record:
        """The whole run. A lost agent host ends it with a recorded outcome; other errors are the caller's."""
        step = 0
        try:
            while not all(d.ended for d in self.record.drives.values()):
                if step % self._ticks == 0:
                    plans = self.pilot.decide(self.time, self._views())
                    self._coming.append((self.time + self.pilot.wait, plans))
                self._take_effect()
                self._tick()
                step += 1
        except HostLostError as error:
            self._cut("agent_lost", str(error))
        sleep(LATE_EVENTS)
        self._collect_collisions()
        return self.record

    def _start(self, name: str) -> float:
        """Where an ego starts on its route: at the beginning, unless it stands further on."""
        place, route = self.egos[name].placement, self.routes[name]
        if math.dist((place.x, place.y), route.points[0]) < AT_START:
            return 0.0
        return route.project(place.x, place.y)[0]

    def _take_effect(self) -> None:
        """The newest plans that are due replace those that are driven, and older ones that come later still."""
        due = [i for i, (when, _) in enumerate(self._coming) if when <= self.time + MOMENT]
        if due:
            self.plans = self._coming[due[-1]][1]
            self._coming = self._coming[due[-1] + 1 :]

    def _views(self) -> dict[str, Observation]:
        everyone = self.stage.road_users()
        self.record.scenes.append(Scene(self.time, [(self.roles.get(a.id, ""), a.body) for a in everyone]))
        return {name: self._view(name, everyone) for name in self.routes}

    def _view(self, name: str, everyone: list[Actor]) -> Observation:
        own = self.stage.actors[name].id
        body = next(a.body for a in everyone if a.id == own)
        others = [a for a in everyone if a.id != own]
        route, along = self.routes[name], self.along[name]
        limit = self.egos[name].limit(along, self.stage.layout.limit)
        view = observe(name, self.time, body, route, limit, others, self.lanes, self.stage.walls, along)
        drive = self.record.drives[name]
        if drive.seen_hazard is None and any(a.id in self.hazards for a in view.actors):
            drive.seen_hazard = self.time
        return view

    def _tick(self) -> None:
        drives = self.record.drives
        self.stage.apply({name: self._pedals(name) for name in self.routes})
        self.stage.play(self.time, {name: drive.progress for name, drive in drives.items()})
        self.time = self.stage.tick()
        for name, drive in drives.items():
            body = self.stage.body(self.stage.actors[name])
            self._judge(name, drive, body)
            self.stage.cast.meet(body, self.stage.body)
        self._collect_collisions()
        if self.progress is not None:
            self.progress(sum(min(1.0, d.progress / d.length) for d in drives.values()) / len(drives))

    def _judge(self, name: str, drive: Drive, body: Body) -> None:
        if drive.ended:
            return
        route, drive.place = self.routes[name], (body.x, body.y)
        self.along[name], offset = route.project(body.x, body.y, self.along[name])
        drive.update(self.time, self.along[name], offset, body.speed, TICK)
        if self.referee is not None:
            height = self.stage.height(self.stage.actors[name])
            self.referee.watch(name, drive, route, self.along[name], body, height)
            if drive.ended and self.referee.clears:
                self.stage.retire(name)

    def _pedals(self, name: str) -> Pedals:
        if self.record.drives[name].ended:
            return HOLD
        if name not in self.plans:
            return COAST
        return follow(self.plans[name], self.time, self.stage.body(self.stage.actors[name]).speed)

    def _collect_collisions(self) -> None:
        while self.stage.collisions:
            ego, time, other, type_id = self.stage.collisions.pop(0)
            self.record.drives[ego].collide(time, other, type_id)

    def _cut(self, outcome: str, detail: str) -> None:
        self.record.outcome, self.record.detail = outcome, detail
        for drive in self.record.drives.values():
            if not drive.ended:
                drive.time, drive.status = self.time, outcome


def run(simulator: Simulator, layout: Layout, pilot: Pilot, progress: Progress | None = None) -> Record:
    """Put a layout on the server, drive it, and leave the server as it was found."""
    with Stage(simulator, layout) as stage:
        return Run(stage, pilot, progress).drive()
