// The parts of Leaflet that the site uses, by name: what is not named here is not sent to a phone.
import "leaflet/src/layer/Tooltip.js";
import "leaflet/src/map/handler/Map.DoubleClickZoom.js";
import "leaflet/src/map/handler/Map.Drag.js";
import "leaflet/src/map/handler/Map.Keyboard.js";
import "leaflet/src/map/handler/Map.ScrollWheelZoom.js";
import "leaflet/src/map/handler/Map.TapHold.js";
import "leaflet/src/map/handler/Map.TouchZoom.js";
import "leaflet/src/layer/vector/Renderer.getRenderer.js";

import { Attribution } from "leaflet/src/control/Control.Attribution.js";
import { Zoom } from "leaflet/src/control/Control.Zoom.js";
import * as Browser from "leaflet/src/core/Browser.js";
import { TileLayer } from "leaflet/src/layer/tile/TileLayer.js";
import { Canvas } from "leaflet/src/layer/vector/Canvas.js";
import { Circle } from "leaflet/src/layer/vector/Circle.js";
import { CircleMarker } from "leaflet/src/layer/vector/CircleMarker.js";
import { Polygon } from "leaflet/src/layer/vector/Polygon.js";
import { SVG } from "leaflet/src/layer/vector/SVG.js";
import { LayerGroup } from "leaflet/src/layer/LayerGroup.js";
import { Map as LeafletMap } from "leaflet/src/map/Map.js";

export { Attribution, Browser, Canvas, Circle, CircleMarker, LayerGroup, Polygon, SVG };

export const still = matchMedia("(prefers-reduced-motion: reduce)").matches;

/** Leaflet's styles, once per page; resolves when they are there. */
export function loadStyles(url) {
  return new Promise((done) => {
    const link = document.createElement("link");
    link.rel = "stylesheet";
    link.href = url;
    link.onload = link.onerror = () => done();
    document.head.append(link);
  });
}

/**
 * A map in `box`. `settings` are its host's data attributes: tiles, tilesBy, tilesZoom, outlines.
 * Without tiles the outlines remain.
 */
export function makeMap(box, settings, options = {}) {
  const map = new LeafletMap(box, {
    zoomControl: false,
    attributionControl: false,
    zoomSnap: 0.5,
    minZoom: 8,
    maxZoom: Number(settings.tilesZoom) || 19,
    zoomAnimation: !still,
    fadeAnimation: !still,
    inertia: !still,
    ...options,
  });
  const credits = new Attribution({ prefix: false }).addTo(map);
  new Zoom({ position: "bottomright", zoomInTitle: options.zoomIn, zoomOutTitle: options.zoomOut }).addTo(map);
  if (settings.tiles) {
    box.dataset.tiles = "";
    // Attribution is an operator's plain text, shown as text and never read as HTML.
    const text = document.createElement("span");
    text.textContent = settings.tilesBy;
    new TileLayer(settings.tiles, { attribution: text.innerHTML, maxZoom: map.options.maxZoom }).addTo(map);
  }
  if (settings.outlines) {
    const text = document.createElement("span");
    text.textContent = settings.outlines;
    credits.addAttribution(text.innerHTML);
  }
  return map;
}
