// What moves, between two pictures: the page draws sixty times a second what it is told twenty times.

const TRAIL = 4; // [s] of simulated time
const TRAIL_STEP = 0.3; // [m]
const LONGEST = 0.4; // [s] of wall-clock time over which two pictures are joined
const MOVED = 0.5; // [m/s] faster, an actor is not merely placed there
const TELEPORT = 15; // [m] between two pictures is a jump, not a drive
export const MESSAGE_LIFE = 1000; // [ms]

export class World {
  constructor() { this.reset(); }

  reset() {
    this.players = new Map(); // id -> what the cast says of it
    this.lights = new Map();
    this.states = new Map(); // of lights
    this.places = new Map(); // id -> { from, to, trail, moved }
    this.messages = [];
    this.time = this.frame = 0;
    this.arrived = this.span = 0;
  }

  take(update, now) {
    if (update.cast) {
      this.players = new Map(update.cast.players.map((player) => [player.id, player]));
      this.lights = new Map(update.cast.lights.map((light) => [light.id, light]));
    }
    for (const [, told] of update.told) this.messages.push({ ...told, at: now });
    if (update.picture && update.picture.frame !== this.frame) this.move(update.picture, now);
  }

  move(picture, now) {
    this.span = Math.min(LONGEST * 1000, Math.max(1, now - this.arrived));
    const places = new Map();
    for (const [id, x, y, yaw, speed, ...control] of picture.players) {
      const to = { x, y, yaw, speed, control }, old = this.places.get(id);
      const from = old && Math.hypot(x - old.to.x, y - old.to.y) < TELEPORT ? this.between(old, now) : to;
      const moved = speed > MOVED || Boolean(old?.moved);
      places.set(id, { from, to, moved, trail: trail(from === to ? [] : old.trail, to, picture.time) });
    }
    this.places = places;
    this.states = new Map(picture.lights);
    this.arrived = now;
    [this.frame, this.time] = [picture.frame, picture.time];
  }

  // What an actor is shown as: one that has a name but has never moved is parked.
  shown(player) {
    return player.shown === "named" && !this.places.get(player.id)?.moved ? "parked" : player.shown;
  }

  // Every actor with a body where it is to be drawn now: [player, place, trail].
  *drawn(now) {
    for (const [id, place] of this.places) {
      const player = this.players.get(id);
      if (player) yield [{ ...player, shown: this.shown(player) }, this.between(place, now), place.trail];
    }
  }

  at(id, now) {
    const place = this.places.get(id);
    return place && this.between(place, now);
  }

  between({ from, to }, now) {
    const share = this.span ? Math.min(1, (now - this.arrived) / this.span) : 1;
    const turn = ((to.yaw - from.yaw + 540) % 360) - 180;
    return { ...to, x: from.x + (to.x - from.x) * share, y: from.y + (to.y - from.y) * share, yaw: from.yaw + turn * share };
  }

  // Messages not yet faded, newest last.
  current(now) {
    this.messages = this.messages.filter((message) => now - message.at < MESSAGE_LIFE);
    return this.messages;
  }

  count(prefix) {
    return [...this.players.values()].filter((player) => player.type.startsWith(prefix)).length;
  }
}

function trail(points, { x, y }, time) {
  const last = points.at(-1);
  if (!last || Math.hypot(x - last.x, y - last.y) > TRAIL_STEP) points.push({ x, y, time });
  while (points.length && (time - points[0].time > TRAIL || points[0].time > time)) points.shift();
  return points;
}
