"""A run seen from above, as a GIF: channels side by side, in simulated time.

The picture shows where the connected vehicles' routes lie; where they are too long for that, it follows ego A.
"""

import io
import math
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from laco.agents.observation import Body
from laco.geometry import corners
from laco.report.ground import Window, draw
from laco.scenarios.runner import Record, Scene

PIXELS = 380  # of one panel's side
NEAR, FAR = 40.0, 75.0  # [m] least and most from the middle of the picture to its edge
FOLLOWED = 55.0  # [m] the same while it follows A
HEAD = 34  # [pixels] title bar
FRAME_MS = 100  # half of real time at a scene each 0.2 s: the interesting second should be seen
INK = (30, 34, 40)
EGOS = (
    (31, 111, 235), (36, 150, 82), (150, 90, 200), (214, 130, 20),
    (0, 140, 150), (190, 60, 120), (110, 120, 20), (70, 70, 160),
)  # fmt: skip
HAZARD, PARKED, STRANGER, CRASH = (214, 48, 49), (112, 104, 96), (150, 120, 180), (255, 196, 0)

Pixel = tuple[float, float]


def render(records: Mapping[str, Record]) -> bytes:
    """GIF bytes; one panel per channel, as long as the longest run."""
    longest = max(len(r.scenes) for r in records.values())
    panels = {name: _Panel(name, record) for name, record in records.items()}
    frames = [_row([p.draw(i) for p in panels.values()]) for i in range(longest)]
    palette = [f.convert("P", palette=Image.Palette.ADAPTIVE, colors=64) for f in frames]
    out = io.BytesIO()
    last = [FRAME_MS] * (longest - 1) + [1500]
    palette[0].save(out, "GIF", save_all=True, append_images=palette[1:], duration=last, loop=0)
    return out.getvalue()


def _row(panels: Sequence[Image.Image]) -> Image.Image:
    wide = Image.new("RGB", (sum(p.width for p in panels) + 4 * (len(panels) - 1), panels[0].height), "white")
    at = 0
    for panel in panels:
        wide.paste(panel, (at, 0))
        at += panel.width + 4
    return wide


class _Panel:
    """Draws one channel's scenes."""

    def __init__(self, title: str, record: Record) -> None:
        self.title, self.record = title, record
        self.font = ImageFont.load_default(13)
        layout = record.layout
        self.colours = {ego.name: EGOS[i % len(EGOS)] for i, ego in enumerate(layout.egos)}
        self.colours |= {mover.role: HAZARD for mover in layout.hazards}
        middle, reach = _extent(record)
        self.follows = reach > FAR
        self.reach = FOLLOWED if self.follows else max(reach, NEAR)
        whole = reach + FOLLOWED if self.follows else self.reach
        self.window = Window(*middle, whole, round(PIXELS * whole / self.reach))
        self.ground = self._ground()

    def draw(self, index: int) -> Image.Image:
        """The scene `index`, or the last one."""
        scene = self.record.scenes[min(index, len(self.record.scenes) - 1)]
        left, top = self._corner(scene)
        image = Image.new("RGB", (PIXELS, PIXELS + HEAD), "white")
        image.paste(self.ground.crop((left, top, left + PIXELS, top + PIXELS)), (0, HEAD))
        pen = ImageDraw.Draw(image)
        shift = (-left, HEAD - top)
        for role, body in scene.bodies:
            at = [self._pixel(x, y, shift) for x, y in corners(body.box)]
            pen.polygon(at, fill=self._colour(role), outline=INK)
            if role in self.colours:
                self._label(pen, role, self._pixel(body.x, body.y, shift))
        for body in self._crashed(scene):
            x, y = self._pixel(body.x, body.y, shift)
            pen.regular_polygon((x, y, 13), 8, fill=CRASH, outline=HAZARD)
            pen.text((x, y), "!", fill=INK, font=self.font, anchor="mm")
        self._title(pen, scene)
        return image

    def _ground(self) -> Image.Image:
        image = draw(self.record.layout.map, self.window)
        pen = ImageDraw.Draw(image)
        for ego in self.record.layout.egos:
            faint = tuple((c + 2 * 168) // 3 for c in self.colours[ego.name])
            pen.line([self.window.pixel(x, y) for x, y in ego.route], fill=faint, width=1)
        return image

    def _corner(self, scene: Scene) -> tuple[int, int]:
        """The frame's upper left corner in the picture of the ground."""
        bodies = dict(scene.bodies)
        first = bodies.get(self.record.layout.egos[0].name)
        if not self.follows or first is None:
            return 0, 0
        x, y = self.window.pixel(first.x, first.y)
        return round(x - PIXELS / 2), round(y - PIXELS / 2)

    def _pixel(self, x: float, y: float, shift: tuple[int, int]) -> Pixel:
        across, down = self.window.pixel(x, y)
        return across + shift[0], down + shift[1]

    def _colour(self, role: str) -> tuple[int, int, int]:
        parked = {place.role for place in self.record.layout.parked}
        return self.colours.get(role, PARKED if role in parked else STRANGER)

    def _label(self, pen: ImageDraw.ImageDraw, role: str, at: Pixel) -> None:
        name = role if role in {ego.name for ego in self.record.layout.egos} else "H"
        pen.text(at, name, fill="white", font=self.font, anchor="mm", stroke_width=1, stroke_fill=self.colours[role])

    def _crashed(self, scene: Scene) -> Iterator[Body]:
        """The egos that have met somebody and are still beside them."""
        bodies = dict(scene.bodies)
        for name, drive in self.record.drives.items():
            ego = bodies.get(name)
            if ego is None or not drive.collisions:
                continue
            gaps = (math.hypot(b.x - ego.x, b.y - ego.y) for role, b in scene.bodies if role != name)
            if min(gaps, default=math.inf) < 5.0:
                yield ego

    def _title(self, pen: ImageDraw.ImageDraw, scene: Scene) -> None:
        pen.rectangle((0, 0, PIXELS, HEAD), fill="white")
        pen.text((8, 4), self.title, fill=INK, font=self.font)
        pen.text((PIXELS - 8, 4), f"{scene.time:.1f} s", fill=INK, font=self.font, anchor="ra")
        pen.text((8, 18), self._speeds(scene), fill=(90, 96, 104), font=self.font)

    def _speeds(self, scene: Scene) -> str:
        """Of as many egos as there is room for."""
        bodies = dict(scene.bodies)
        egos = [e.name for e in self.record.layout.egos if e.name in bodies]
        text = "km/h"
        for name in egos:
            longer = f"{text}   {name} {bodies[name].speed * 3.6:.0f}"
            if self.font.getlength(f"{longer} ...") > PIXELS - 16:
                return f"{text} ..."
            text = longer
        return text


def _extent(record: Record) -> tuple[tuple[float, float], float]:
    """The middle of all routes [m], and how far they reach from it [m]."""
    points = np.concatenate([ego.route for ego in record.layout.egos])
    low, high = points.min(0), points.max(0)
    return (float(low[0] + high[0]) / 2, float(low[1] + high[1]) / 2), float((high - low).max()) / 2 + 6.0
