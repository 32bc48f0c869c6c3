// The page: takes updates, draws the newest, follows whom it is told to.

import { drawActors, drawLabels, drawLights, drawMessages, drawTrails, drawWeights } from "./actors.js";
import { Camera } from "./camera.js";
import { Ground } from "./ground.js";
import { attach } from "./hands.js";
import { color } from "./palette.js";
import { showFacts, showMap, showScale, showState, showUpdate } from "./panel.js";
import { fetchScene, listen } from "./stream.js";
import { World } from "./world.js";

const NEAR = 40; // [m] around the actors that the first look shows
const REACH = 14; // [px] from an actor that a click still means it
const CLOSE = 9; // [px/m] at least when one begins to follow

const canvas = document.getElementById("canvas");
const context = canvas.getContext("2d", { alpha: false });
const camera = new Camera(canvas);
const world = new World();
let ground = null, number = 0, wanted = 0, followed = 0, paused = false, met = false;

async function redraw(scene) {
  wanted = scene;
  try {
    const found = await fetchScene();
    if (!found || found.number !== scene) { wanted = 0; return; } // the next update asks again
    ground = new Ground(found);
    number = found.number;
    [met, camera.touched] = [false, false];
    unfollow();
    camera.fit(found.bounds);
    showMap(found.map);
  } catch (error) {
    wanted = 0;
    if (!(error instanceof TypeError)) throw error; // no answer
  }
}

function onUpdate(update) {
  const now = performance.now();
  if (update.scene && update.scene !== number && update.scene !== wanted) {
    world.reset();
    redraw(update.scene);
  }
  if (paused) return showState("paused", "the drawing only; space goes on");
  world.take(update, now);
  showUpdate(update, world);
  if (ground && !met && !camera.touched && world.places.size) meet();
}

// Look at where somebody is, once there is somebody.
function meet() {
  met = true;
  const at = [...world.places.values()].map((place) => place.to), [x0, y0, x1, y1] = ground.scene.bounds;
  const xs = at.map((p) => p.x), ys = at.map((p) => p.y);
  camera.fit([
    Math.max(x0, Math.min(...xs) - NEAR), Math.max(y0, Math.min(...ys) - NEAR),
    Math.min(x1, Math.max(...xs) + NEAR), Math.min(y1, Math.max(...ys) + NEAR),
  ]);
}

function draw() {
  requestAnimationFrame(draw);
  if (paused && !camera.touched) return;
  const now = paused ? world.arrived + world.span : performance.now();
  camera.resize();
  const target = followed && world.at(followed, now);
  if (target) [camera.x, camera.y] = [target.x, target.y];
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.fillStyle = color("ground");
  context.fillRect(0, 0, canvas.width, canvas.height);
  if (!ground) return;
  const drawn = [...world.drawn(now)], { scale } = camera;
  camera.metres(context);
  ground.draw(context, scale);
  drawLights(context, world, scale);
  drawTrails(context, drawn, scale);
  drawActors(context, drawn, followed, scale);
  drawMessages(context, world, now, scale);
  camera.pixels(context);
  drawWeights(context, world, now, camera);
  drawLabels(context, drawn, camera, followed);
  showScale(scale);
  showFacts(target && world.players.get(followed), target, world.time);
}

function follow(id) {
  followed = id;
  camera.touched = true;
  if (camera.scale < CLOSE) camera.scale = CLOSE;
}

function unfollow() { followed = 0; }

// The vehicle after the followed one; those that stand out come first.
function next() {
  const order = ["ego", "named", "hazard", "traffic", "parked"];
  const rank = (player) => order.indexOf(world.shown(player));
  const vehicles = [...world.players.values()].filter((player) => rank(player) >= 0);
  vehicles.sort((a, b) => rank(a) - rank(b) || a.id - b.id);
  if (!vehicles.length) return;
  follow(vehicles[(vehicles.findIndex((player) => player.id === followed) + 1) % vehicles.length].id);
}

function pick(px, py) {
  const now = performance.now();
  let best = [Infinity, 0];
  for (const [player, place] of world.drawn(now)) {
    const [x, y] = camera.toScreen(place.x, place.y), far = Math.hypot(x - px, y - py);
    if (far < Math.max(REACH, (player.length / 2) * camera.scale) && far < best[0]) best = [far, player.id];
  }
  if (best[1]) follow(best[1]);
  else unfollow();
}

function fit() {
  unfollow();
  if (ground) camera.fit(ground.scene.bounds);
  camera.touched = true;
}

function pause() {
  paused = !paused;
  document.getElementById("pause").setAttribute("aria-pressed", String(paused));
}

attach(canvas, camera, { next, unfollow, fit, pause, pick, moved: unfollow });
listen(onUpdate, () => showState("lost", "trying again"));
requestAnimationFrame(draw);
