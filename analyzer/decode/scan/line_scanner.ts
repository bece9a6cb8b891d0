import { parseTimestamp } from "../../../log_format/parse_timestamp.ts";
import { compileLayout } from "./compile_layout.ts";
import type { Layout } from "./layout.ts";
import { Exit, memory, memoryBytes, memoryWords, Place } from "./scan_memory.ts";

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
  readonly #constants: Uint8Array;
  readonly #offset: string;
  /** The second read last, as it stands in the memory. */
  readonly #second = new Uint8Array(Place.secondTail + 16 - Place.second);
  #secondMs = NaN;

  constructor(layout: Layout) {
    this.layout = layout;
    const { module, constants } = compileLayout(layout);
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(module), {
      scan: { memory },
    });
    this.#constants = constants;
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
    if (memoryOwner !== this) {
      memoryBytes.set(this.#constants, Place.constants);
      memoryBytes.set(this.#second, Place.second);
      memoryOwner = this;
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
    const bytes = memoryBytes.subarray(position, position + SECOND_BYTES);
    // Lines that hold something else altogether need no look at their digits.
    for (const [at, byte] of SEPARATORS) if (bytes[at] !== byte) return false;
    const text = String.fromCharCode(...bytes);
    // 24:00:00 is the end of a day, but a fraction after it is no time at all.
    if (!SECOND.test(text) || text.startsWith("24", 11)) return false;
    const secondMs = parseTimestamp(text + this.#offset);
    if (secondMs === undefined) return false;
    memoryBytes.copyWithin(Place.second, position, position + 16);
    memoryBytes.copyWithin(
      Place.secondTail,
      position + SECOND_BYTES - 16,
      position + SECOND_BYTES,
    );
    this.#second.set(memoryBytes.subarray(Place.second, Place.secondTail + 16));
    this.#secondMs = secondMs;
    return true;
  }
}

/** Whose constants and second stand in the memory. */
let memoryOwner: LineScanner | undefined;

const SECOND_BYTES = 19;
const SEPARATORS = [[4, 0x2d], [7, 0x2d], [13, 0x3a], [16, 0x3a]] as const;
const SECOND = /^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d$/;
