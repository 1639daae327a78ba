// Open reports of the same kind close to a spot, found on the phone from the files that the map reads: no server call.
import { fetchOutlines } from "./outlines.js";
import { CLOSED, decode } from "./reports.js";

const MOST = 3;
/** The outlines are simplified: a border may really run so many metres beside where it is drawn. */
const SLACK = 200;
const METRES = 111_195;

/** Up to three: {id, category, state, created, distance, …}, nearest first. `spot` in degrees, `radius` in metres. */
export async function similar(spot, category, radius, kode) {
  if (!radius) return [];
  const kodes = new Set([kode, ...(await within(spot, radius + SLACK))]);
  const files = await Promise.allSettled([...kodes].map(active));
  return files
    .flatMap(({ value }) => value ?? [])
    .filter((report) => report.category === category && !CLOSED.has(report.state))
    .map((report) => ({ ...report, distance: metres(spot, report) }))
    .filter(({ distance }) => distance <= radius)
    .sort((a, b) => a.distance - b.distance)
    .slice(0, MOST);
}

const kept = new Map();

/** A kelurahan's reports, asked for once per page. Not from the browser's cache, nor into it: after sending, the map
 * must not show this file as it was before the new report. */
function active(kode) {
  if (!kept.has(kode)) {
    const asked = fetch(`/data/aktif/${kode}.json`, { cache: "no-store" }).then(async (answer) => (answer.ok ? decode(await answer.json()) : []));
    asked.catch(() => kept.delete(kode));
    kept.set(kode, asked);
  }
  return kept.get(kode);
}

/** Metres between two places close to each other, on a plane that touches the first. */
export function metres(a, b) {
  return Math.hypot(...flat(a, b.latitude, b.longitude));
}

function flat(from, latitude, longitude) {
  return [(longitude - from.longitude) * METRES * Math.cos((from.latitude * Math.PI) / 180), (latitude - from.latitude) * METRES];
}

/** The kelurahan whose drawn outline comes within `reach` metres of a spot. */
async function within(spot, reach) {
  const outlines = await fetchOutlines().catch(() => new Map());
  return [...outlines].filter(([, { rings }]) => rings.some((ring) => touches(spot, ring, reach))).map(([kode]) => kode);
}

function touches(spot, ring, reach) {
  let [ax, ay] = flat(spot, ...ring[ring.length - 1]);
  for (const corner of ring) {
    const [bx, by] = flat(spot, ...corner);
    const [dx, dy] = [bx - ax, by - ay];
    const along = Math.max(0, Math.min(1, -(ax * dx + ay * dy) / (dx * dx + dy * dy || 1)));
    if (Math.hypot(ax + along * dx, ay + along * dy) <= reach) return true;
    [ax, ay] = [bx, by];
  }
  return false;
}

/** What a report's own page tells, for a picture and all its words; null when it cannot be had. */
export async function told(id) {
  try {
    const answer = await fetch(`/laporan/${id}.json`);
    return answer.ok ? await answer.json() : null;
  } catch {
    return null;
  }
}
