"""A run seen from above, as a GIF: channels side by side, in simulated time."""

import io
import math
from collections.abc import Mapping, Sequence

from PIL import Image, ImageDraw, ImageFont

from laco.agents.observation import Body
from laco.geometry import corners
from laco.scenarios.runner import Record, Scene

PIXELS = 380  # of one panel's side
REACH = 46.0  # [m] from the middle of the picture to its edge
HEAD = 34  # [pixels] title bar
FRAME_MS = 100  # half of real time at a scene each 0.2 s: the interesting second should be seen
GRASS, ROAD, MARK, INK = (226, 232, 221), (168, 172, 176), (245, 245, 245), (30, 34, 40)
COLOURS = {"A": (31, 111, 235), "B": (36, 150, 82), "hazard": (214, 48, 49)}
PARKED, STRANGER, CRASH = (112, 104, 96), (150, 120, 180), (255, 196, 0)

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
        self.ground = self._ground()

    def draw(self, index: int) -> Image.Image:
        """The scene `index`, or the last one."""
        scene = self.record.scenes[min(index, len(self.record.scenes) - 1)]
        image = self.ground.copy()
        pen = ImageDraw.Draw(image)
        for role, body in scene.bodies:
            pen.polygon([_pixel(x, y) for x, y in corners(body.box)], fill=_colour(role), outline=INK)
            if role in COLOURS:
                self._label(pen, role, body)
        self._crashes(pen, scene)
        pen.rectangle((0, 0, PIXELS, HEAD), fill="white")
        pen.text((8, 4), self.title, fill=INK, font=self.font)
        pen.text((PIXELS - 8, 4), f"{scene.time:.1f} s", fill=INK, font=self.font, anchor="ra")
        pen.text((8, 18), self._speeds(scene), fill=(90, 96, 104), font=self.font)
        return image

    def _ground(self) -> Image.Image:
        image = Image.new("RGB", (PIXELS, PIXELS + HEAD), GRASS)
        pen = ImageDraw.Draw(image)
        for x0, y0, x1, y1 in ((-6.0, -400.0, 6.0, 400.0), (-400.0, -6.0, 400.0, 6.0)):
            pen.rectangle((*_pixel(x0, y0), *_pixel(x1, y1)), fill=ROAD)
        for at in range(9, 200, 4):
            for sign in (-1, 1):
                for line in (((0, sign * at), (0, sign * (at + 2))), ((sign * at, 0), (sign * (at + 2), 0))):
                    pen.line([_pixel(*p) for p in line], fill=MARK)
        for ego in self.record.layout.egos:
            faint = tuple((c + 2 * 168) // 3 for c in COLOURS.get(ego.name, INK))
            pen.line([_pixel(x, y) for x, y in ego.route], fill=faint, width=1)
        return image

    def _label(self, pen: ImageDraw.ImageDraw, role: str, body: Body) -> None:
        x, y = _pixel(body.x, body.y)
        name = "H" if role == "hazard" else role
        pen.text((x, y), name, fill="white", font=self.font, anchor="mm")

    def _crashes(self, pen: ImageDraw.ImageDraw, scene: Scene) -> None:
        bodies = dict(scene.bodies)
        hazard = bodies.get("hazard")
        for ego in self.record.layout.egos:
            body = bodies.get(ego.name)
            if hazard is None or body is None or math.hypot(hazard.x - body.x, hazard.y - body.y) > 5.0:
                continue
            if self.record.drives[ego.name].collisions:
                x, y = _pixel((hazard.x + body.x) / 2, (hazard.y + body.y) / 2)
                pen.regular_polygon((x, y, 13), 8, fill=CRASH, outline=COLOURS["hazard"])
                pen.text((x, y), "!", fill=INK, font=self.font, anchor="mm")

    def _speeds(self, scene: Scene) -> str:
        bodies = dict(scene.bodies)
        egos = [e.name for e in self.record.layout.egos if e.name in bodies]
        return "   ".join(f"{n} {bodies[n].speed * 3.6:.0f} km/h" for n in egos)


def _colour(role: str) -> tuple[int, int, int]:
    return COLOURS.get(role, PARKED if role else STRANGER)


def _pixel(x: float, y: float) -> Pixel:
    scale = PIXELS / (2 * REACH)
    return (x + REACH) * scale, (y + REACH) * scale + HEAD
