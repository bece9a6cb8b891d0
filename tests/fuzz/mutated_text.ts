import { ATTACKS } from "../hostile/attacks.ts";
import type { Mulberry32 } from "../support/mulberry32.ts";

/** Endless texts and bytes that are nearly what a parser expects, and now and then anything else. */
export class MutatedText {
  readonly #random: Mulberry32;

  constructor(random: Mulberry32) {
    this.#random = random;
  }

  /**
   * One of the samples, mostly changed in a few places.
   *
   * @param samples texts that are as they should be
   */
  text(samples: readonly string[]): string {
    const random = this.#random;
    const kind = random.next();
    if (kind < 0.05) return random.pick(ATTACKS).text;
    if (kind < 0.1) return this.#anyText();
    let text = random.pick(samples);
    if (kind < 0.2) return text;
    for (let i = 0; i <= random.below(4); i++) text = this.#mutate(text, samples);
    return text.slice(0, LENGTH_MAX);
  }

  /** Bytes, likewise; bits flip, and numbers become extreme. */
  bytes(samples: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
    const random = this.#random;
    let bytes = new Uint8Array(random.pick(samples));
    if (random.next() < 0.05) bytes = new Uint8Array(random.below(50)).map(() => random.below(256));
    for (let i = 0; i < random.below(4); i++) {
      const at = random.below(bytes.length + 1);
      const [before, after] = [bytes.subarray(0, at), bytes.subarray(at)];
      switch (random.below(5)) {
        case 0:
          if (at < bytes.length) bytes[at]! ^= 1 << random.below(8);
          break;
        case 1:
          bytes = Uint8Array.of(...before, random.below(256), ...after);
          break;
        case 2:
          bytes = Uint8Array.of(...before, ...after.subarray(1 + random.below(8)));
          break;
        case 3:
          bytes = before.slice();
          break;
        default:
          after.fill(random.pick([0, 0xff, 0x7f, 0x80]), 0, random.pick([1, 4, 8]));
      }
    }
    return bytes;
  }

  /** A JSON value in which one to three values, wherever they are, are other ones or gone. */
  value(sample: unknown): unknown {
    const random = this.#random;
    let value = sample;
    for (let i = 0; i <= random.below(3); i++) value = this.#changeOne(value, sample);
    return value;
  }

  /** Goes down until it has had enough, and changes what is there. */
  #changeOne(value: unknown, sample: unknown): unknown {
    const random = this.#random;
    const entries = typeof value === "object" && value !== null ? Object.entries(value) : [];
    if (entries.length === 0 || random.next() < 0.1) return this.#otherValue(value, sample);
    const [key, inner] = random.pick(entries);
    const changed = random.next() < 0.05 ? undefined : this.#changeOne(inner, sample);
    if (!Array.isArray(value)) return { ...value as object, [key]: changed };
    return value.with(Number(key), changed ?? null);
  }

  #otherValue(value: unknown, sample: unknown): unknown {
    const random = this.#random;
    switch (random.below(6)) {
      case 0:
        return sample;
      case 1:
        return { $number: random.pick(["Infinity", "-Infinity", "NaN", "x"]) };
      case 2:
        return random.pick([null, true, [], {}, [[]], { $map: [[1, 1]] }, { $bytes: "AQA=" }]);
      case 3:
        return Number(random.pick(NUMBERS.filter((text) => Number.isFinite(Number(text)))));
      case 4:
        return typeof value === "number" ? value + random.pick([-1, 1, 0.5, 30_000]) : "x";
      default:
        return typeof value === "string" ? this.text([value]) : [value, value];
    }
  }

  #mutate(text: string, samples: readonly string[]): string {
    const random = this.#random;
    const at = random.below(text.length + 1);
    const end = at + random.below(8);
    const piece = text.slice(at, end);
    switch (random.below(8)) {
      case 0:
        return text.slice(0, at) + text.slice(end);
      case 1:
        return text.slice(0, at);
      case 2:
        return text.slice(0, at) + random.pick(FRAGMENTS) + text.slice(at);
      case 3:
        return text.slice(0, at) + random.pick(FRAGMENTS) + text.slice(end);
      case 4:
        return text.slice(0, end) + piece.repeat(random.pick([1, 2, 100, 3000])) + text.slice(end);
      case 5:
        return text.slice(0, at) + random.pick(samples).slice(random.below(10));
      case 6:
        return text.replace(/\d+/, () => random.pick(NUMBERS));
      default:
        return text.slice(0, at) + String.fromCharCode(random.below(0x10000)) + text.slice(end);
    }
  }

  #anyText(): string {
    const random = this.#random;
    const length = random.pick([0, 1, 5, 50, 5000]);
    const limit = random.pick([0x80, 0x100, 0x10000]);
    return Array.from({ length }, () => String.fromCharCode(random.below(limit))).join("");
  }
}

/** No text is longer; work that grows with the square of it shows. */
const LENGTH_MAX = 60_000;

const NUMBERS = [
  "0",
  "-0",
  "-1",
  "1e3",
  "1e309",
  "1e-309",
  "9007199254740991",
  "9007199254740993",
  "99999999999999999999",
  "8.64e15",
  "8640000000000001",
  "4294967296",
  "0x10",
  "1_0",
  "٣",
];

const FRAGMENTS = [
  ...["", " ", "\t", "\n", "\r", "\0", '"', "'", "\\", ",", ";", ":", "/", "=", "&", "%", "+"],
  ...["-", "--", ".", "..", "*", "[", "]", "{", "}", "(", ")", "#", "@", "$", "~", "|", "<"],
  ...["null", "true", "NaN", "Infinity", "__proto__", "constructor", "%00", "%ff", "%zz"],
  ...['""', '","', "[[[[", "}}", "é", "日", "😀", "\ud800", "\u2028", "\ufeff", "\x9b"],
  ...["T", "Z", "+00:00", "24:00:00", "q=", "*/*", "ms", "d", "%", "file:", "tcp://", "::1"],
  ...['{"$map":[]}', '{"$bytes":"AA=="}', '{"$number":"Infinity"}', "before.", "W", "e", "1"],
];
