// Cars, walkers, props, lights and messages, in metres; names and speeds, in pixels.

import { color } from "./palette.js";
import { MESSAGE_LIFE } from "./world.js";

const LIGHTS = ["red", "yellow", "green", "off", "off"];
const SMALLEST = 7; // [px] a car is long at least, however far away we are
const NAMED = ["ego", "named", "hazard"];

export function drawTrails(context, drawn, scale) {
  context.lineCap = context.lineJoin = "round";
  for (const [player, place, trail] of drawn) {
    if (trail.length < 2 || player.shown === "prop") continue;
    context.strokeStyle = color(player.shown);
    context.lineWidth = Math.max(player.shown === "walker" ? 0.25 : 0.7, 1.5 / scale);
    context.globalAlpha = player.shown === "traffic" ? 0.35 : 0.5;
    context.beginPath();
    trail.forEach((point, i) => (i ? context.lineTo(point.x, point.y) : context.moveTo(point.x, point.y)));
    context.lineTo(place.x, place.y);
    context.stroke();
  }
  context.globalAlpha = 1;
}

export function drawLights(context, world, scale) {
  for (const light of world.lights.values()) {
    const shown = color(LIGHTS[world.states.get(light.id)] ?? "off");
    for (const [x, y, yaw, width] of light.stops) bar(context, x, y, yaw, width, shown, scale);
    if (!light.stops.length) disc(context, light.x, light.y, Math.max(0.9, 4 / scale), shown);
  }
}

function bar(context, x, y, yaw, width, shown, scale) {
  const thick = Math.max(0.6, 3 / scale);
  context.save();
  context.translate(x, y);
  context.rotate((yaw * Math.PI) / 180);
  context.fillStyle = shown;
  context.globalAlpha = 0.3;
  context.fillRect(-thick * 1.5, -width / 2, thick * 3, width);
  context.globalAlpha = 1;
  context.fillRect(-thick / 2, -width / 2 + 0.15, thick, width - 0.3);
  context.restore();
}

function disc(context, x, y, radius, fill) {
  context.fillStyle = fill;
  context.beginPath();
  context.arc(x, y, radius, 0, 2 * Math.PI);
  context.fill();
}

export function drawActors(context, drawn, followed, scale) {
  for (const [player, place] of drawn) {
    const grow = Math.max(1, SMALLEST / scale / Math.max(player.length, 0.1));
    context.save();
    context.translate(place.x, place.y);
    if (player.id === followed) ring(context, player, scale);
    context.rotate((place.yaw * Math.PI) / 180);
    if (player.shown === "walker") walker(context, scale);
    else if (player.shown === "prop") prop(context, player, scale);
    else {
      context.scale(grow, grow);
      vehicle(context, player, place, scale * grow);
    }
    context.restore();
  }
}

function ring(context, player, scale) {
  context.strokeStyle = color("follow");
  context.lineWidth = Math.max(0.35, 2.5 / scale);
  context.beginPath();
  context.arc(0, 0, Math.max(player.length * 0.72, 12 / scale), 0, 2 * Math.PI);
  context.stroke();
}

function vehicle(context, player, place, scale) {
  const [l, w] = [player.length / 2, player.width / 2], bike = player.width < 1;
  context.fillStyle = color("shadow");
  body(context, l, w, 0.25);
  context.fill();
  context.fillStyle = color(player.shown);
  context.strokeStyle = color("vehicle-edge");
  context.lineWidth = Math.max(0.1, 1 / scale);
  body(context, l, w, 0);
  context.fill();
  context.stroke();
  if (bike || scale < 2.5) return nose(context, l, w);
  glass(context, l, w);
  lamps(context, l, w, place);
}

// A box with a rounded, narrower nose towards +x.
function body(context, l, w, shift) {
  const n = Math.min(0.9, l * 0.35), r = Math.min(0.35, w * 0.4);
  context.beginPath();
  context.moveTo(-l + r + shift, -w + shift);
  context.lineTo(l - n + shift, -w + shift);
  context.quadraticCurveTo(l + shift, -w * 0.9 + shift, l + shift, -w * 0.4 + shift);
  context.lineTo(l + shift, w * 0.4 + shift);
  context.quadraticCurveTo(l + shift, w * 0.9 + shift, l - n + shift, w + shift);
  context.lineTo(-l + r + shift, w + shift);
  context.quadraticCurveTo(-l + shift, w + shift, -l + shift, w - r + shift);
  context.lineTo(-l + shift, -w + r + shift);
  context.quadraticCurveTo(-l + shift, -w + shift, -l + r + shift, -w + shift);
  context.closePath();
}

function nose(context, l, w) {
  context.fillStyle = color("glass");
  context.beginPath();
  context.moveTo(l * 0.8, 0);
  context.lineTo(l * 0.1, -w * 0.7);
  context.lineTo(l * 0.1, w * 0.7);
  context.closePath();
  context.fill();
}

function glass(context, l, w) {
  const front = l - Math.min(1.5, l * 0.55);
  context.fillStyle = color("glass");
  context.beginPath();
  context.moveTo(front, -w * 0.82);
  context.quadraticCurveTo(front + 0.35, 0, front, w * 0.82);
  context.lineTo(front - 0.7, w * 0.68);
  context.lineTo(front - 0.7, -w * 0.68);
  context.closePath();
  context.fill();
  context.fillRect(-l + 0.45, -w * 0.66, 0.4, w * 1.32);
}

function lamps(context, l, w, place) {
  const braking = place.control[2] > 0.05;
  context.fillStyle = "#fff7c2";
  for (const side of [-1, 1]) context.fillRect(l - 0.32, side * w * 0.62 - 0.14, 0.24, 0.28);
  context.fillStyle = braking ? color("red") : "#7d1f1f";
  for (const side of [-1, 1]) context.fillRect(-l + 0.02, side * w * 0.68 - 0.22, braking ? 0.28 : 0.16, 0.44);
}

function walker(context, scale) {
  const r = Math.max(0.35, 3.2 / scale);
  context.strokeStyle = color("vehicle-edge");
  context.lineWidth = Math.max(0.06, 0.8 / scale);
  context.fillStyle = color("walker");
  context.beginPath();
  context.moveTo(r * 1.7, 0);
  context.lineTo(0.3 * r, -r * 0.9);
  context.arc(0, 0, r, -1.2, 1.2, true);
  context.closePath();
  context.fill();
  context.stroke();
}

function prop(context, player, scale) {
  const [l, w] = [Math.max(player.length, 2 / scale), Math.max(player.width, 2 / scale)];
  context.fillStyle = color("prop");
  context.strokeStyle = color("vehicle-edge");
  context.lineWidth = Math.max(0.05, 0.6 / scale);
  context.fillRect(-l / 2, -w / 2, l, w);
  context.strokeRect(-l / 2, -w / 2, l, w);
}

// What a message weighed, on its way.
export function drawWeights(context, world, now, camera) {
  for (const message of world.current(now)) {
    const [a, b] = [world.at(message.sender, now), world.at(message.listener, now)];
    if (!a || !b || message.bytes < 1000 || message.kind === "beacon") continue;
    const way = 0.35, [x, y] = camera.toScreen(a.x + (b.x - a.x) * way, a.y + (b.y - a.y) * way);
    context.globalAlpha = 1 - (now - message.at) / MESSAGE_LIFE;
    label(context, `${(message.bytes / 1000).toFixed(1)} kB`, x, y - 12, false, color("message"));
  }
  context.globalAlpha = 1;
}

// Who told whom: a line that fades, with a dot on its way to the listener.
export function drawMessages(context, world, now, scale) {
  for (const message of world.current(now)) {
    const [a, b] = [world.at(message.sender, now), world.at(message.listener, now)];
    if (!a || !b) continue;
    const age = (now - message.at) / MESSAGE_LIFE, way = Math.min(1, age * 2.5), beacon = message.kind === "beacon";
    context.globalAlpha = (1 - age) * (beacon ? 0.35 : 0.9);
    context.strokeStyle = context.fillStyle = color(message.used ? "message" : "refused");
    context.lineWidth = (beacon ? 1 : 2.5) / scale;
    context.setLineDash(message.used ? [] : [6 / scale, 6 / scale]);
    context.beginPath();
    context.moveTo(a.x, a.y);
    context.lineTo(b.x, b.y);
    context.stroke();
    if (!beacon) disc(context, a.x + (b.x - a.x) * way, a.y + (b.y - a.y) * way, 5 / scale, context.fillStyle);
  }
  context.setLineDash([]);
  context.globalAlpha = 1;
}

export function drawLabels(context, drawn, camera, followed) {
  context.textAlign = "center";
  context.textBaseline = "middle";
  context.lineJoin = "round";
  const taken = [];
  for (const [player, place] of drawn) {
    if (!player.type.startsWith("vehicle.")) continue;
    const named = NAMED.includes(player.shown) || player.id === followed;
    if (!named && (camera.scale < 5 || player.shown === "parked" || place.speed < 0.3)) continue;
    const speed = `${(place.speed * 3.6).toFixed(0)} km/h`, [x, y] = camera.toScreen(place.x, place.y);
    const name = NAMED.includes(player.shown) && player.role ? player.role : `#${player.id}`;
    const text = named ? `${name}  ${speed}` : speed;
    const radius = player.id === followed ? player.length * 0.72 : player.length * 0.5;
    const off = Math.min(radius * camera.scale, 140) + 12;
    const ink = named ? (NAMED.includes(player.shown) ? player.shown : "text") : "muted";
    label(context, text, x, free(taken, x, y - off, text.length * 4), named, color(ink));
  }
}

// A height at which a text of half a width `half` [px] covers no other: higher, if need be.
function free(taken, x, y, half) {
  const covers = ([a, b, other]) => Math.abs(a - x) < half + other && Math.abs(b - y) < 15;
  for (let i = 0; i < 4; i++) if (taken.some(covers)) y -= 15;
  taken.push([x, y, half]);
  return y;
}

function label(context, text, x, y, strong, ink) {
  context.font = `${strong ? 650 : 500} ${strong ? 13 : 11}px system-ui, "DejaVu Sans", sans-serif`;
  context.lineWidth = 4;
  context.strokeStyle = color("halo");
  context.strokeText(text, x, y);
  context.fillStyle = ink;
  context.fillText(text, x, y);
}
