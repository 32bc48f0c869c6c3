"""The sensors there are, by blueprint. What a blueprint lists and this does not is worked out by the client."""

from laco.scenarios.server.sensors.base import Sensor
from laco.scenarios.server.sensors.camera import ColourCamera, InstanceCamera, SemanticCamera
from laco.scenarios.server.sensors.collision import CollisionDetector
from laco.scenarios.server.sensors.depth import DepthCamera
from laco.scenarios.server.sensors.gnss import Gnss
from laco.scenarios.server.sensors.imu import Imu
from laco.scenarios.server.sensors.lidar import Lidar, SemanticLidar
from laco.scenarios.server.sensors.obstacle import ObstacleDetector
from laco.scenarios.server.sensors.radar import Radar

KINDS: dict[str, type[Sensor]] = {
    "sensor.camera.depth": DepthCamera,
    "sensor.camera.instance_segmentation": InstanceCamera,
    "sensor.camera.rgb": ColourCamera,
    "sensor.camera.semantic_segmentation": SemanticCamera,
    "sensor.lidar.ray_cast": Lidar,
    "sensor.lidar.ray_cast_semantic": SemanticLidar,
    "sensor.other.collision": CollisionDetector,
    "sensor.other.gnss": Gnss,
    "sensor.other.imu": Imu,
    "sensor.other.obstacle": ObstacleDetector,
    "sensor.other.radar": Radar,
}
