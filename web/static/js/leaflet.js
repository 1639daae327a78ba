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
import * as DomUtil from "leaflet/src/dom/DomUtil.js";
import { GridLayer } from "leaflet/src/layer/tile/GridLayer.js";
import { TileLayer } from "leaflet/src/layer/tile/TileLayer.js";
import { Canvas } from "leaflet/src/layer/vector/Canvas.js";
import { Circle } from "leaflet/src/layer/vector/Circle.js";
import { CircleMarker } from "leaflet/src/layer/vector/CircleMarker.js";
import { Polygon } from "leaflet/src/layer/vector/Polygon.js";
import { SVG } from "leaflet/src/layer/vector/SVG.js";
import { LayerGroup } from "leaflet/src/layer/LayerGroup.js";
import { Map as LeafletMap } from "leaflet/src/map/Map.js";

export { Attribution, Browser, Canvas, Circle, CircleMarker, DomUtil, GridLayer, LayerGroup, Polygon, SVG };

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
 * A map in `box`. `settings` are its host's data attributes: tiles or pmtiles, tilesBy, tilesZoom, outlines.
 * Without a basemap, and wherever it does not come, the outlines remain. `basemapFrom`: the zoom it begins at.
 */
export function makeMap(box, settings, { basemapFrom = 0, ...options } = {}) {
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
  if (settings.tiles || settings.pmtiles) {
    const begin = () => {
      if (map.getZoom() < basemapFrom) return;
      map.off("zoomend viewreset", begin);
      addBasemap(map, box, settings, basemapFrom);
    };
    map.on("zoomend viewreset", begin);
    if (map._loaded) begin();
  }
  if (settings.outlines) credits.addAttribution(asText(settings.outlines));
  return map;
}

/** An operator's plain text, shown as text and never read as HTML. */
function asText(said) {
  const text = document.createElement("span");
  text.textContent = said;
  return text.innerHTML;
}

/** The basemap that is set. `data-tiles` on the box, which clears the kelurahan's fill, stands while tiles come. */
async function addBasemap(map, box, settings, minZoom) {
  const options = { attribution: asText(settings.tilesBy), minZoom, maxZoom: map.options.maxZoom };
  const bare = () => delete box.dataset.tiles;
  let layer;
  if (settings.tiles) {
    layer = new TileLayer(settings.tiles, options);
    let came = 0;
    layer.on("tileload", () => {
      came += 1;
    });
    layer.on("loading", () => {
      came = 0;
    });
    layer.on("load", () => {
      if (!came) bare();
    });
  } else {
    const dark = matchMedia("(prefers-color-scheme: dark)").matches;
    const failed = () => {
      layer?.remove();
      bare();
    };
    try {
      const { basemap } = await import("./basemap.js");
      layer = await basemap(settings.pmtiles, { ...options, language: document.documentElement.lang, dark, failed });
    } catch {
      return;
    }
  }
  layer.on("tileload", () => {
    if (map.hasLayer(layer) && map.getZoom() >= minZoom) box.dataset.tiles = "";
  });
  map.on("zoomend", () => {
    if (map.getZoom() < minZoom) bare();
  });
  layer.addTo(map);
}
