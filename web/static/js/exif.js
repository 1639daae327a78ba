// Where a photo was taken, read on the phone from the file itself; loaded only when a photo is chosen.
// Exif 2.32 (CIPA DC-008): the GPS directory (tag 0x8825) of the TIFF block inside a JPEG, PNG or WebP file.
// Reads nothing else of it and keeps nothing: the photo that is sent has no Exif at all.
const JPEG_HEAD = 256 * 1024;
const GPS = 0x8825;
const [LATITUDE_REF, LATITUDE, LONGITUDE_REF, LONGITUDE, ERROR_M] = [1, 2, 3, 4, 31];
const RATIONAL = 5;

/** {latitude, longitude, accuracy} in degrees and metres (null when the phone did not say), or null without a place. */
export async function takenAt(file) {
  try {
    const head = new DataView(await file.slice(0, 16).arrayBuffer());
    const tiff = head.getUint16(0) === 0xffd8 ? inJpeg(await view(file.slice(0, JPEG_HEAD))) : inChunks(await view(file));
    return tiff && place(tiff);
  } catch (error) {
    // A file that ends early, or offsets that lead out of it.
    if (error instanceof RangeError) return null;
    throw error;
  }
}

async function view(blob) {
  return new DataView(await blob.arrayBuffer());
}

function text(data, at, length) {
  return String.fromCharCode(...new Uint8Array(data.buffer, data.byteOffset + at, length));
}

function part(data, at, length = data.byteLength - at) {
  return new DataView(data.buffer, data.byteOffset + at, Math.min(length, data.byteLength - at));
}

function inJpeg(data) {
  for (let at = 2; data.getUint8(at) === 0xff; at += 2 + data.getUint16(at + 2)) {
    const marker = data.getUint8(at + 1);
    if (marker === 0xda) return null;
    if (marker === 0xe1 && text(data, at + 4, 6) === "Exif\0\0") return part(data, at + 10, data.getUint16(at + 2) - 8);
  }
  return null;
}

/** PNG counts its chunks big-endian and names them after the length; WebP little-endian, named before. */
function inChunks(data) {
  const webp = text(data, 0, 4) === "RIFF" && text(data, 8, 4) === "WEBP";
  if (!webp && text(data, 1, 3) !== "PNG") return null;
  for (let at = webp ? 12 : 8; at + 8 < data.byteLength; ) {
    const length = webp ? data.getUint32(at + 4, true) : data.getUint32(at);
    if (text(data, webp ? at : at + 4, 4) === (webp ? "EXIF" : "eXIf")) {
      const found = part(data, at + 8, length);
      return text(found, 0, 4) === "Exif" ? part(found, 6) : found;
    }
    at += webp ? 8 + length + (length % 2) : 12 + length;
  }
  return null;
}

function place(tiff) {
  const little = text(tiff, 0, 2) === "II";
  const gps = entries(tiff, tiff.getUint32(4, little), little).get(GPS);
  if (!gps) return null;
  const found = entries(tiff, tiff.getUint32(gps.value, little), little);
  const latitude = degrees(tiff, found.get(LATITUDE), found.get(LATITUDE_REF), "S", little);
  const longitude = degrees(tiff, found.get(LONGITUDE), found.get(LONGITUDE_REF), "W", little);
  // Phones without a fix write zeros, which lie in the sea off Africa.
  if (latitude === null || longitude === null || (!latitude && !longitude)) return null;
  if (Math.abs(latitude) > 90 || Math.abs(longitude) > 180) return null;
  const [error = null] = rationals(tiff, found.get(ERROR_M), 1, little);
  return { latitude, longitude, accuracy: error > 0 ? error : null };
}

/** A directory's entries by tag: {type, count, value: where the value or its offset stands}. */
function entries(tiff, at, little) {
  const found = new Map();
  const count = tiff.getUint16(at, little);
  for (let i = 0; i < count; i += 1) {
    const row = at + 2 + i * 12;
    found.set(tiff.getUint16(row, little), { type: tiff.getUint16(row + 2, little), count: tiff.getUint32(row + 4, little), value: row + 8 });
  }
  return found;
}

function rationals(tiff, entry, count, little) {
  if (entry?.type !== RATIONAL || entry.count !== count) return [];
  const at = tiff.getUint32(entry.value, little);
  return Array.from({ length: count }, (_each, i) => tiff.getUint32(at + i * 8, little) / tiff.getUint32(at + i * 8 + 4, little));
}

function degrees(tiff, entry, reference, negative, little) {
  const [whole, minutes, seconds] = rationals(tiff, entry, 3, little);
  // Some cameras write seconds as 0/0.
  const value = whole + minutes / 60 + (seconds || 0) / 3600;
  if (!Number.isFinite(value)) return null;
  return reference && text(tiff, reference.value, 1) === negative ? -value : value;
}
