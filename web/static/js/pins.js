// How a report looks on the map: a disc with its category's icon, its state's shape and colour at the edge.
// Drawn on a canvas, as there may be thousands; who uses a keyboard or a screen reader meets the spots of spots.js.
import { CircleMarker } from "./leaflet.js";

// Shapes in a square of 2 by 2 round (0, 0); the same as on the pages.
const SHAPES = {
  waiting: [[0, -1], [1, 0.8], [-1, 0.8]],
  coordination: [[0, -1.05], [1.05, 0], [0, 1.05], [-1.05, 0]],
  disposition: [[-0.95, -0.7], [0.15, -0.7], [1, 0], [0.15, 0.7], [-0.95, 0.7]],
  rejected: [[-0.8, -0.8], [0.8, -0.8], [0.8, 0.8], [-0.8, 0.8]],
  duplicate: [[-0.8, -0.8], [0.8, -0.8], [0.8, 0.8], [-0.8, 0.8]],
};
const SQUARE = 256;
/** Smaller discs hold no icon that could be made out; they are their state's shape alone. */
const READABLE = 10;

let drawings;

/** The categories' icons by name, as paths to draw; none when the sheet does not come. */
export function loadIcons(url) {
  drawings ??= fetch(url)
    .then((answer) => (answer.ok ? answer.text() : Promise.reject(new Error(String(answer.status)))))
    .then((text) => {
      const sheet = new DOMParser().parseFromString(text, "image/svg+xml");
      return new Map(
        [...sheet.querySelectorAll("symbol")].map((symbol) => [
          symbol.id,
          new Path2D([...symbol.querySelectorAll("path")].map((path) => path.getAttribute("d")).join("")),
        ]),
      );
    })
    .catch(() => {
      drawings = undefined;
      return new Map();
    });
  return drawings;
}

function drawState(context, state, x, y, r, colour, paper, edge) {
  const shape = SHAPES[state];
  context.beginPath();
  if (shape) {
    shape.forEach(([dx, dy], i) => context[i ? "lineTo" : "moveTo"](x + dx * r, y + dy * r));
    context.closePath();
  } else {
    context.arc(x, y, r * 0.95, 0, 2 * Math.PI);
  }
  context.fillStyle = colour;
  context.strokeStyle = paper;
  context.lineWidth = edge;
  context.lineJoin = "round";
  context.stroke();
  context.fill();
  if (state !== "in_progress" && state !== "done") return;
  context.beginPath();
  if (state === "done") {
    context.moveTo(x - r * 0.42, y + r * 0.02);
    context.lineTo(x - r * 0.1, y + r * 0.35);
    context.lineTo(x + r * 0.45, y - r * 0.32);
    context.lineWidth = Math.max(1.2, r * 0.22);
    context.stroke();
  } else {
    context.arc(x, y, r * 0.55, -Math.PI / 2, Math.PI / 2);
    context.closePath();
    context.fillStyle = paper;
    context.fill();
  }
}

/** A report on the canvas. Options: `state`, `icon` (a Path2D or none), colours `color` (paper), `fillColor`, `ink`. */
export const ReportMarker = CircleMarker.extend({
  _updatePath() {
    const renderer = this._renderer;
    if (!renderer._drawing || this._empty()) return;
    const context = renderer._ctx;
    const { x, y } = this._point;
    const { state, icon, color: paper, fillColor: colour, ink } = this.options;
    const r = this._radius;
    if (!icon || r < READABLE) {
      drawState(context, state, x, y, Math.min(r, 8), colour, paper, 2.5);
      return;
    }
    context.beginPath();
    context.arc(x, y, r, 0, 2 * Math.PI);
    context.fillStyle = paper;
    context.fill();
    context.lineWidth = 2;
    context.strokeStyle = colour;
    context.stroke();
    const side = r * 1.3;
    context.save();
    context.translate(x - side / 2, y - side / 2);
    context.scale(side / SQUARE, side / SQUARE);
    context.fillStyle = ink;
    context.fill(icon);
    context.restore();
    drawState(context, state, x + r * 0.75, y + r * 0.75, r * 0.5, colour, paper, 2);
  },
});
