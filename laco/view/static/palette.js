// Colours from the style sheet, so that light and dark are decided in one place.

const scheme = window.matchMedia("(prefers-color-scheme: dark)");
let cache = new Map();
scheme.addEventListener("change", () => { cache = new Map(); });

export function color(name) {
  if (!cache.has(name)) {
    cache.set(name, getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim());
  }
  return cache.get(name);
}

// Between two colours "#rrggbb".
export function mixed(from, to, share) {
  const part = (text, i) => parseInt(text.slice(1 + 2 * i, 3 + 2 * i), 16);
  const [a, b] = [color(from), color(to)];
  const channel = (i) => Math.round(part(a, i) + (part(b, i) - part(a, i)) * share);
  return `rgb(${channel(0)} ${channel(1)} ${channel(2)})`;
}
