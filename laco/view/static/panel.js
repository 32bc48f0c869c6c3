// The words around the picture; also what a screen reader says.

const $ = (id) => document.getElementById(id);
const STATES = { waiting: "waiting", live: "live", paused: "paused", gone: "the server has gone", lost: "the viewer has ended" };

export function showUpdate(update, world) {
  showState(update.state, update.detail);
  put("title", update.title);
  $("title").hidden = !update.title;
  if (!update.picture) return;
  put("time", clock(update.picture.time));
  put("frame", String(update.picture.frame));
  put("ticks", update.ticks >= 100 ? update.ticks.toFixed(0) : update.ticks.toFixed(1));
  put("pace", `${update.pace >= 10 ? update.pace.toFixed(0) : update.pace.toFixed(2)} ×`);
  put("vehicles", String(world.count("vehicle.")));
  put("walkers", String(world.count("walker.")));
  const said = `Map ${$("map").textContent} from above: ${$("vehicles").textContent} vehicles, ${$("walkers").textContent} walkers`;
  if ($("canvas").getAttribute("aria-label") !== said) $("canvas").setAttribute("aria-label", said);
  if (update.told.length) document.querySelector(".only-told").hidden = false;
}

export function showState(state, detail) {
  document.body.dataset.state = state;
  put("state", detail && state !== "live" ? `${STATES[state]}: ${detail}` : STATES[state]);
}

export function showMap(name) {
  put("map", name);
  document.title = `${name} · LACO world`;
}

// The followed actor's facts, or none.
export function showFacts(player, place, time) {
  $("facts").hidden = !player;
  if (!player || !place) return;
  const driven = place.control.length > 0;
  put("fact-name", player.role && player.shown !== "traffic" ? player.role : `${player.type.split(".")[0]} ${player.id}`);
  put("fact-type", player.type);
  put("fact-id", String(player.id));
  put("fact-role", player.role || "–");
  put("fact-speed", `${(place.speed * 3.6).toFixed(1)} km/h`);
  put("fact-place", `${place.x.toFixed(1)}, ${place.y.toFixed(1)} m, ${place.yaw.toFixed(0)}°`);
  put("fact-size", `${player.length.toFixed(1)} × ${player.width.toFixed(1)} × ${player.height.toFixed(1)} m`);
  put("fact-age", `${Math.max(0, time - player.since).toFixed(1)} s`);
  $("pedals").hidden = !driven;
  if (driven) showPedals(...place.control);
}

function showPedals(throttle, steer, brake) {
  [$("throttle").value, $("brake").value] = [throttle, brake];
  $("steer").firstElementChild.style.left = `${50 + 50 * steer}%`;
  $("steer").setAttribute("aria-label", `steer ${steer.toFixed(2)}`);
}

// A bar of a round number of metres.
export function showScale(scale) {
  const least = 80 / scale, power = 10 ** Math.floor(Math.log10(least));
  const metres = [1, 2, 5, 10].map((n) => n * power).find((n) => n >= least);
  put("scale-text", metres >= 1000 ? `${metres / 1000} km` : `${metres} m`);
  $("scale-bar").style.width = `${(metres * scale).toFixed(0)}px`;
}

function put(id, text) {
  if ($(id).textContent !== text) $(id).textContent = text;
}

function clock(seconds) {
  const minutes = Math.floor(seconds / 60), rest = (seconds - minutes * 60).toFixed(1);
  return minutes ? `${minutes}:${rest.padStart(4, "0")}` : `${rest} s`;
}
