import { CSV_HEADER, formatCsvLine } from "../log_format/csv_line.ts";
import { formatTimestamp } from "../log_format/format_timestamp.ts";
import { formatJsonLine } from "../log_format/json_line.ts";
import type { LogRecord } from "../log_format/log_record.ts";
import { STATUSES } from "./status_shares.ts";
import { MALFORMATIONS, METHODS, type RecordColumns, URL_PREFIX } from "./traffic_model.ts";

/** The layouts in which lines are written. */
export type LineFormat = "json" | "csv";

/** The header line of a format, with its line ending; empty for a format without one. */
export function headerLine(format: LineFormat): Uint8Array<ArrayBuffer> {
  return encoder.encode(format === "csv" ? `${CSV_HEADER}\n` : "");
}

/**
 * Writes records as lines, from byte templates: a line is the head (everything up to the address,
 * with the time in it), the address, the middle (one for each method), the number of the URL, and
 * the tail (one for each status). The templates are cut out of what the formatters of `log_format/`
 * write, so a format is nothing but its templates, and one loop serves them all.
 *
 * What makes it fast: templates are copied as 32-bit words, whose surplus bytes the next piece
 * overwrites; digits come from tables as words, too; the text of the second is kept until it
 * changes. (Strings joined a thousand at a time are ten times slower.)
 */
export class LineWriter {
  /** The longest line that it can write, in bytes, its LF included. */
  readonly lineBytesMax: number;

  readonly #head: Templates;
  readonly #timestampOffset: number;
  readonly #middles: Templates;
  readonly #tails: Templates;
  readonly #tailStatusOffset: number;
  #secondStartUs = NaN;

  constructor(format: LineFormat) {
    const formatLine = format === "csv" ? formatCsvLine : formatJsonLine;
    // Stand-ins that occur nowhere else in the line show where a template ends.
    const cut = (record: Partial<LogRecord>): [head: string, middle: string, tail: string] => {
      const standIn = {
        timestampMs: 0,
        ip: "|",
        method: "GET",
        url: `${URL_PREFIX}|`,
        status: 200,
      };
      const [head, middle, tail] = `${formatLine({ ...standIn, ...record })}\n`.split("|");
      return [head!, middle!, tail!];
    };
    const [head] = cut({});
    this.#head = new Templates([head]);
    this.#timestampOffset = head.indexOf(formatTimestamp(0));
    this.#middles = new Templates(METHODS.map((method) => cut({ method })[1]));
    const tails = STATUSES.map((status) => cut({ status })[2]);
    this.#tails = new Templates(tails);
    this.#tailStatusOffset = tails[0]!.indexOf(String(STATUSES[0]));
    this.lineBytesMax = head.length + "255.255.255.255".length + this.#middles.lengthMax +
      URL_DIGITS_MAX + this.#tails.lengthMax;
  }

  /** How many bytes `write` needs room for: the longest lines, and the surplus of the last word. */
  targetBytes(rowCount: number): number {
    return rowCount * this.lineBytesMax + SURPLUS_BYTES;
  }

  /**
   * Writes the first rows as lines.
   *
   * @param target Has room for `targetBytes(rowCount)`; bytes behind the result are overwritten.
   * @returns How many bytes the lines have.
   * @throws {RangeError} if `target` is too small, or a time cannot be written
   */
  write(columns: RecordColumns, rowCount: number, target: Uint8Array): number {
    if (target.length < this.targetBytes(rowCount)) {
      throw new RangeError(
        `Cannot write ${rowCount} lines: room for ${target.length} bytes, ` +
          `needed are ${this.targetBytes(rowCount)}`,
      );
    }
    const { timeUs, address, urlNumber, methodIndex, statusIndex, malformation } = columns;
    const { words: head, lengthMax: headLength } = this.#head;
    const { words: middles, stride: middleStride, lengths: middleLengths } = this.#middles;
    const { words: tails, stride: tailStride, lengths: tailLengths } = this.#tails;
    const fractionOffset = this.#timestampOffset + "2025-05-30T18:52:47.".length;
    const view = new DataView(target.buffer, target.byteOffset, target.byteLength);
    let secondStartUs = this.#secondStartUs;
    let position = 0;
    for (let row = 0; row < rowCount; row++) {
      const start = position;
      let fractionUs = timeUs[row]! - secondStartUs;
      if (!(fractionUs >= 0 && fractionUs < 1e6)) {
        secondStartUs = this.#setSecond(timeUs[row]!);
        fractionUs = timeUs[row]! - secondStartUs;
      }

      for (let i = 0; i < head.length; i++) view.setFloat64(position + 8 * i, head[i]!, true);
      const us = fractionUs | 0; // integers from here on: they divide faster
      const ms = (us / 1000) | 0;
      view.setInt32(position + fractionOffset, PADDED_DIGITS[ms]!, true);
      view.setInt32(
        position + fractionOffset + 3,
        PADDED_DIGITS[us - ms * 1000]! | LETTER_Z,
        true,
      );
      position += headLength;

      const ip = address[row]!;
      view.setInt32(position, OCTETS[ip >>> 24]!, true);
      position += OCTET_LENGTHS[ip >>> 24]!;
      view.setInt32(position, OCTETS[ip >>> 16 & 255]!, true);
      position += OCTET_LENGTHS[ip >>> 16 & 255]!;
      view.setInt32(position, OCTETS[ip >>> 8 & 255]!, true);
      position += OCTET_LENGTHS[ip >>> 8 & 255]!;
      view.setInt32(position, OCTETS[ip & 255]!, true);
      position += OCTET_LENGTHS[ip & 255]! - 1; // no dot behind the last one

      const method = methodIndex[row]!;
      const middle = method * middleStride;
      for (let i = 0; i < middleStride; i++) {
        view.setFloat64(position + 8 * i, middles[middle + i]!, true);
      }
      position += middleLengths[method]!;

      const url = urlNumber[row]!;
      if (url < 1000) {
        view.setInt32(position, DIGITS[url]!, true);
        position += DIGIT_LENGTHS[url]!;
      } else {
        position = writeNumber(view, position, url);
      }

      const status = statusIndex[row]!;
      const tail = status * tailStride;
      for (let i = 0; i < tailStride; i++) {
        view.setFloat64(position + 8 * i, tails[tail + i]!, true);
      }
      position += tailLengths[status]!;

      if (malformation[row] !== 0) {
        const kind = MALFORMATIONS[malformation[row]! - 1]!;
        position = start + this.#malform(target.subarray(start, position), kind, status);
      }
    }
    return position;
  }

  /** Puts the second of a time into the head; returns when it started, in µs since the epoch. */
  #setSecond(timeUs: number): number {
    const secondStartUs = Math.floor(timeUs / 1e6) * 1e6;
    const timestamp = formatTimestamp(secondStartUs / 1000);
    this.#head.bytes.set(encoder.encode(timestamp), this.#timestampOffset);
    this.#secondStartUs = secondStartUs;
    return secondStartUs;
  }

  /** Spoils a line in its place; returns its new length. */
  #malform(line: Uint8Array, kind: (typeof MALFORMATIONS)[number], status: number): number {
    const tailStart = line.length - this.#tails.lengths[status]!;
    switch (kind) {
      case "cut in half": {
        const length = line.length >> 1;
        line[length - 1] = LINE_FEED;
        return length;
      }
      case "unreadable time": // the month
        line.set(encoder.encode("13"), this.#timestampOffset + "2025-".length);
        break;
      case "status out of range":
        line.set(encoder.encode("600"), tailStart + this.#tailStatusOffset);
        break;
      case "wrong first byte":
        line[0] = 0x23; // #
        break;
      case "NUL byte": // the last digit of the URL
        line[tailStart - 1] = 0;
        break;
      case "invalid UTF-8":
        line[tailStart - 1] = 0xff;
        break;
    }
    return line.length;
  }
}

const encoder = new TextEncoder();
const LINE_FEED = 0x0a;
const LETTER_Z = "Z".charCodeAt(0) << 24;
const URL_DIGITS_MAX = 9;
/** A template is copied in whole words, at the length of the longest of its kind. */
const SURPLUS_BYTES = 16;

/**
 * ASCII texts in one array, `stride` words of eight bytes each, filled up with zeros. The words are
 * doubles because those are copied fastest; no ASCII text makes a NaN, whose bits might be changed
 * on the way. Their byte order is the machine's, which is little-endian wherever this runs.
 */
class Templates {
  readonly words: Float64Array<ArrayBuffer>;
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly stride: number;
  readonly lengths: Uint8Array<ArrayBuffer>;
  readonly lengthMax: number;

  constructor(texts: readonly string[]) {
    this.lengths = Uint8Array.from(texts, (text) => text.length);
    this.lengthMax = Math.max(...this.lengths);
    this.stride = Math.ceil(this.lengthMax / 8);
    this.words = new Float64Array(texts.length * this.stride);
    this.bytes = new Uint8Array(this.words.buffer);
    texts.forEach((text, i) => this.bytes.set(encoder.encode(text), i * this.stride * 8));
  }
}

/** ASCII texts of at most four bytes, as 32-bit words. */
function wordTable(texts: readonly string[]): Int32Array<ArrayBuffer> {
  const bytes = new Uint8Array(texts.length * 4);
  texts.forEach((text, i) => bytes.set(encoder.encode(text), i * 4));
  return new Int32Array(bytes.buffer);
}

const NUMBERS = Array.from({ length: 1000 }, (_, n) => String(n));
/** `000` to `999`, a word each. */
const PADDED_DIGITS = wordTable(NUMBERS.map((digits) => digits.padStart(3, "0")));
/** `0` to `999`, a word each. */
const DIGITS = wordTable(NUMBERS);
const DIGIT_LENGTHS = Uint8Array.from(NUMBERS, (digits) => digits.length);
/** `0.` to `255.`, a word each. */
const OCTETS = wordTable(NUMBERS.slice(0, 256).map((digits) => `${digits}.`));
const OCTET_LENGTHS = Uint8Array.from(NUMBERS.slice(0, 256), (digits) => digits.length + 1);

/** Writes a whole number below 1e9 in decimal, three digits a word; returns where it ends. */
function writeNumber(view: DataView, position: number, value: number): number {
  if (value < 1000) {
    view.setInt32(position, DIGITS[value]!, true);
    return position + DIGIT_LENGTHS[value]!;
  }
  const thousands = Math.floor(value / 1000);
  position = writeNumber(view, position, thousands);
  view.setInt32(position, PADDED_DIGITS[value - thousands * 1000]!, true);
  return position + 3;
}
