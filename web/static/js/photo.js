// Makes a phone's photo small enough to send: drawn anew on a canvas, which also leaves its EXIF and GPS behind.
const SIDE = 1600;
const ENOUGH = 300_000;
const STEPS = [
  [1, 0.82],
  [1, 0.7],
  [0.8, 0.7],
  [0.65, 0.65],
  [0.5, 0.6],
];

/** A JPEG of at most 1600 pixels a side and, where possible, 300 kB. Rejects what the browser cannot draw. */
export async function shrunk(file) {
  const picture = await decoded(file);
  const fit = Math.min(1, SIDE / Math.max(picture.width, picture.height));
  let best;
  for (const [scale, quality] of STEPS) {
    best = await drawn(picture, fit * scale, quality);
    if (best.size <= ENOUGH) break;
  }
  picture.close?.();
  return best;
}

async function decoded(file) {
  if ("createImageBitmap" in window) {
    try {
      return await createImageBitmap(file, { imageOrientation: "from-image" });
    } catch {
      // Some browsers draw through <img> what they refuse here.
    }
  }
  const url = URL.createObjectURL(file);
  try {
    const image = new Image();
    image.src = url;
    await image.decode();
    return image;
  } finally {
    URL.revokeObjectURL(url);
  }
}

function drawn(picture, scale, quality) {
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(picture.width * scale));
  canvas.height = Math.max(1, Math.round(picture.height * scale));
  const context = canvas.getContext("2d");
  // A transparent PNG becomes white paper, not black.
  context.fillStyle = "#fff";
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.drawImage(picture, 0, 0, canvas.width, canvas.height);
  return new Promise((done, failed) => {
    canvas.toBlob((blob) => (blob ? done(blob) : failed(new Error("the canvas gave no picture"))), "image/jpeg", quality);
  });
}
