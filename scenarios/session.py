"""A server and agent hosts that serve run after run, and the options and results of a run."""

import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass

import msgspec

from laco.agents.channels import require
from laco.agents.channels.rate import Budget, Way
from laco.agents.drivers import facts
from laco.agents.fleet import Fleet
from laco.agents.messages import AgentSpec
from laco.closing import Closing
from laco.comm.radio import Air, RadioSpec
from laco.comm.security import Keyring
from laco.config import LacoConfig
from laco.errors import ConfigError
from laco.scenarios.catalog import find
from laco.scenarios.clock import Clock
from laco.scenarios.layout import Layout
from laco.scenarios.pilots import Connected, Expert, Messages, Pilot, rules
from laco.scenarios.rules.referee import Referee
from laco.scenarios.runner import Progress, Record, Run
from laco.scenarios.server.launch import WorldProcess
from laco.scenarios.server.options import WorldOptions
from laco.scenarios.stage import Simulator, Stage
from laco.scenarios.watching import RealTime, Shown
from laco.view.launch import ViewProcess

FREE_CAUTION = 0.5  # of the unobstructed expert; it sees every lane, so this costs it no time


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """What defines a run. See `AgentSpec` for the fields that it hands on."""

    scenario: str
    seed: int = 0
    twin: bool = False
    channel: str = "latent"
    driver: str = "vector"
    caution: float = 0.25
    codec: str = "int8"
    laco: LacoConfig = LacoConfig()
    radio: RadioSpec = RadioSpec()
    time: str = "frozen"  # or "charged", "charged:MS" (`Clock`)
    weights: str = ""
    payload: str = "true"
    record: str = ""
    other: str = ""
    adapters: tuple[str, ...] = ()
    budget: Budget = Budget()
    ways: tuple[Way, ...] = ()
    calibrated: str = ""

    def layout(self) -> Layout:
        """The seed's layout, or its twin's."""
        layout = find(self.scenario).layout(self.seed)
        return layout.twin() if self.twin else layout


@dataclass
class Result:
    """A run as it went: options, drives, messages, and the unobstructed expert's times per ego [s]."""

    options: Options
    record: Record
    messages: Messages
    free: Mapping[str, float]


@contextmanager
def nobody(stage: Stage) -> Iterator[None]:
    """No referee: collisions alone count."""
    yield None


@dataclass(frozen=True, eq=False)
class Given:
    """A layout that is no scenario's of the catalog.

    referee: who watches it, for as long as it is driven. patience: see `Stage`.
    """

    layout: Layout
    referee: Callable[[Stage], AbstractContextManager[Referee | None]] = nobody
    patience: float = 0.0


class Session(Closing):
    """Starts an embedded server unless `carla` names one; hosts start with the first run that needs them."""

    def __init__(
        self,
        carla: str | None = None,
        hosts: int | None = None,
        seed: int = 0,
        timeout: float = 10.0,
        view: bool = False,
        agents: Sequence[str] = (),
        keys: Keyring | None = None,
        traced: bool = False,
        world: WorldOptions | None = None,
    ) -> None:
        """carla: HOST:PORT of a running server. hosts: agent host processes, at most two by default.

        agents: [KEY@]HOST:PORT of hosts that `laco agent` serves; vehicles that none of them serves are hosted here.
        keys: use CURVE with them between all vehicles and hosts; None for no security at all.

        timeout: [s] of the server's silence after which it counts as gone. view: show the world on a page, and
        run at the pace of real time; `viewer` then has the page's address. traced: keep every decision's moments
        for `laco.profiling.trace`. world: what the embedded server starts with, where that is not `seed` alone.
        """
        self.viewer: ViewProcess | None = None
        self._world: WorldProcess | None = None
        self._fleet: Fleet | None = None
        self._simulator: Simulator | None = None
        self._traced = traced
        self._hosts, self._agents, self._keys = hosts or min(2, os.cpu_count() or 1), agents, keys
        try:
            if carla is None:
                found = world or WorldOptions(seed=seed)
                counts = {"traffic": found.traffic, "walkers": found.walkers}
                self._world = WorldProcess(found.map, found.seed, **counts)
                host, port = "127.0.0.1", self._world.port
            else:
                host, port = address(carla)
            self._simulator = Simulator(host, port, timeout)
            if view:
                self.viewer = ViewProcess(host, port)
        except BaseException:
            self.close()
            raise

    @property
    def simulator(self) -> Simulator:
        """The connection to the server."""
        if self._simulator is None:
            raise RuntimeError("the session is closed")
        return self._simulator

    @property
    def fleet(self) -> Fleet:
        """The agent hosts, started now if they are not yet there."""
        if self._fleet is None:
            self._fleet = Fleet(self._hosts, self._agents, self._keys)
        return self._fleet

    @property
    def sound(self) -> bool:
        """Whether the server and the agent hosts live, as far as they were started here."""
        world = self._world is None or self._world.running
        return world and not (self._fleet is not None and any(host.gone() for host in self._fleet.hosts))

    def expert(self, layout: Layout, progress: Progress | None = None) -> Record:
        """The unobstructed expert's drive on a layout."""
        return self.expert_on(Given(layout), progress)

    def expert_on(self, given: Given, progress: Progress | None = None) -> Record:
        """The same with a referee."""
        with Stage(self.simulator, given.layout, patience=given.patience) as stage, given.referee(stage) as referee:
            return Run(stage, Expert(FREE_CAUTION), progress, referee=referee).drive()

    def free_times(self, layout: Layout, progress: Progress | None = None) -> dict[str, float]:
        """T_free per ego [s]: how long the unobstructed expert takes, for those whose route it completes."""
        drives = self.expert(layout, progress).drives
        return {name: drive.time for name, drive in drives.items() if drive.status == "completed"}

    def run(
        self,
        options: Options,
        free: Mapping[str, float],
        progress: Progress | None = None,
        started: Callable[[Fleet], None] | None = None,
        given: Given | None = None,
    ) -> Result:
        """Drive one run. A lost host is recorded; after a run that went wrong the next one gets new hosts.

        given: what is driven instead of the options' scenario.
        """
        done = False
        try:
            result = self._run(options, free, progress, started, given or Given(options.layout()))
            done = result.record.outcome == "finished"
        finally:
            if not done:  # a host may be gone, or an answer of it still on its way
                self._drop_fleet()
        return result

    def _run(
        self,
        options: Options,
        free: Mapping[str, float],
        progress: Progress | None,
        started: Callable[[Fleet], None] | None,
        given: Given,
    ) -> Result:
        layout, known = given.layout, facts(options.driver)
        staged = Stage(self.simulator, layout, known.camera, given.patience)
        with staged as stage, given.referee(stage) as referee:
            pilot, messages = self._pilot(options, stage, started)
            if self.viewer is not None:
                self.viewer.entitle(f"{options.scenario}, seed {options.seed}: {options.channel}")
                ids = {ego.name: stage.actors[ego.name].id for ego in layout.egos}
                progress = RealTime(progress)
                if isinstance(pilot, Connected):
                    pilot = Shown(pilot, self.viewer, ids)
            record = Run(stage, pilot, progress, known.period, referee).drive()
        return Result(options, record, messages, free)

    def _pilot(
        self, options: Options, stage: Stage, started: Callable[[Fleet], None] | None
    ) -> tuple[Pilot, Messages]:
        """Who drives, and where what is said will be noted: rules, or the fleet."""
        require(options.channel, options.driver)
        if not facts(options.driver).hosted:
            return rules(options.driver, options.channel, options.caution), Messages()
        hazards = tuple(stage.actors[mover.role].id for mover in stage.layout.hazards)
        fleet = self.fleet
        fleet.setup(specs(options, stage.layout, hazards), self._traced)
        if started is not None:
            started(fleet)
        air, clock = Air(options.radio, options.seed), Clock.from_text(options.time)
        connected = Connected(fleet, air, pictures=stage.pictures, clock=clock, traced=self._traced)
        return connected, connected.messages

    def _drop_fleet(self) -> None:
        if self._fleet is not None:
            self._fleet.close()
            self._fleet = None

    def close(self) -> None:
        """End hosts and viewer, restore the server's settings, end the embedded server."""
        self._drop_fleet()
        if self.viewer is not None:
            self.viewer.close()
            self.viewer = None
        if self._simulator is not None:
            self._simulator.close()
            self._simulator = None
        if self._world is not None:
            self._world.close()
            self._world = None


def specs(options: Options, layout: Layout, hazards: tuple[int, ...]) -> list[AgentSpec]:
    """One agent per ego."""
    require(options.channel, options.driver)
    return [
        AgentSpec(
            name=ego.name,
            channel=options.channel,
            driver=options.driver,
            weights=options.weights,
            caution=options.caution,
            codec=options.codec,
            laco=options.laco,
            payload=options.payload,
            masked=hazards,
            record=options.record,
            other=options.other,
            seed=options.seed,
            adapters=options.adapters,
            chunk_bytes=options.radio.chunk_bytes,
            budget=options.budget,
            ways=options.ways,
            calibrated=options.calibrated,
        )
        for ego in layout.egos
    ]


def address(text: str) -> tuple[str, int]:
    """HOST:PORT in two. Raises: ConfigError."""
    match = re.fullmatch(r"(?P<host>[^:\s]+|\[[0-9a-fA-F:]+\]):(?P<port>\d{1,5})", text)
    if match is None or not 0 < int(match["port"]) < 65536:
        raise ConfigError(f"a server's address is HOST:PORT, not {text!r}")
    return match["host"], int(match["port"])
