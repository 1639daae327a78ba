// The basemap from one PMTiles file of our own: fetched in ranges, drawn here, in the page's colours. Loaded when set.
import { PMTiles } from "pmtiles";
import { leafletLayer } from "protomaps-leaflet";
import { DomUtil, GridLayer } from "./leaflet.js";

const PATIENCE = 3;

/** A layer of the file at `url`; `failed()` hears when the file cannot be read any more. Rejects when it never could. */
export async function basemap(url, { language, dark, attribution, maxZoom, minZoom, failed }) {
  // The library takes Leaflet from the window; it needs these two parts of it.
  globalThis.L ??= { DomUtil, GridLayer };
  const file = new PMTiles(new URL(url, location.href).href);
  const { maxZoom: maxDataZoom } = await file.getHeader();
  watch(file, failed);
  return leafletLayer({ url: file, flavor: dark ? "dark" : "light", lang: language, attribution, minZoom, maxZoom, maxDataZoom });
}

/** Hear of tiles that do not come: the very first, or some in a row, as one may be lost on the way. */
function watch(file, failed) {
  const read = file.getZxy.bind(file);
  let came = false;
  let lost = 0;
  file.getZxy = async (...asked) => {
    try {
      const tile = await read(...asked);
      came = true;
      lost = 0;
      return tile;
    } catch (error) {
      if (error.name !== "AbortError" && (++lost === PATIENCE || !came)) failed();
      throw error;
    }
  };
}
