// Reports from /data/aktif/<kode>.json, and how they look on a map: a shape and a colour for each state.
import { CircleMarker } from "./leaflet.js";

export const CLOSED = new Set(["done", "rejected", "duplicate"]);
const TONES = {
  waiting: "red",
  coordination: "yellow",
  disposition: "yellow",
  in_progress: "yellow",
  done: "green",
  rejected: "grey",
  duplicate: "grey",
};

export function tone(state) {
  return TONES[state] ?? "grey";
}

/** The rows of an active file; columns as web/render.py describes them. */
export function decode(file) {
  const c = file.columns;
  let created = 0;
  return c.id.map((id, i) => {
    created += c.created[i];
    return {
      id,
      kode: file.kode,
      longitude: (file.origin[0] + c.longitude[i]) / 1e5,
      latitude: (file.origin[1] + c.latitude[i]) / 1e5,
      category: file.categories[c.category[i]],
      state: file.states[c.state[i]],
      created: created * 60000,
      photo: Boolean(c.photo[i]),
      text: c.text[i],
      example: file.example,
    };
  });
}

const kept = new Map();
const FRESH = 60000;

/** A kelurahan's active file, at most a minute old: {open, reports}. */
export async function fetchActive(kode) {
  const before = kept.get(kode);
  if (before && Date.now() - before.at < FRESH) return before.promise;
  const promise = fetch(`/data/aktif/${kode}.json`).then(async (answer) => {
    if (answer.status === 404) return { kode, open: 0, reports: [] };
    if (!answer.ok) throw new Error(`${kode}: ${answer.status}`);
    const file = await answer.json();
    return { kode, open: file.open, reports: decode(file) };
  });
  kept.set(kode, { at: Date.now(), promise });
  promise.catch(() => kept.delete(kode));
  return promise;
}

// Shapes in a square of 2 by 2 round (0, 0); the same as on the pages.
const SHAPES = {
  waiting: [[0, -1], [1, 0.8], [-1, 0.8]],
  coordination: [[0, -1.05], [1.05, 0], [0, 1.05], [-1.05, 0]],
  disposition: [[-0.95, -0.7], [0.15, -0.7], [1, 0], [0.15, 0.7], [-0.95, 0.7]],
  rejected: [[-0.8, -0.8], [0.8, -0.8], [0.8, 0.8], [-0.8, 0.8]],
  duplicate: [[-0.8, -0.8], [0.8, -0.8], [0.8, 0.8], [-0.8, 0.8]],
};

/** A report on the canvas: its state's shape, with an edge in the paper's colour. */
export const ReportMarker = CircleMarker.extend({
  _updatePath() {
    const renderer = this._renderer;
    if (!renderer._drawing || this._empty()) return;
    const context = renderer._ctx;
    const { x, y } = this._point;
    const r = this._radius;
    const shape = SHAPES[this.options.state];
    context.beginPath();
    if (shape) {
      shape.forEach(([dx, dy], i) => context[i ? "lineTo" : "moveTo"](x + dx * r, y + dy * r));
      context.closePath();
    } else {
      context.arc(x, y, r * 0.95, 0, 2 * Math.PI);
    }
    context.fillStyle = this.options.fillColor;
    context.strokeStyle = this.options.color;
    context.lineWidth = this.options.weight;
    context.lineJoin = "round";
    context.stroke();
    context.fill();
    if (this.options.state === "in_progress" || this.options.state === "done") {
      context.beginPath();
      if (this.options.state === "done") {
        context.moveTo(x - r * 0.42, y + r * 0.02);
        context.lineTo(x - r * 0.1, y + r * 0.35);
        context.lineTo(x + r * 0.45, y - r * 0.32);
      } else {
        context.arc(x, y, r * 0.55, -Math.PI / 2, Math.PI / 2);
        context.closePath();
      }
      context.lineWidth = this.options.state === "done" ? 2 : 0;
      context.strokeStyle = context.fillStyle = this.options.color;
      context[this.options.state === "done" ? "stroke" : "fill"]();
    }
  },
});
