import { Mulberry32 } from "./mulberry32.ts";

/**
 * Endless lines for comparing two readers of lines: records of several servers, each with a layout
 * of its own that its lines follow, and among them lines that were changed in small ways, most of
 * them just before or behind what a reader may take for granted.
 */
export class MutatedLines {
  readonly #random: Mulberry32;
  readonly #servers: readonly Server[];
  /** Half of the streams are of one server, rarely mutated, and many lines of the same second. */
  readonly #isCalm: boolean;
  #timeMs = BASE_MS;

  /** @param seed the same seed gives the same lines */
  constructor(seed: number) {
    this.#random = new Mulberry32(seed);
    this.#isCalm = this.#random.next() < 0.5;
    this.#servers = Array.from({ length: this.#isCalm ? 1 : 3 }, () => this.#makeServer());
  }

  /**
   * The next line, without a newline, of at most {@linkcode LINE_BYTES_MAX} bytes; mutated ones may
   * be anything but that.
   */
  next(): Uint8Array {
    const random = this.#random;
    const line = encoder.encode(random.pick(this.#servers)()).subarray(0, LINE_BYTES_MAX);
    if (random.next() < (this.#isCalm ? 0.98 : 0.6)) return line;
    let mutated: Uint8Array = line;
    for (let i = 0; i <= random.below(3); i++) mutated = this.#mutate(mutated);
    return mutated.filter((byte) => byte !== NEWLINE).subarray(0, LINE_BYTES_MAX);
  }

  #makeServer(): Server {
    const random = this.#random;
    const isCsv = random.next() < 0.3;
    const keys = random.shuffle(["timestamp", "ip", "method", "url", "status"]);
    const quotedShare = random.pick([0, 0, 0, 0.5, 1]);
    const hasEscapedSlashes = random.next() < 0.2;
    const hasHeader = isCsv && random.next() < 0.5;
    const extras = isCsv && !hasHeader ? 0 : random.below(6);
    for (let i = 0; i < extras; i++) keys.splice(random.below(keys.length + 1), 0, `x${i}`);
    if (!isCsv && random.next() < 0.1) keys.splice(random.below(6), 0, random.pick(keys));
    const kinds = keys.map(() => random.below(EXTRA_VALUES.length));
    const [comma, colon] = [random.pick([",", ", ", " , "]), random.pick([":", ": ", " : "])];
    const fraction = random.pick([0, 1, 2, 3, 3, 6, 6, 9]);
    const offset = random.pick(["Z", "Z", "+00:00", "-0530", "+02"]);
    const isStatusText = random.next() < 0.2;
    const isCr = random.next() < 0.1;
    const blanks = random.next() < 0.2 ? random.pick([" ", "\t "]) : "";
    const areQuoted = keys.map(() => random.next() < quotedShare);
    const csvKeys = hasHeader ? keys : ["timestamp", "ip", "method", "url", "status"];
    return () => {
      const fields: Record<string, string> = {
        timestamp: this.#timestamp(fraction, offset),
        ip: random.pick(IPS),
        method: random.pick(["GET", "POST", "PUT", "DELETE", "PATCH", ""]),
        url: random.pick([
          "",
          "/",
          " /blanks ",
          `/resource/${random.below(10_000)}`,
          `/${"a".repeat(random.below(80))}`,
          `/${"a".repeat(random.below(30) ** 2 >> 1)}`,
          `/${"a".repeat(random.below(20))}${random.pick(BEYOND_ASCII)}/b`,
          `/a?b="${random.below(9)}"\\`,
        ]),
        status: random.next() < 0.02
          ? random.pick(["099", "600", "999"])
          : String(100 + random.below(500)),
      };
      const end = isCr ? "\r" : "";
      if (isCsv) {
        if (hasHeader && random.next() < 0.05) return csvKeys.join(",") + end;
        const cells = csvKeys.map((key) => fields[key] ?? `x y${random.below(9)}`);
        return cells.map((cell, i) => areQuoted[i] ? `"${cell.replaceAll('"', '""')}"` : cell).join(
          ",",
        ) + end;
      }
      const members = keys.map((key, i) => {
        const value = fields[key] === undefined
          ? EXTRA_VALUES[kinds[i]!]!(random)
          : key === "status" && !isStatusText
          ? fields[key]
          : JSON.stringify(fields[key]);
        return `"${key}"${colon}${value}`;
      });
      const line = `{${members.join(comma)}}${blanks}${end}`;
      return hasEscapedSlashes ? line.replaceAll("/", "\\/") : line;
    };
  }

  #timestamp(fraction: number, offset: string): string {
    const random = this.#random;
    if (!this.#isCalm || random.next() < 0.02) this.#timeMs = BASE_MS + random.below(120_000);
    let date = new Date(this.#timeMs).toISOString().slice(0, 19);
    // A day may end with an hour of its own, but not with a fraction of it.
    if (random.next() < (this.#isCalm ? 0.002 : 0.02)) date = "2025-05-30T24:00:00";
    const digits = String(random.below(1e9)).padStart(9, "0").slice(0, fraction);
    return date + (fraction > 0 ? `.${digits}` : "") + offset;
  }

  #mutate(line: Uint8Array): Uint8Array {
    const random = this.#random;
    const at = random.below(line.length + 1);
    const [before, after] = [line.subarray(0, at), line.subarray(at)];
    switch (random.below(9)) {
      case 0: { // a bit
        const copy = line.slice();
        if (at < copy.length) copy[at]! ^= 1 << random.below(8);
        return copy;
      }
      case 1: // any byte
        return join(before, new Uint8Array([random.below(256)]), after);
      case 2: // a byte that means something
        return join(before, encoder.encode(random.pick([...'"\\,:{}[]-+.eE0 \t\r\0'])), after);
      case 3: // a few bytes less
        return join(before, after.subarray(1 + random.below(3)));
      case 4: // the end
        return before.slice();
      case 5: // something that JSON or CSV knows
        return join(before, encoder.encode(random.pick(FRAGMENTS)), after);
      case 6: // a value in another form
        return replace(line, random.pick(VALUES), random.pick(VALUES));
      case 7: // a key twice, or another one
        return replace(line, random.pick(KEYS), random.pick(KEYS));
      default: { // a piece of the line again
        const end = at + random.below(30);
        return join(before, line.subarray(at, end), line.subarray(at, end), line.subarray(end));
      }
    }
  }
}

/** The longest line. */
export const LINE_BYTES_MAX = 900;

type Server = () => string;

const NEWLINE = 0x0a;
const BASE_MS = Date.UTC(2025, 4, 30, 23, 58, 50);
const encoder = new TextEncoder();

const IPS = [
  "10.0.0.1",
  "255.255.255.255",
  "2001:db8::1",
  "host-7",
  "1.2.3.4",
  "5.6.7.8",
  "9.10.11.12",
  "x".repeat(64),
  "x".repeat(65),
  "",
  " ",
  "{",
];

const EXTRA_VALUES: readonly ((random: Mulberry32) => string)[] = [
  (random) => String(random.below(100_000)),
  (random) => `0.${random.below(1000)}`,
  (random) => `-${random.below(10)}e${random.pick(["1", "+2", "-3", "", "-"])}`,
  (random) => JSON.stringify("x".repeat(random.below(20))),
  (random) => JSON.stringify(`x${random.pick(BEYOND_ASCII)}"${"y".repeat(random.below(20))}\t`),
  (random) => random.pick(["true", "false", "null"]),
  () => '{"nested": [1, "two"]}',
];

/** Characters of each length in UTF-8, the first and the last of some kinds. */
const BEYOND_ASCII = [
  "\u0080",
  "\u00e9",
  "\u07ff",
  "\u0800",
  "\u2028",
  "\ud7ff",
  "\ufeff",
  "\ufffd",
  "\u{10000}",
  "\u{10ffff}",
];

const FRAGMENTS = [
  "\\u00e9",
  "\\u00G9",
  "\\ud83d\\ude00",
  "\\b",
  "\\x",
  "\\",
  '\\"',
  "\\u0041",
  "\\ud800",
  "\\udc00",
  "\\/",
  "é",
  "\u{1f600}",
  "\u2028",
  "\ufeff",
  "\x7f",
  ',"status": 500',
  ',"url":"/other"',
  '"',
  '""',
  "{",
  "}",
  "[]",
  "null",
  "1e2",
  "00",
  "-0",
  ".5",
  "24:00:00",
  "23:59:60",
  "+14:00",
  " ",
  ",,",
  "timestamp,ip,method,url,status",
];

const VALUES = [
  "true",
  "null",
  "00",
  "01",
  "1e2",
  "2E+2",
  "404.0",
  "-1",
  "99",
  "600",
  "404",
  "0404",
  '"404"',
  "200",
  "Z",
  "z",
  "+00:00",
  "T",
  "t",
  "2025",
  "0000",
  ".5",
  ".",
  ":59",
  ":60",
  "23:",
  "24:",
];

const KEYS = ['"ip"', '"url"', '"method"', '"status"', '"timestamp"', '"IP"', '"x0"', '"\\u0069p"'];

function join(...parts: readonly Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let end = 0;
  for (const part of parts) {
    joined.set(part, end);
    end += part.length;
  }
  return joined;
}

/** Replaces the first occurrence, if there is one; the line may hold any bytes. */
function replace(line: Uint8Array, from: string, to: string): Uint8Array {
  const at = Array.from(line, (byte) => String.fromCharCode(byte)).join("").indexOf(from);
  return at < 0
    ? line
    : join(line.subarray(0, at), encoder.encode(to), line.subarray(at + from.length));
}
