/**
 * Writes lines like the generator's as fast as plain TypeScript can, and nothing else: one layout,
 * three digits of URL, xorshift for randomness, one buffer used again for each write.
 * `generator_sketch.ts COUNT [PORT]` writes to standard output, or to the first client of a port.
 *
 * @module
 */
const [countText, port] = Deno.args;
const count = Number(countText);
const CHUNK_BYTES = port === undefined ? 64 * 1024 : 256 * 1024;
const LINE_BYTES_MAX = 160;

const encoder = new TextEncoder();

/** Texts of up to 4 bytes as little-endian words. */
function words(texts: readonly string[]): Int32Array {
  return Int32Array.from(texts, (text) => {
    const bytes = encoder.encode(text.padEnd(4, "\0"));
    return bytes[0]! | bytes[1]! << 8 | bytes[2]! << 16 | bytes[3]! << 24;
  });
}

/** Texts of up to `4 × width` bytes, `width` words each. */
function wideWords(texts: readonly string[], width: number): Int32Array {
  return Int32Array.from(
    texts.flatMap((
      text,
    ) => [...words(Array.from({ length: width }, (_, i) => text.slice(4 * i, 4 * i + 4)))]),
  );
}

const numbers = Array.from({ length: 1000 }, (_, i) => String(i));
const octets = words(numbers.slice(0, 256).map((text) => `${text}.`));
const octetBytes = Uint8Array.from(numbers.slice(0, 256), ({ length }) => length + 1);
const digits = words(numbers);
const digitBytes = Uint8Array.from(numbers, ({ length }) => length);
const padded = words(numbers.map((text) => text.padStart(3, "0")));
const middleTexts = ["GET", "POST", "PUT", "DELETE"].map((method) =>
  `", "method": "${method}", "url": "/resource/`
);
const middles = wideWords(middleTexts, 11);
const middleBytes = Uint8Array.from(middleTexts, ({ length }) => length);
const tailTexts = [200, 404, 500].map((status) => `", "status": ${status}}\n`);
const tails = wideWords(tailTexts, 5);
const tailBytes = tailTexts[0]!.length;

const HEAD_WORDS = 13;
let head = new Int32Array(HEAD_WORDS);
let second = -1;
const startMs = Date.UTC(2025, 4, 30, 18, 52, 30);

function headOf(secondIndex: number): Int32Array<ArrayBuffer> {
  const time = new Date(startMs + secondIndex * 1000).toISOString().slice(0, 19);
  const text = `{"timestamp": "${time}.000000Z", "ip": "`;
  return wideWords([text], HEAD_WORDS) as Int32Array<ArrayBuffer>;
}

let state = 0x12345678;
function random(): number {
  state ^= state << 13;
  state ^= state >>> 17;
  state ^= state << 5;
  return state >>> 0;
}

const buffer = new Uint8Array(CHUNK_BYTES + LINE_BYTES_MAX);
const view = new DataView(buffer.buffer);

/** Writes lines from `index` on until the chunk is full; returns the next index and the end. */
function fill(index: number): { readonly next: number; readonly end: number } {
  let at = 0;
  for (; index < count && at < CHUNK_BYTES - LINE_BYTES_MAX; index++) {
    const [a, b] = [random(), random()];
    const us = index * 150;
    const secondIndex = Math.floor(us / 1e6);
    if (secondIndex !== second) {
      second = secondIndex;
      head = headOf(secondIndex);
    }
    const fraction = us - secondIndex * 1e6;
    for (let i = 0; i < HEAD_WORDS; i++) view.setInt32(at + 4 * i, head[i]!, true);
    const ms = fraction / 1000 | 0;
    view.setInt32(at + 35, padded[ms]!, true);
    view.setInt32(at + 38, padded[fraction - ms * 1000]! | 0x5a000000, true);
    at += 52;
    for (const shift of [24, 16, 8, 0]) {
      const octet = a >>> shift & 255;
      view.setInt32(at, octets[octet]!, true);
      at += octetBytes[octet]!;
    }
    at--;
    const method = b & 3;
    for (let i = 0; i < 11; i++) view.setInt32(at + 4 * i, middles[11 * method + i]!, true);
    at += middleBytes[method]!;
    const url = (b >>> 8) % 1000;
    view.setInt32(at, digits[url]!, true);
    at += digitBytes[url]!;
    const share = (b >>> 4) % 100;
    const tail = share < 90 ? 0 : share < 95 ? 5 : 10;
    for (let i = 0; i < 5; i++) view.setInt32(at + 4 * i, tails[tail + i]!, true);
    at += tailBytes;
  }
  return { next: index, end: at };
}

if (port === undefined) {
  for (let index = 0; index < count;) {
    const { next, end } = fill(index);
    for (let at = 0; at < end;) at += Deno.stdout.writeSync(buffer.subarray(at, end));
    index = next;
  }
} else {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: Number(port) });
  const connection = await listener.accept();
  listener.close();
  for (let index = 0; index < count;) {
    const { next, end } = fill(index);
    for (let at = 0; at < end;) at += await connection.write(buffer.subarray(at, end));
    index = next;
  }
  connection.close();
}
