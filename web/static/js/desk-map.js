// The desk's map: the reports of the list as points, an area to draw, a pin to set. The list beside it says the same.
import { CircleMarker, LayerGroup, loadStyles, makeMap, Polygon, still, SVG } from "./leaflet.js";
import { fetchOutlines } from "./outlines.js";
import { tone } from "./reports.js";
import { _ } from "./words.js";

const ISLANDS = "31.01";
const JAKARTA = [
  [-6.376, 106.682],
  [-6.071, 106.977],
];

export class DeskMap {
  /** `open(id)` hears which point was chosen. */
  constructor(side, open) {
    this.side = side;
    this.box = side.querySelector("[data-map]");
    this.hint = side.querySelector("[data-map-hint]");
    this.tools = side.querySelector("[data-map-tools]");
    this.open = open;
    this.points = new Map();
  }

  async begin(boundaries) {
    await loadStyles(this.box.dataset.styles);
    this.map = makeMap(this.box, this.box.dataset, {
      zoomIn: _("Zoom in"),
      zoomOut: _("Zoom out"),
      renderer: new SVG({ padding: 0.3 }),
    });
    this.box.setAttribute("role", "application");
    this.box.setAttribute("aria-label", _("Map of the reports in the list"));
    this.map.fitBounds(JAKARTA, { animate: false });
    this.layer = new LayerGroup().addTo(this.map);
    this.area = new LayerGroup().addTo(this.map);
    this.map.on("click", ({ latlng }) => this.clicked?.(latlng));
    new ResizeObserver(() => this.map.invalidateSize({ animate: false })).observe(this.box);
    await this.outlines(boundaries).catch(() => null);
  }

  async outlines(boundaries) {
    const mine = [];
    for (const [kode, { rings }] of await fetchOutlines()) {
      const ours = boundaries.some((each) => kode === each || kode.startsWith(`${each}.`));
      // The islands far out at sea would make the city a dot; who works there alone sees them alone.
      const far = kode.startsWith(ISLANDS) && !boundaries.every((each) => each.startsWith(ISLANDS));
      if (ours && !far) mine.push(...rings.flat());
      new Polygon(
        rings.map((ring) => [ring]),
        { className: ours ? "area plain ours" : "area plain", weight: 1, interactive: false },
      )
        .addTo(this.map)
        .bringToBack();
    }
    if (mine.length) this.map.fitBounds(mine, { padding: [12, 12], animate: false });
  }

  show(rows) {
    this.layer.clearLayers();
    this.points.clear();
    for (const row of rows) {
      if (row.latitude === null) continue;
      const point = new CircleMarker([row.latitude, row.longitude], {
        radius: 7,
        weight: 2,
        className: `point ${tone(row.state)}`,
        bubblingMouseEvents: false,
      });
      point.on("click", () => !this.clicked && this.open(row.id));
      point.addTo(this.layer);
      this.points.set(row.id, point);
    }
  }

  choose(id, at) {
    for (const [each, point] of this.points) {
      point.getElement()?.classList.toggle("chosen", each === id);
      point.setRadius(each === id ? 11 : 7);
    }
    if (at && !this.map.getBounds().pad(-0.1).contains(at)) {
      this.map.setView(at, Math.max(this.map.getZoom(), 14), { animate: !still });
    }
  }

  /** Draw an area point by point; resolves to GeoJSON, or null when it was given up. */
  draw() {
    const ring = [];
    const sketch = new LayerGroup().addTo(this.map);
    const redraw = () => {
      sketch.clearLayers();
      if (ring.length > 1) new Polygon([ring], { className: "drawn", interactive: false }).addTo(sketch);
      for (const at of ring) new CircleMarker(at, { radius: 5, className: "corner", interactive: false }).addTo(sketch);
      this.tools.querySelector("[data-map-done]").disabled = ring.length < 3;
      this.tools.querySelector("[data-map-undo]").hidden = !ring.length;
    };
    return this.mode(_("Click the corners of the area, one after another."), _("Use this area"), {
      click: (at) => {
        ring.push(at);
        redraw();
      },
      undo: () => {
        ring.pop();
        redraw();
      },
      begin: redraw,
      done: () => {
        const corners = ring.map(({ lat, lng }) => [round(lng), round(lat)]);
        return { type: "Polygon", coordinates: [[...corners, corners[0]]] };
      },
      end: () => sketch.remove(),
    });
  }

  /** Set a pin; resolves to {longitude, latitude}, or null. `at` is where it is now, if anywhere. */
  pin(at) {
    const sketch = new LayerGroup().addTo(this.map);
    let spot = null;
    const put = (where) => {
      spot = where;
      sketch.clearLayers();
      new CircleMarker(where, { radius: 11, className: "corner", interactive: false }).addTo(sketch);
      this.tools.querySelector("[data-map-done]").disabled = false;
    };
    if (at) this.map.setView(at, 17, { animate: false });
    return this.mode(_("Click where the problem is."), _("Put it here"), {
      click: put,
      begin: () => {
        this.tools.querySelector("[data-map-done]").disabled = true;
      },
      done: () => ({ longitude: round(spot.lng), latitude: round(spot.lat) }),
      end: () => sketch.remove(),
    });
  }

  mode(words, button, { click, undo, begin, done, end }) {
    this.cancel?.();
    const [finish, back, stop] = ["done", "undo", "cancel"].map((name) => this.tools.querySelector(`[data-map-${name}]`));
    finish.textContent = button;
    back.hidden = true;
    this.hint.textContent = words;
    this.hint.hidden = this.tools.hidden = false;
    this.side.classList.add("busy");
    this.box.classList.add("aiming");
    this.box.focus();
    return new Promise((resolve) => {
      const over = (value) => {
        this.clicked = this.cancel = finish.onclick = back.onclick = stop.onclick = null;
        this.hint.hidden = this.tools.hidden = true;
        this.side.classList.remove("busy");
        this.box.classList.remove("aiming");
        end();
        resolve(value);
      };
      this.clicked = click;
      this.cancel = () => over(null);
      finish.onclick = () => over(done());
      back.onclick = () => undo?.();
      stop.onclick = () => over(null);
      begin();
    });
  }

  /** Show the area that the list is limited to; null: none. */
  outline(geojson) {
    this.area.clearLayers();
    for (const rings of geojson ? polygons(geojson) : []) {
      const shape = rings.map((ring) => ring.map(([longitude, latitude]) => [latitude, longitude]));
      const drawn = new Polygon(shape, { className: "drawn", interactive: false }).addTo(this.area);
      this.map.fitBounds(drawn.getBounds(), { padding: [30, 30], animate: false });
    }
  }
}

const round = (degrees) => Number(degrees.toFixed(6));

function polygons(value) {
  if (value.type === "FeatureCollection") return value.features.flatMap(polygons);
  if (value.type === "Feature") return polygons(value.geometry);
  return value.type === "Polygon" ? [value.coordinates] : value.coordinates;
}
