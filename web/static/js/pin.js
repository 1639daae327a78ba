// The form's small map: the spot is under the cross in its middle, so a thumb moves the map and arrow keys do, too.
import { Circle, CircleMarker, LayerGroup, loadStyles, makeMap, Polygon, still, SVG } from "./leaflet.js";
import { fetchOutlines } from "./outlines.js";
import { _ } from "./words.js";

const EXACT = 14;
const JAKARTA = [
  [-6.376, 106.682],
  [-6.071, 106.977],
];

export class PinMap {
  /** `moved(place)` hears {latitude, longitude, accuracy} or null while the spot is not exact. */
  constructor(box, settings, moved) {
    this.box = box;
    this.settings = settings;
    this.moved = moved;
    this.touched = false;
  }

  async begin() {
    await loadStyles(this.settings.styles);
    this.map = makeMap(this.box, this.settings, {
      zoomIn: _("Zoom in"),
      zoomOut: _("Zoom out"),
      scrollWheelZoom: "center",
      touchZoom: "center",
      doubleClickZoom: "center",
      renderer: new SVG({ padding: 0.3 }),
    });
    this.map.fitBounds(JAKARTA, { animate: false });
    this.box.setAttribute("role", "application");
    this.box.setAttribute("aria-label", _("Map to set the place: arrow keys move it, plus and minus zoom"));
    this.labels = new LayerGroup().addTo(this.map);
    this.cross = cross();
    this.box.append(this.cross);
    this.map.on("dragstart zoomstart keydown", () => {
      if (!this.shown) this.touched = true;
    });
    this.map.on("click", ({ latlng }) => {
      this.touched = true;
      this.map.setView(latlng, Math.max(this.map.getZoom(), 16), { animate: !still });
    });
    this.map.on("moveend", () => this.settled());
    this.drawOutlines();
  }

  async drawOutlines() {
    try {
      this.outlines = await fetchOutlines();
    } catch {
      return; // The map still takes a pin; the server knows the kelurahan.
    }
    for (const { rings } of this.outlines.values()) {
      new Polygon(
        rings.map((ring) => [ring]),
        { className: "area plain", weight: 1, interactive: false },
      ).addTo(this.map);
    }
    this.nameAreas();
  }

  nameAreas() {
    this.labels.clearLayers();
    if (!this.outlines || this.map.getZoom() < 13) return;
    const bounds = this.map.getBounds();
    for (const { kelurahan, label } of this.outlines.values()) {
      const at = [label[1], label[0]];
      if (!bounds.contains(at)) continue;
      const name = document.createElement("i");
      name.textContent = kelurahan;
      new CircleMarker(at, { radius: 0, stroke: false, fill: false, interactive: false })
        .bindTooltip(name.innerHTML, { permanent: true, direction: "center", className: "area-name" })
        .addTo(this.labels);
    }
  }

  settled() {
    this.nameAreas();
    if (!this.touched) return;
    const exact = this.map.getZoom() >= EXACT;
    this.cross.classList.toggle("unset", !exact);
    if (!exact) {
      this.moved(null, true);
      return;
    }
    const { lat, lng } = this.map.getCenter();
    const kept = this.measured && this.map.distance(this.measured.at, [lat, lng]) < 2;
    if (!kept) this.forgetAccuracy();
    this.moved({ latitude: lat, longitude: lng, accuracy: kept ? this.measured.accuracy : null });
  }

  /** Put the spot where the phone says it is; `accuracy` in metres is drawn as a circle. */
  measure(latitude, longitude, accuracy) {
    this.forgetAccuracy();
    this.measured = { at: [latitude, longitude], accuracy };
    this.circle = new Circle([latitude, longitude], {
      radius: accuracy,
      className: "accuracy",
      weight: 1.5,
      interactive: false,
    }).addTo(this.map);
    this.touched = true;
    const zoom = accuracy > 400 ? 15 : accuracy > 100 ? 16 : 17;
    this.map.setView([latitude, longitude], zoom, { animate: !still });
  }

  /** Show a place; `exact` also sets the spot there. */
  show(latitude, longitude, zoom, exact) {
    this.quietly(exact, () => this.map.setView([latitude, longitude], zoom, { animate: false }));
  }

  /** Move the map without a person's doing: the spot is set only when `exact`. */
  quietly(exact, move) {
    this.forgetAccuracy();
    this.cross.classList.toggle("unset", !exact);
    this.touched = exact;
    this.shown = true;
    move();
    this.shown = false;
  }

  async showKelurahan(kode) {
    const outline = (await fetchOutlines().catch(() => new Map())).get(kode);
    if (!outline) return;
    this.quietly(false, () => this.map.fitBounds(outline.rings.flat(), { animate: false, maxZoom: 16 }));
  }

  forgetAccuracy() {
    this.circle?.remove();
    this.circle = this.measured = null;
  }
}

function cross() {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("class", "crosshair unset");
  svg.setAttribute("viewBox", "-24 -58 48 60");
  svg.setAttribute("aria-hidden", "true");
  for (const [name, attributes] of [
    ["path", { d: "M0 0C-7-17-18-25-18-39a18 18 0 1 1 36 0C18-25 7-17 0 0z" }],
    ["circle", { cy: "-39", r: "7" }],
  ]) {
    const part = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) part.setAttribute(key, value);
    svg.append(part);
  }
  return svg;
}
