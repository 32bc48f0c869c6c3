"""What the world looks like: meshes of the roads, of what stands beside them, and of every kind of actor.

Drawn by the cameras and hit by the rays of lidars; made of plain shapes, the same for the same map.
"""

from laco.scenarios.server.scene.bodies import body_mesh
from laco.scenarios.server.scene.mesh import Colour, Mesh, join, tiles
from laco.scenarios.server.scene.signs import traffic_light
from laco.scenarios.server.scene.static import static_details, static_scene

__all__ = ["Colour", "Mesh", "body_mesh", "join", "static_details", "static_scene", "tiles", "traffic_light"]
