"""One moment of a fleet: who knows what, who speaks to whom, and the segments in which it is said."""

import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from laco.agents.agent import partners
from laco.agents.drivers.frame import Frame
from laco.agents.drivers.tokens import segment
from laco.agents.observation import Actor, Observation
from laco.agents.perception import with_beacons
from laco.distill.samples import FAR, MOST_PEERS, NO_PAIR, Segment

NEAR = 3.0  # [m] between centres: nearer counts as met


@dataclass(frozen=True, eq=False)
class Hearing:
    """One vehicle at one moment: its own view with beacons, and those of the peers that speak to it, in name order."""

    own: Observation
    peers: tuple[Observation, ...]

    @property
    def frame(self) -> Frame:
        """The frame that all of it is told in."""
        return Frame.of(self.own)

    def segments(self, caution: float) -> list[Segment]:
        """The peers' segments, then the own one."""
        frame = self.frame
        return [segment(frame, view, caution) for view in (*self.peers, self.own)]


def hearings(views: Mapping[str, Observation]) -> dict[str, Hearing]:
    """What each vehicle of a fleet knows and hears if every message arrives whole and at once.

    As `laco.agents.agent` does it: a vehicle speaks to its own choice of partners, so one may hear more than it
    speaks to; the first MOST_PEERS by name are kept here.
    """
    beacons = {name: view.beacon("") for name, view in views.items()}
    known = {n: with_beacons(v, [b for m, b in beacons.items() if m != n]) for n, v in views.items()}
    heard: dict[str, list[Observation]] = {name: [] for name in views}
    for speaker in sorted(views):
        for beacon in partners(views[speaker], [b for m, b in beacons.items() if m != speaker]):
            heard[beacon.name].append(known[speaker])
    return {name: Hearing(known[name], tuple(heard[name][:MOST_PEERS])) for name in views}


def gap(hearing: Hearing) -> float:
    """Time [s] until the vehicle meets anybody in any view, if all keep their velocity; FAR if not before."""
    own = hearing.own.body
    actors = {_place(a): a for view in (hearing.own, *hearing.peers) for a in view.actors}
    others = [a.body for a in actors.values() if math.hypot(a.body.x - own.x, a.body.y - own.y) > own.half_length]
    if not others:
        return FAR
    at = np.array([(o.x - own.x, o.y - own.y) for o in others])
    moves = np.array([(o.speed * math.cos(o.yaw), o.speed * math.sin(o.yaw)) for o in others])
    moves -= own.speed * np.array([math.cos(own.yaw), math.sin(own.yaw)])
    times = np.arange(0.0, FAR, 0.2)
    ways = at[:, None] + moves[:, None] * times[:, None]
    met = (np.hypot(ways[..., 0], ways[..., 1]) < NEAR).any(0)
    return float(times[int(np.argmax(met))]) if met.any() else FAR


def shared_pair(hearing: Hearing) -> tuple[int, int]:
    """The first two peers that both see somebody whom the own view does not hold, by their place; else NO_PAIR."""
    mine = {_place(a) for a in hearing.own.actors}
    seen = [{_place(a) for a in peer.actors if not a.name} - mine for peer in hearing.peers]
    for one, other in itertools.combinations(range(len(seen)), 2):
        if seen[one] & seen[other]:
            return one, other
    return NO_PAIR


def _place(actor: Actor) -> tuple[int, int]:
    """Where somebody is, on a grid of half metres: the same for all who see it at that moment."""
    return round(actor.body.x * 2), round(actor.body.y * 2)
