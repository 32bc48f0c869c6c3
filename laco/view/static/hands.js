// Mouse, touch and keyboard.

const CLICK = 4; // [px] a press may move and still be a click
const STEP = 1.25;

// `act` has: follow next, unfollow, fit, pause, pick(px, py), moved.
export function attach(canvas, camera, act) {
  const fingers = new Map();
  let travelled = 0;

  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    fingers.set(event.pointerId, [event.offsetX, event.offsetY]);
    travelled = 0;
  });
  canvas.addEventListener("pointermove", (event) => {
    const old = fingers.get(event.pointerId);
    if (!old) return;
    const now = [event.offsetX, event.offsetY], [dx, dy] = [now[0] - old[0], now[1] - old[1]];
    travelled += Math.hypot(dx, dy);
    if (fingers.size === 2) pinch(event.pointerId, old, now);
    else if (travelled > CLICK) { camera.drag(dx, dy); act.moved(); }
    fingers.set(event.pointerId, now);
  });
  const up = (event) => {
    const here = fingers.get(event.pointerId);
    fingers.delete(event.pointerId);
    if (here && event.type === "pointerup" && travelled <= CLICK) act.pick(event.offsetX, event.offsetY);
  };
  canvas.addEventListener("pointerup", up);
  canvas.addEventListener("pointercancel", up);
  canvas.addEventListener("wheel", (event) => {
    event.preventDefault();
    camera.zoom(Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.0015)), event.offsetX, event.offsetY);
  }, { passive: false });

  function pinch(id, old, now) {
    const other = [...fingers].find(([key]) => key !== id)[1];
    const far = (p) => Math.max(1, Math.hypot(p[0] - other[0], p[1] - other[1]));
    camera.zoom(far(now) / far(old), (now[0] + other[0]) / 2, (now[1] + other[1]) / 2);
  }

  const keys = {
    f: act.next, "+": () => camera.zoom(STEP), "=": () => camera.zoom(STEP), "-": () => camera.zoom(1 / STEP),
    0: act.fit, " ": act.pause, Escape: act.unfollow,
    ArrowLeft: () => pan(40, 0), ArrowRight: () => pan(-40, 0), ArrowUp: () => pan(0, 40), ArrowDown: () => pan(0, -40),
  };
  const pan = (dx, dy) => { camera.drag(dx, dy); act.moved(); };
  window.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || !(event.key in keys)) return;
    if (event.key === " " && event.target.closest("button, summary")) return; // it presses that
    event.preventDefault();
    keys[event.key]();
  });
  const buttons = { closer: keys["+"], farther: keys["-"], fit: act.fit, next: act.next, pause: act.pause, unfollow: act.unfollow };
  for (const [id, what] of Object.entries(buttons)) document.getElementById(id).addEventListener("click", what);
}
