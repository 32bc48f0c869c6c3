"""All that stands still: land, roads, and what stands beside them."""

from laco.scenarios.server.actors import Solid
from laco.scenarios.server.roads import Roads
from laco.scenarios.server.scene.ground import terrain
from laco.scenarios.server.scene.mesh import Mesh, join
from laco.scenarios.server.scene.strips import strips
from laco.scenarios.server.scene.structures import structure, windows
from laco.scenarios.server.scene.surfaces import crosswalks, junctions, lane, lines


def static_scene(roads: Roads, level: list[Solid]) -> Mesh:
    """The scene in the world's frame; the same for the same map. `tiles` cuts it into squares."""
    lanes = strips(roads)
    return join(
        (
            terrain(roads, lanes),
            junctions(lanes),
            *(lane(strip) for strip in lanes),
            *(lines(strip) for strip in lanes),
            crosswalks(roads.map.get_crosswalks()),
            *(structure(solid).placed(solid.pose) for solid in level),
        )
    )


def static_details(level: list[Solid]) -> Mesh:
    """What only the eye sees of what stands still, and only from near."""
    return join(windows(solid).placed(solid.pose) for solid in level)
