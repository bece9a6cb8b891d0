import { parseTimestamp } from "../../../log_format/parse_timestamp.ts";
import { compileLayout } from "./compile_layout.ts";
import type { Layout } from "./layout.ts";
import {
  Exit,
  LayoutPlace,
  memory,
  memoryBytes,
  memoryWords,
  Place,
  SECOND_BYTES,
} from "./scan_memory.ts";

/** Takes what a scanner has found: counts, error rows, and the row that has to be placed. */
export interface RowSink {
  /** True where no further row may be read for now. */
  readonly isStopped: boolean;
  /**
   * Says, in the memory, which rows are to be counted without further ado.
   *
   * @param secondMs the second that rows are read of, ms since the epoch; `NaN` before the first
   */
  prepare(secondMs: number): void;
  /**
   * Takes all that stands in the memory after a scan of rows of one second.
   *
   * @param bytes size of the lines that were read
   */
  take(format: Layout["format"], secondMs: number, bytes: number): void;
}

/** What a layout was compiled to; see {@linkcode compileLayout}. */
type Program = (position: number, end: number) => number;

/** Reads lines that follow one layout, in the memory that all scanners share. */
export class LineScanner {
  readonly layout: Layout;
  readonly #run: Program;
  readonly #offset: string;
  /** Where the layout has its place in the memory. */
  readonly #place: number;
  /** What stands there. */
  readonly #image: Uint8Array;
  #secondMs = NaN;
  /** The minute read last, `YYYY-MM-DDThh:mm:`, and what it means. */
  #minute = "";
  #minuteMs = NaN;

  constructor(layout: Layout) {
    this.layout = layout;
    let place = nextPlace;
    let compiled = compileLayout(layout, place);
    const end = place + LayoutPlace.constants + compiled.constants.length;
    if (end <= Place.sharedLayout) {
      nextPlace = end;
    } else {
      place = Place.sharedLayout;
      compiled = compileLayout(layout, place);
    }
    this.#place = place;
    this.#image = new Uint8Array(LayoutPlace.constants + compiled.constants.length);
    this.#image.set(compiled.constants, LayoutPlace.constants);
    if (place !== Place.sharedLayout) memoryBytes.set(this.#image, place);
    const module = new WebAssembly.Module(compiled.module);
    const { exports } = new WebAssembly.Instance(module, { scan: { memory } });
    this.#run = exports["run"] as Program;
    const timestamp = layout.segments.find(({ kind }) => kind === "timestamp");
    this.#offset = timestamp?.kind === "timestamp" ? timestamp.offset : "";
  }

  /**
   * Reads lines from `position` on until one does not follow the layout, or the rows are stopped.
   *
   * @param end behind a newline, like `position` in the text of the memory
   * @returns where the first line begins that was not read
   */
  scan(position: number, end: number, rows: RowSink): number {
    if (this.#place === Place.sharedLayout && sharedPlaceOwner !== this) {
      memoryBytes.set(this.#image, this.#place);
      sharedPlaceOwner = this;
    }
    for (;;) {
      rows.prepare(this.#secondMs);
      const next = this.#run(position, end);
      const exit = memoryWords[Place.exit / 4];
      rows.take(this.layout.format, this.#secondMs, next - position);
      position = next;
      if (exit === Exit.line || rows.isStopped) return position;
      if (exit === Exit.second && !this.#readSecond(memoryWords[Place.secondPosition / 4]!)) {
        return position;
      }
    }
  }

  #readSecond(position: number): boolean {
    const secondMs = this.#secondMsAt(position);
    if (secondMs === undefined) return false;
    const tail = position + SECOND_BYTES - 16;
    this.#image.set(memoryBytes.subarray(position, position + 16), LayoutPlace.second);
    this.#image.set(memoryBytes.subarray(tail, tail + 16), LayoutPlace.secondTail);
    memoryBytes.set(this.#image.subarray(0, LayoutPlace.constants), this.#place);
    this.#secondMs = secondMs;
    return true;
  }

  #secondMsAt(position: number): number | undefined {
    const bytes = memoryBytes.subarray(position, position + SECOND_BYTES);
    // Lines that hold something else altogether need no look at their digits.
    for (const [at, byte] of SEPARATORS) if (bytes[at] !== byte) return undefined;
    const tens = bytes[17]! - DIGIT_ZERO;
    const ones = bytes[18]! - DIGIT_ZERO;
    const minute = String.fromCharCode(...bytes.subarray(0, 17));
    if (minute !== this.#minute) {
      // 24:00:00 is the end of a day, but a fraction after it is no time at all.
      if (!MINUTE.test(minute) || minute.startsWith("24", 11)) return undefined;
      const minuteMs = parseTimestamp(`${minute}00${this.#offset}`);
      if (minuteMs === undefined) return undefined;
      this.#minute = minute;
      this.#minuteMs = minuteMs;
    }
    // A leap second, and what is none at all, are for the parser.
    const isSecond = tens >= 0 && tens <= 5 && ones >= 0 && ones <= 9;
    return isSecond ? this.#minuteMs + (10 * tens + ones) * 1000 : undefined;
  }
}

/** Where the next layout may have its place; a place is never given up. */
let nextPlace: number = Place.layouts;

/** Whose image stands at the place that layouts share for which there was no room. */
let sharedPlaceOwner: LineScanner | undefined;

const SEPARATORS = [[4, 0x2d], [7, 0x2d], [13, 0x3a], [16, 0x3a]] as const;
const MINUTE = /^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:$/;
const DIGIT_ZERO = 0x30;
