// Where we look from above: a middle [m] and a scale [px/m]. CARLA's y points right of x, and so does a canvas's:
// drawn as they are, nothing is mirrored.

const LEAST = 0.05, MOST = 80;

export class Camera {
  constructor(canvas) {
    this.canvas = canvas;
    this.x = this.y = 0;
    this.scale = 3;
    this.touched = false; // whether the person has chosen what to look at
  }

  get width() { return this.canvas.clientWidth; }
  get height() { return this.canvas.clientHeight; }

  // Pixels per CSS pixel.
  get density() { return window.devicePixelRatio || 1; }

  resize() {
    const [w, h] = [Math.round(this.width * this.density), Math.round(this.height * this.density)];
    if (this.canvas.width !== w || this.canvas.height !== h) { this.canvas.width = w; this.canvas.height = h; }
  }

  fit([x0, y0, x1, y1], margin = 1.06) {
    this.x = (x0 + x1) / 2;
    this.y = (y0 + y1) / 2;
    const wide = Math.max(x1 - x0, 1) * margin, tall = Math.max(y1 - y0, 1) * margin;
    this.scale = this.bounded(Math.min(this.width / wide, this.height / tall));
  }

  bounded(scale) { return Math.min(MOST, Math.max(LEAST, scale)); }

  // Draw in metres from here on.
  metres(context) {
    const k = this.scale * this.density;
    context.setTransform(k, 0, 0, k, this.canvas.width / 2 - this.x * k, this.canvas.height / 2 - this.y * k);
  }

  // Draw in CSS pixels from here on.
  pixels(context) { context.setTransform(this.density, 0, 0, this.density, 0, 0); }

  toScreen(x, y) {
    return [this.width / 2 + (x - this.x) * this.scale, this.height / 2 + (y - this.y) * this.scale];
  }

  toWorld(px, py) {
    return [this.x + (px - this.width / 2) / this.scale, this.y + (py - this.height / 2) / this.scale];
  }

  zoom(factor, px = this.width / 2, py = this.height / 2) {
    const [x, y] = this.toWorld(px, py);
    this.scale = this.bounded(this.scale * factor);
    this.x = x - (px - this.width / 2) / this.scale;
    this.y = y - (py - this.height / 2) / this.scale;
    this.touched = true;
  }

  drag(dx, dy) {
    this.x -= dx / this.scale;
    this.y -= dy / this.scale;
    this.touched = true;
  }
}
