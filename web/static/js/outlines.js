// Outlines as Leaflet wants them, from two sources: the page's own SVG (already there) and /data/batas.json.

/** Degrees for a sheet's units; `box` is the SVG's viewBox, `bounds` its west, south, east, north. */
function sheetPlace(svg) {
  const [, , width, height] = svg.getAttribute("viewBox").split(" ").map(Number);
  const [west, south, east, north] = svg.dataset.bounds.split(" ").map(Number);
  return (x, y) => [north - (y / height) * (north - south), west + (x / width) * (east - west)];
}

/** The rings of an SVG path made of M, l and z with whole numbers. */
export function rings(d, place) {
  return d
    .split("z")
    .filter(Boolean)
    .map((part) => {
      const steps = part.match(/-?\d+/g).map(Number);
      const ring = [];
      let x = 0;
      let y = 0;
      for (let i = 0; i + 1 < steps.length; i += 2) {
        x += steps[i];
        y += steps[i + 1];
        ring.push(place(x, y));
      }
      return ring;
    });
}

/** Every kelurahan of the page's SVG: kode, shade class, rings as [latitude, longitude]. */
export function fromPage(figure) {
  const found = [];
  for (const svg of figure.querySelectorAll("svg[data-bounds]")) {
    const place = sheetPlace(svg);
    for (const link of svg.querySelectorAll("a")) {
      const path = link.firstElementChild;
      found.push({
        kode: link.getAttribute("href").split("/").at(-2),
        shade: link.parentNode.getAttribute("class"),
        rings: rings(path.getAttribute("d"), place),
        islands: svg.classList.contains("islands"),
      });
    }
  }
  return found;
}

/** The names of the kota on the page's SVG and where they stand: [[latitude, longitude], name]. */
export function kotaNames(figure) {
  return [...figure.querySelectorAll("svg[data-bounds] text")].map((text) => [
    sheetPlace(text.ownerSVGElement)(Number(text.getAttribute("x")), Number(text.getAttribute("y"))),
    text.textContent,
  ]);
}

let outlines;

/** /data/batas.json by kode: names, label point, rings as [latitude, longitude]. Fetched once. */
export function fetchOutlines() {
  outlines ??= fetch("/data/batas.json")
    .then((answer) => {
      if (!answer.ok) throw new Error(`outlines: ${answer.status}`);
      return answer.json();
    })
    .then((data) => new Map(data.kelurahan.map((row) => [row.kode, { ...row, rings: decoded(row, data.scale) }])))
    .catch((error) => {
      outlines = undefined;
      throw error;
    });
  return outlines;
}

function decoded(row, scale) {
  return row.polygons.flat().map((flat) => {
    const ring = [];
    let longitude = 0;
    let latitude = 0;
    for (let i = 0; i + 1 < flat.length; i += 2) {
      longitude += flat[i];
      latitude += flat[i + 1];
      ring.push([latitude / scale, longitude / scale]);
    }
    return ring;
  });
}
