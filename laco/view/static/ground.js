// What stands still: roads, paint, crosswalks, buildings, trees. Paths are made once per map and drawn in metres.

import { color, mixed } from "./palette.js";

const SURFACES = { // CARLA's lane types, from the bottom up
  verge: ["Shoulder", "Border", "Median", "Restricted", "Special1", "Special2", "Special3", "Tram", "Rail"],
  sidewalk: ["Sidewalk"],
  parking: ["Parking", "Stop"],
  bike: ["Biking"],
  road: ["Driving", "Bidirectional", "Entry", "Exit", "OnRamp", "OffRamp", "RoadWorks"],
};
const LONG_SHADOW = 0.16; // [m] per metre of height
const TALL = 30; // [m] shown in the full shade
const TRUNK = 0.6, CROWN = 0.25; // [m] half as wide, a box is a trunk's; its crown per metre of height is a guess
const STRIPE = 0.5, GAP = 0.5; // [m] of a crosswalk

export class Ground {
  constructor(scene) {
    this.scene = scene;
    this.surfaces = Object.entries(SURFACES).map(([name, types]) => [name, surface(scene.lanes, types)]);
    this.marks = marks(scene.marks);
    this.arrows = arrows(scene.lanes);
    this.crosswalks = scene.crosswalks.map((points) => [outline(points), stripes(points)]);
    this.fixtures = scene.fixtures.map((box) => ({ ...box, path: outline(corners(box)), shadow: shadow(box) }));
  }

  draw(context, scale) {
    context.lineJoin = "round";
    for (const [name, path] of this.surfaces) this.surface(context, name, path, scale);
    this.paint(context, scale);
    for (const box of this.fixtures) if (box.kind !== "tree") this.shade(context, box);
    for (const box of this.fixtures) this.fixture(context, box, scale);
  }

  surface(context, name, path, scale) {
    context.fillStyle = context.strokeStyle = color(name);
    if (name === "sidewalk") context.strokeStyle = color("kerb");
    context.lineWidth = Math.max(0.12, 0.6 / scale); // closes the seams between neighbours
    context.stroke(path);
    context.fill(path);
  }

  paint(context, scale) {
    if (scale > 3.5) {
      context.fillStyle = color("arrow");
      context.fill(this.arrows);
    }
    for (const [walk, path] of this.crosswalks) {
      context.save();
      context.clip(walk);
      context.fillStyle = color("paint");
      context.globalAlpha = 0.85;
      context.fill(path);
      context.restore();
    }
    for (const mark of this.marks) {
      context.strokeStyle = color(mark.color === "Yellow" ? "paint-yellow" : "paint");
      context.lineWidth = Math.max(mark.width, 0.8 / scale);
      context.setLineDash(mark.dash);
      context.stroke(mark.path);
    }
    context.setLineDash([]);
  }

  shade(context, box) {
    context.fillStyle = color("shadow");
    context.fill(box.shadow);
  }

  fixture(context, box, scale) {
    context.lineWidth = Math.max(0.12, 0.8 / scale);
    if (box.kind === "tree") {
      this.tree(context, box);
      return;
    }
    const name = box.kind === "building" ? "" : box.kind === "parked" ? "parked" : "wall";
    context.fillStyle = name ? color(name) : mixed("building-low", "building-high", Math.min(1, box.height / TALL));
    context.strokeStyle = color("building-edge");
    context.fill(box.path);
    context.stroke(box.path);
  }

  tree(context, box) {
    const spread = Math.max(box.length, box.width) / 2, radius = spread < TRUNK ? box.height * CROWN : spread;
    context.globalAlpha = 0.8;
    context.fillStyle = color("tree");
    context.strokeStyle = color("tree-edge");
    context.beginPath();
    context.arc(box.x, box.y, radius, 0, 2 * Math.PI);
    context.fill();
    context.stroke();
    context.globalAlpha = 1;
  }
}

function outline(points, path = new Path2D()) {
  path.moveTo(points[0], points[1]);
  for (let i = 2; i < points.length; i += 2) path.lineTo(points[i], points[i + 1]);
  path.closePath();
  return path;
}

// One path for all lanes of some types. Each goes round the same way, or overlaps would cut holes.
function surface(lanes, types) {
  const path = new Path2D();
  for (const lane of lanes) {
    if (types.includes(lane.type)) outline(area(lane.outline) < 0 ? reversed(lane.outline) : lane.outline, path);
  }
  return path;
}

function area(p) {
  let sum = 0;
  for (let i = 0, j = p.length - 2; i < p.length; j = i, i += 2) sum += p[j] * p[i + 1] - p[i] * p[j + 1];
  return sum;
}

function reversed(points) {
  const turned = [];
  for (let i = points.length - 2; i >= 0; i -= 2) turned.push(points[i], points[i + 1]);
  return turned;
}

// Lines of one look in one path.
function marks(list) {
  const looks = new Map();
  for (const mark of list) {
    const dash = /^Broken/.test(mark.type) ? [3, 4.5] : mark.type === "BottsDots" ? [0.2, 1] : [];
    const key = `${mark.color} ${mark.width} ${dash}`;
    if (!looks.has(key)) looks.set(key, { color: mark.color, width: mark.width, dash, path: new Path2D() });
    const { path } = looks.get(key);
    path.moveTo(mark.line[0], mark.line[1]);
    for (let i = 2; i < mark.line.length; i += 2) path.lineTo(mark.line[i], mark.line[i + 1]);
  }
  return [...looks.values()];
}

function arrows(lanes) {
  const path = new Path2D();
  for (const lane of lanes) {
    if (lane.junction || !SURFACES.road.includes(lane.type)) continue;
    const [x, y, yaw] = lane.arrow, turn = new DOMMatrix().translate(x, y).rotate(yaw);
    path.addPath(new Path2D("M-1.8-.12H.5V-.55L1.8 0 .5 .55V.12H-1.8Z"), turn);
  }
  return path;
}

// Zebra stripes across the longest side of an outline, to be clipped by it.
function stripes(points) {
  let best = [0, 0, 1];
  for (let i = 0, j = points.length - 2; i < points.length; j = i, i += 2) {
    const [dx, dy] = [points[i] - points[j], points[i + 1] - points[j + 1]], length = Math.hypot(dx, dy);
    if (length > best[0]) best = [length, dx / length, dy / length];
  }
  const [, c, s] = best, along = [], across = [];
  for (let i = 0; i < points.length; i += 2) {
    along.push(points[i] * c + points[i + 1] * s);
    across.push(points[i + 1] * c - points[i] * s);
  }
  const path = new Path2D(), [low, high] = [Math.min(...across), Math.max(...across)];
  for (let u = Math.min(...along) + GAP / 2; u < Math.max(...along); u += STRIPE + GAP) {
    const corner = (a, b) => [a * c - b * s, a * s + b * c];
    outline([...corner(u, low), ...corner(u + STRIPE, low), ...corner(u + STRIPE, high), ...corner(u, high)], path);
  }
  return path;
}

function corners(box) {
  const turn = (box.yaw * Math.PI) / 180, c = Math.cos(turn), s = Math.sin(turn), [l, w] = [box.length / 2, box.width / 2];
  return [[l, w], [l, -w], [-l, -w], [-l, w]].flatMap(([u, v]) => [box.x + u * c - v * s, box.y + u * s + v * c]);
}

// What a box covers when it is moved away from the sun: one piece for each side, each going round the same way.
function shadow(box) {
  const path = new Path2D(), p = corners(box), shift = box.height * LONG_SHADOW;
  outline(p.map((value) => value + shift), path);
  for (let i = 0, j = 6; i < 8; j = i, i += 2) {
    const side = [p[j], p[j + 1], p[i], p[i + 1], p[i] + shift, p[i + 1] + shift, p[j] + shift, p[j + 1] + shift];
    outline(area(side) * area(p) < 0 ? reversed(side) : side, path);
  }
  return path;
}
