"""What a vehicle knows at one moment: plain values that travel between runner, agent host and peers.

World frame of CARLA: metres, x forward, y right, yaw in radians, clockwise seen from above.
"""

import msgspec

from laco.comm.handshake import Offer

Point = tuple[float, float]
PACE = 15.0  # [m/s] of cars on an ordinary lane


class Body(msgspec.Struct, frozen=True, array_like=True):
    """A vehicle as a moving box: pose, speed along its heading [m/s], half length and half width [m]."""

    x: float
    y: float
    yaw: float
    speed: float
    half_length: float
    half_width: float

    @property
    def box(self) -> tuple[float, float, float, float, float]:
        """The box of `laco.geometry`."""
        return (self.x, self.y, self.yaw, self.half_length, self.half_width)


class Actor(msgspec.Struct, frozen=True, array_like=True):
    """A visible road user. Of a connected vehicle its beacon tells `name` and the `route` ahead of it.

    turn: yaw rate [rad/s]; route: points 5 m apart from where it is, as far as it is going to drive.
    """

    id: int
    body: Body
    name: str = ""
    turn: float = 0.0
    route: tuple[Point, ...] = ()


class Sight(msgspec.Struct, frozen=True, array_like=True):
    """How far up a lane that crosses somebody's route, meets it or joins it the observer can see.

    point: where that lane does so; heading: of its traffic [rad]; extent: seen length upstream [m]; pace: the
    fastest that may come there [m/s].
    """

    point: Point
    heading: float
    extent: float
    pace: float = PACE


class Beacon(msgspec.Struct, frozen=True, array_like=True):
    """What every connected vehicle says of itself on every channel: state, intent and what it can decode.

    held: of each peer that codes messages against earlier ones, the number of its newest that was decoded whole and
        kept; two numbers if it also speaks to all (`laco.comm.delta`).
    """

    name: str
    time: float
    body: Body
    route: tuple[Point, ...]  # the next part of the route, a point each 5 m from where the vehicle is
    remaining: float  # [m] of route
    limit: float  # [m/s]
    fingerprint: str
    offers: tuple[Offer, ...] = ()
    held: tuple[tuple[str, int], ...] = ()


class Picture(msgspec.Struct, frozen=True, array_like=True):
    """What a camera saw: rows of RGB bytes, width * height * 3 of them."""

    width: int
    height: int
    rgb: bytes


class Observation(msgspec.Struct, frozen=True, array_like=True):
    """One vehicle's view: itself, its way, and exactly what its line of sight reaches."""

    name: str
    time: float  # [s] simulated
    body: Body
    route: tuple[Point, ...]
    remaining: float
    limit: float
    actors: tuple[Actor, ...]
    sights: tuple[Sight, ...]

    def beacon(
        self, fingerprint: str, offers: tuple[Offer, ...] = (), held: tuple[tuple[str, int], ...] = ()
    ) -> Beacon:
        """The part of the view that is broadcast, which models' caches its driver can read, and what it has heard."""
        way = (self.route, self.remaining, self.limit)
        return Beacon(self.name, self.time, self.body, *way, fingerprint, offers, held)


class Pictured(Observation, frozen=True, array_like=True):
    """A view with the picture that goes with it; pictures stay in the vehicle."""

    picture: Picture
