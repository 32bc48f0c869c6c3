"""What differs between versions of the protocol: the number that says, in a message's head, which sensor sent it.

The client has these numbers compiled in, as positions in a list of its sensor classes; 0.9.16 put a new one
into the middle of it. Sources: the names in the client's library (0.9.16) and its public source (0.9.15).
"""

from laco.scenarios.server.errors import RefusedError

VERSION = "0.9.16"  # what this server speaks
EPISODE = "episode"  # the state of the world, once per frame

_FIRST = (
    "sensor.other.collision",
    "sensor.camera.depth",
    "sensor.camera.normals",
    "sensor.camera.dvs",
    "sensor.other.gnss",
    "sensor.other.imu",
    "sensor.other.lane_invasion",
    "sensor.other.obstacle",
    "sensor.camera.optical_flow",
    "sensor.other.radar",
    "sensor.lidar.ray_cast_semantic",
    "sensor.lidar.ray_cast",
    "sensor.other.rss",
    "sensor.camera.rgb",
    "sensor.camera.semantic_segmentation",
    "sensor.camera.instance_segmentation",
)
_GBUFFERS = ("gbuffer.uint8", "gbuffer.float")
SENSORS: dict[str, tuple[str, ...]] = {
    "0.9.15": (*_FIRST, EPISODE, *_GBUFFERS),
    "0.9.16": (
        *_FIRST,
        "sensor.camera.cosmos_visualization",
        EPISODE,
        *_GBUFFERS,
        "sensor.other.v2x",
        "sensor.other.v2x_custom",
    ),
}


def sensor_kind(name: str, version: str = VERSION) -> int:
    """The number of a kind of sensor in a client's list. Raises `RefusedError` for a version whose list is not
    known, and for a sensor that it lacks."""
    if version not in SENSORS:
        raise RefusedError(f"protocol {version} is not known; there are {', '.join(SENSORS)}")
    if name not in SENSORS[version]:
        raise RefusedError(f"protocol {version} has no {name}")
    return SENSORS[version].index(name)
