// Sends a request; when the server asks for a small computation first, does it and sends the request again.
// Asked for only in a burst. Computes in slices, so that the page stays usable; needs nobody else's service.

const SLICE_MS = 12;
const TRIES = 3;

/** Like fetch. `said(true)` is called when computing begins, `said(false)` when it ends. */
export async function sendPatiently(address, request, said = () => {}) {
  // The request's id goes with the report to whoever publishes it: what went wrong can be found by it.
  let headers = { ...request.headers, "Device-Key": device(), "X-Request-Id": random() };
  for (let n = 1; ; n += 1) {
    const response = await fetch(address, { ...request, headers });
    const challenge = response.headers.get("Puzzle");
    if (response.status !== 429 || !challenge || n === TRIES) return response;
    said(true);
    headers = { ...headers, "Puzzle-Answer": `${challenge} ${await solve(challenge)}` };
    said(false);
  }
}

/** The smallest number whose SHA-256, after the challenge and a point, begins with as many zero bits as are asked. */
export async function solve(challenge) {
  const bits = Number(challenge.split(".")[3]);
  for (let number = 0, slice = performance.now(); ; number += 1) {
    if (zeros(sha256(`${challenge}.${number}`)) >= bits) return number;
    if (performance.now() - slice > SLICE_MS) {
      await new Promise((done) => setTimeout(done));
      slice = performance.now();
    }
  }
}

/** A random text of this browser, so that its reports are counted together; nothing else is done with it. */
function device() {
  try {
    let kept = localStorage.getItem("perangkat");
    if (!kept) {
      kept = random();
      localStorage.setItem("perangkat", kept);
    }
    return kept;
  } catch {
    return "";
  }
}

function random() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function zeros(words) {
  let count = 0;
  for (const word of words) {
    count += Math.clz32(word);
    if (word !== 0) break;
  }
  return count;
}

// SHA-256 (FIPS 180-4). crypto.subtle answers each hash a turn later, which is many times slower for short texts.

const [START, ROUNDS] = constants();

function constants() {
  const primes = [];
  for (let n = 2; primes.length < 64; n += 1) if (primes.every((prime) => n % prime)) primes.push(n);
  const fraction = (root) => ((root - Math.floor(root)) * 2 ** 32) | 0;
  return [primes.slice(0, 8).map((prime) => fraction(Math.sqrt(prime))), primes.map((prime) => fraction(Math.cbrt(prime)))];
}

/** Eight 32-bit words of the SHA-256 of a text of ASCII characters. */
export function sha256(text) {
  const blocks = ((text.length + 8) >> 6) + 1;
  const message = new Int32Array(blocks * 16);
  for (let i = 0; i < text.length; i += 1) message[i >> 2] |= text.charCodeAt(i) << (24 - (i % 4) * 8);
  message[text.length >> 2] |= 0x80 << (24 - (text.length % 4) * 8);
  message[message.length - 1] = text.length * 8;
  const turned = (x, n) => (x >>> n) | (x << (32 - n));
  const hash = Int32Array.from(START);
  const w = new Int32Array(64);
  for (let block = 0; block < message.length; block += 16) {
    for (let i = 0; i < 64; i += 1) {
      if (i < 16) w[i] = message[block + i];
      else {
        const a = w[i - 15];
        const b = w[i - 2];
        w[i] = w[i - 16] + (turned(a, 7) ^ turned(a, 18) ^ (a >>> 3)) + w[i - 7] + (turned(b, 17) ^ turned(b, 19) ^ (b >>> 10));
      }
    }
    let [a, b, c, d, e, f, g, h] = hash;
    for (let i = 0; i < 64; i += 1) {
      const one = (h + (turned(e, 6) ^ turned(e, 11) ^ turned(e, 25)) + ((e & f) ^ (~e & g)) + ROUNDS[i] + w[i]) | 0;
      const two = ((turned(a, 2) ^ turned(a, 13) ^ turned(a, 22)) + ((a & b) ^ (a & c) ^ (b & c))) | 0;
      [h, g, f, e, d, c, b, a] = [g, f, e, (d + one) | 0, c, b, a, (one + two) | 0];
    }
    [a, b, c, d, e, f, g, h].forEach((value, i) => {
      hash[i] += value;
    });
  }
  return Array.from(hash, (word) => word >>> 0);
}
