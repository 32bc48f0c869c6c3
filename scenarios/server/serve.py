"""Start a server from its options and run it until a signal says stop."""

import contextlib
import gc
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

from laco.child import STOP_LIMIT
from laco.closing import Closing
from laco.errors import ScenarioError
from laco.scenarios.maps import available, net_of, read_map
from laco.scenarios.server.lights.part import Lights
from laco.scenarios.server.limits import SpeedLimits
from laco.scenarios.server.options import WorldOptions
from laco.scenarios.server.server import Server
from laco.scenarios.server.simulation import Part, Simulation
from laco.scenarios.server.soundness import admit
from laco.scenarios.server.wheel import require_wheel


def serve(
    options: WorldOptions,
    exit_with_parent: bool = False,
    beside: Callable[[str, int], Closing] | None = None,
) -> None:
    """Serve until SIGTERM or SIGINT (or the parent's end); says on stdout when it listens. Raises
    `ScenarioError` for a map that cannot be used and `WorldError` for a port that cannot be had or a `carla` package
    of another version. `beside` starts what accompanies the server at a host and port, and is closed with it."""
    logging.basicConfig(level=logging.WARNING, format="laco world: %(message)s")
    parent = os.getppid()
    require_wheel()
    simulation = _simulation(options)
    server = Server(simulation, options.host, options.port)
    _allow_many_files()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: server.stop())
    if exit_with_parent:
        threading.Thread(target=_stop_at_eof, args=(server,), daemon=True).start()
    gc.freeze()  # what is here now stays: keep it out of the collector's rounds
    company = contextlib.ExitStack()
    try:
        sys.stdout.write(f"listening on {server.host}:{server.port}, map {simulation.world.name}\n")
        sys.stdout.flush()
        if beside is not None:
            company.enter_context(beside(_reachable(server.host), server.port))
        server.run(parent if exit_with_parent else None)
    finally:
        company.close()
        server.close()
        simulation.close()


def _reachable(host: str) -> str:
    """Where a program on this machine finds a server that listens on `host`."""
    return "127.0.0.1" if host in ("", "0.0.0.0") else host


def _simulation(options: WorldOptions) -> Simulation:
    maps = {name: read_map(name) for name in available()}
    name = options.name or (options.map if options.map in maps else Path(options.map).stem)
    maps[name] = maps[options.map] if options.map in maps else admit(read_map(options.map), name)
    nets = {one: net for one in maps if (net := net_of(options.map if one == name else one)) is not None}
    simulation = Simulation(maps, name, options.seed, parts=[Lights, SpeedLimits, *_traffic(options, nets)])
    if not simulation.world.roads.spawn_points:
        raise ScenarioError(f"map {name}: no driving lane is long enough for a car")
    return simulation


def _traffic(options: WorldOptions, nets: dict[str, Path]) -> list[Callable[[Simulation], Part]]:
    """SUMO's part, when it is asked for: without it the world needs no SUMO."""
    if not options.traffic and not options.walkers:
        return []
    from laco.scenarios.server.traffic.part import make_traffic

    return [make_traffic(nets, options.traffic, options.walkers, options.seed)]


def _allow_many_files() -> None:
    """Every client and listener is a file descriptor: take as many as this user may have."""
    if os.name == "posix":
        import resource

        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _stop_at_eof(server: Server) -> None:
    """The parent holds the other end of our stdin: when it is gone, however it went, so are we."""
    while os.read(0, 64):
        pass
    server.stop()
    time.sleep(STOP_LIMIT)
    os._exit(1)  # it hangs, and nobody is left to end it
