// What the map shows, as the fragment of its address: to share it, to go back to it. No server ever sees it.
export const STATES = ["waiting", "coordination", "disposition", "in_progress", "done", "rejected", "duplicate"];
export const CLOSED = new Set(["done", "rejected", "duplicate"]);
const open = STATES.filter((state) => !CLOSED.has(state)).join(",");
/** Ages that can be asked for: at most so many days, or with a plus more than that. */
export const AGES = ["1", "7", "30", "90", "30+", "90+"];
const AREA = /^31\.\d\d(\.\d\d(\.\d{4})?)?$/;
const NUMBER = String.raw`(-?\d{1,3}(?:\.\d{1,7})?)`;
const PLACE = new RegExp(`^${NUMBER}/${NUMBER}/${NUMBER}$`);

/** Every filter at rest: open reports, of any category and age, everywhere. */
export const ALL = Object.freeze({ states: "", category: "", age: "", area: "", photo: false });

/** Whether an address's fragment is a view and not a place on the page. */
export const isView = (hash) => hash === "" || hash === "#" || hash.includes("=");

/** {place: {zoom, at} or null, filters, page, report} of a fragment; what cannot be read counts as not said. */
export function read(hash) {
  const said = new URLSearchParams(hash.replace(/^#/, ""));
  const [, zoom, latitude, longitude] = (said.get("peta") ?? "").match(PLACE)?.map(Number) ?? [];
  const inWorld = zoom >= 8 && zoom <= 20 && Math.abs(latitude) < 85 && Math.abs(longitude) <= 180;
  const states = STATES.filter((state) => (said.get("status") ?? "").split(",").includes(state)).join(",");
  return {
    place: inWorld ? { zoom, at: [latitude, longitude] } : null,
    filters: {
      states: states === open ? "" : states,
      category: /^[a-z0-9_-]{1,40}$/.test(said.get("kategori") ?? "") ? said.get("kategori") : "",
      age: AGES.includes(said.get("usia")) ? said.get("usia") : "",
      area: AREA.test(said.get("wilayah") ?? "") ? said.get("wilayah") : "",
      photo: said.get("foto") === "1",
    },
    page: Math.min(Math.max(Number.parseInt(said.get("hal") ?? "1", 10) || 1, 1), 999),
    report: /^[0-9A-HJKMNP-TV-Z]{8}$/.test(said.get("laporan") ?? "") ? said.get("laporan") : "",
  };
}

/** The fragment of a view, "" for the whole city at rest. */
export function write({ place, filters, page, report }) {
  const said = [];
  // Four decimals are eleven metres: enough for a map, and less than the place of whoever shares it.
  if (place) said.push(["peta", `${round(place.zoom, 2)}/${place.at[0].toFixed(4)}/${place.at[1].toFixed(4)}`]);
  if (filters.states) said.push(["status", filters.states]);
  if (filters.category) said.push(["kategori", filters.category]);
  if (filters.age) said.push(["usia", filters.age]);
  if (filters.area) said.push(["wilayah", filters.area]);
  if (filters.photo) said.push(["foto", "1"]);
  if (page > 1) said.push(["hal", String(page)]);
  if (report) said.push(["laporan", report]);
  return said.length ? `#${said.map(([name, value]) => `${name}=${encodeURI(value).replaceAll("+", "%2B")}`).join("&")}` : "";
}

const round = (value, digits) => String(Number(value.toFixed(digits)));

/** How many filters are set. */
export const count = (filters) => Object.keys(ALL).filter((name) => filters[name]).length;

export const statesOf = (filters) => new Set((filters.states || open).split(","));

/** Whether a kelurahan lies in the area that was chosen. */
export const within = (kode, area) => !area || kode === area || kode.startsWith(`${area}.`);

/** Whether a report passes the filters; `now` in milliseconds. */
export function passes(report, filters, now) {
  const days = (now - report.created) / 86400000;
  const age = Number.parseInt(filters.age, 10);
  return (
    statesOf(filters).has(report.state) &&
    (!filters.category || report.category === filters.category) &&
    (!filters.age || (filters.age.endsWith("+") ? days > age : days <= age)) &&
    (!filters.photo || report.photo) &&
    within(report.kode, filters.area)
  );
}
