// The updates: one is asked for when the last has been used, so nothing ever queues up for a slow page.

const SILENCE = 6000; // [ms] without an update after which the viewer counts as gone; it speaks every second
const RETRY = 1000; // [ms]

export function listen(onUpdate, onLost) {
  let watchdog = 0;
  const open = () => {
    const socket = new WebSocket(`ws://${location.host}/stream`);
    const alive = () => {
      clearTimeout(watchdog);
      watchdog = setTimeout(() => socket.close(), SILENCE);
    };
    socket.onopen = () => { alive(); socket.send("next"); };
    socket.onmessage = (event) => {
      alive();
      onUpdate(JSON.parse(event.data));
      if (socket.readyState === WebSocket.OPEN) socket.send("next");
    };
    socket.onclose = () => { clearTimeout(watchdog); onLost(); setTimeout(open, RETRY); };
  };
  open();
}

// The map; null while the viewer has none.
export async function fetchScene() {
  const answer = await fetch("/scene", { cache: "no-store" });
  return answer.ok ? answer.json() : null;
}
