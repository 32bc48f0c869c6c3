"""Pictures of the world, drawn by the processor: colours, or labels and ids.

A picture of 320x240 takes well under a millisecond of drawing when little is in view; the number of triangles
in view limits it, then the pixels. Thick fog costs as much again for each of its sheets.
"""

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from laco.scenarios.server.errors import RefusedError
from laco.scenarios.server.poses import Pose
from laco.scenarios.server.sensors import panda, sky
from laco.scenarios.server.sensors.stage import Stage
from laco.scenarios.server.world import World

NEAR, FAR = 0.3, 2000.0  # [m] the nearer the first, the coarser the depth buffer far away
USUAL_FOCAL = 160.0  # [pixels] of 320x240 at 90 degrees
SKY = 11  # CityObjectLabel
Image = NDArray[np.uint8]  # [height, width, 4] blue, green, red, alpha; the top row first


class Lens(NamedTuple):
    """A pinhole: size [pixels] and horizontal field of view [deg]."""

    width: int
    height: int
    fov: float


class Renderer:
    """Draws one episode's world. Raises `RefusedError` when panda3d is not installed."""

    def __init__(self, world: World) -> None:
        core = panda.core()
        self._pipe = panda.pipe()
        self._engine = core.GraphicsEngine.getGlobalPtr()
        self._stage = Stage(world)
        self._colours = _Eye(self._stage.root, panda.COLOUR_BIT)
        self._labels = _Eye(self._stage.root, panda.LABEL_BIT)
        self._labels.fill = core.LColor((SKY + 0.5) / 255, 0.0, 0.0, 1.0)
        self._buffers: dict[tuple[int, int], _Buffer] = {}
        self._weather: list[float] | None = None
        self._dome: Any = None
        self._fog: Any = None

    def colours(self, pose: Pose, lens: Lens, weather: list[float]) -> Image:
        """What a colour camera at `pose` sees."""
        if weather != self._weather:
            self._set_weather(weather)
        self._dome.setPos(pose.y, pose.x, pose.z)
        return self._draw(self._colours, pose, lens)

    def labels(self, pose: Pose, lens: Lens) -> Image:
        """Exact tags: label in red, the actor's id in green (low byte) and blue; zero for the level's."""
        return self._draw(self._labels, pose, lens)

    def close(self) -> None:
        """Give back buffers and scene."""
        for buffer in self._buffers.values():
            self._engine.removeWindow(buffer.output)
        self._buffers.clear()
        self._stage.close()

    def _draw(self, eye: "_Eye", pose: Pose, lens: Lens) -> Image:
        self._stage.update()
        eye.look(pose, lens)
        size = (lens.width, lens.height)
        if size not in self._buffers:
            self._buffers[size] = _Buffer(self._engine, self._pipe, size)
        return self._buffers[size].draw(eye)

    def _set_weather(self, weather: list[float]) -> None:
        self._weather = list(weather)
        for node in (self._dome, self._fog):
            if node is not None:
                node.removeNode()
        self._dome, self._fog = sky.dome(weather), sky.fog(weather)
        self._dome.reparentTo(self._stage.root)
        self._dome.setColorScaleOff()
        self._stage.deepen(self._fog is not None)
        if self._fog is not None:
            self._fog.reparentTo(self._colours.path)
            self._fog.setColorScaleOff()
        self._colours.filter(sky.light(weather).scale)


class _Eye:
    """A camera that sees one pass."""

    def __init__(self, scene: Any, bit: int) -> None:
        core = panda.core()
        self._lens = core.PerspectiveLens()
        self._lens.setNearFar(NEAR, FAR)
        camera = core.Camera("eye", self._lens)
        camera.setCameraMask(core.BitMask32.bit(bit))
        self._camera = camera
        self.path = scene.attachNewNode(camera)
        self.fill = core.LColor(0.0, 0.0, 0.0, 1.0)

    def filter(self, scale: NDArray[np.float64]) -> None:
        """Darken this pass alone to shares [3] of red, green, blue; what shines by itself stays as it is."""
        core = panda.core()
        attribute = core.ColorScaleAttrib.make(core.LVecBase4f(*scale.tolist(), 1.0))
        self._camera.setInitialState(core.RenderState.make(attribute))

    def look(self, pose: Pose, lens: Lens) -> None:
        self.path.setMat(panda.matrix(pose))
        self._lens.setFilmSize(lens.width, lens.height)
        focal = lens.width / 2 / math.tan(math.radians(lens.fov) / 2)  # [pixels]
        self._lens.setFocalLength(focal)
        self._camera.setLodScale(USUAL_FOCAL / focal)


class _Buffer:
    """Memory that is drawn into, for pictures of one size."""

    def __init__(self, engine: Any, pipe: Any, size: tuple[int, int]) -> None:
        core = panda.core()
        self._engine, self._size = engine, size
        form = core.FrameBufferProperties()
        form.setRgbColor(True)
        form.setDepthBits(24)
        window = core.WindowProperties.size(*size)
        self.output = engine.makeOutput(pipe, "camera", 0, form, window, core.GraphicsPipe.BFRefuseWindow)
        if self.output is None:
            raise RefusedError(f"cannot draw a picture of {size[0]}x{size[1]}")
        self._texture = core.Texture("picture")
        self._texture.setFormat(core.Texture.FRgba8)
        self.output.addRenderTexture(self._texture, core.GraphicsOutput.RTMCopyRam)
        self._region = self.output.makeDisplayRegion()
        self.output.setActive(False)

    def draw(self, eye: _Eye) -> Image:
        self._region.setCamera(eye.path)
        self.output.setClearColor(eye.fill)
        self.output.setActive(True)
        self._engine.renderFrame()
        self.output.setActive(False)
        panda.tidy()
        pixels = np.frombuffer(self._texture.getRamImage(), np.uint8)
        return pixels.reshape(self._size[1], self._size[0], 4)[::-1].copy()
