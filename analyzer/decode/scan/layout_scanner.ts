import type { CsvLayout } from "../record_batch.ts";
import { type Layout, learnLayout } from "./layout.ts";
import { LineScanner, type RowSink } from "./line_scanner.ts";

/**
 * Reads the lines of one input by the layouts that it has learned from them. Where several servers
 * or formats share a stream, each line is read by the layout it follows: the one of the line
 * before is tried first.
 */
export class LayoutScanner {
  /** The one that read the last line comes first. */
  readonly #known: LineScanner[] = [];
  /** Lines that could not be read until the next one is looked at closely. */
  #restLines = 0;
  #restLinesNext = 1;

  /**
   * Reads lines from `position` on until one follows no known layout, or the batch is full; the
   * parameters and the result are those of {@linkcode LineScanner.scan}.
   */
  scan(position: number, end: number, rows: RowSink): number {
    const known = this.#known;
    let i = 0;
    while (position < end && i < known.length && !rows.isStopped) {
      const next = known[i]!.scan(position, end, rows);
      if (next === position) {
        i++;
        continue;
      }
      position = next;
      [known[0], known[i]] = [known[i]!, known[0]!];
      // It has stopped at a line of another layout: no need to ask it about that one again.
      i = 1;
    }
    return position;
  }

  /**
   * Looks at a record that {@linkcode scan} has left over, to read the next one like it.
   *
   * Looking costs more than parsing. Where it brings nothing (escapes, layouts that never repeat),
   * it is done more and more rarely.
   *
   * @param line without its line end
   */
  learn(line: () => string, csv: CsvLayout | undefined): void {
    if (this.#restLines > 0) {
      this.#restLines--;
      return;
    }
    const layout = learnLayout(line(), csv);
    const isNew = layout !== undefined &&
      !this.#known.some((known) => known.layout.signature === layout.signature);
    if (isNew && this.#known.length < LAYOUTS_MAX) {
      this.#restLinesNext = 1;
    } else {
      this.#restLines = this.#restLinesNext;
      this.#restLinesNext = Math.min(2 * this.#restLinesNext, REST_LINES_MAX);
    }
    if (!isNew) return;
    if (this.#known.length === LAYOUTS_MAX) this.#known.pop();
    this.#known.unshift(scannerFor(layout));
  }

  /** Forgets the layouts of CSV: a header has given their columns another meaning. */
  forgetCsv(): void {
    const kept = this.#known.filter(({ layout }) => layout.format === "json");
    this.#known.splice(0, this.#known.length, ...kept);
  }
}

/**
 * A scanner for the layout, the same one for all inputs: connections that come and go need not
 * compile what others have compiled.
 */
function scannerFor(layout: Layout): LineScanner {
  const scanner = SCANNERS.get(layout.signature) ?? new LineScanner(layout);
  // The map's order is that of the last uses.
  SCANNERS.delete(layout.signature);
  SCANNERS.set(layout.signature, scanner);
  if (SCANNERS.size > SCANNERS_MAX) SCANNERS.delete(SCANNERS.keys().next().value!);
  return scanner;
}

/** By signature. */
const SCANNERS = new Map<string, LineScanner>();

const SCANNERS_MAX = 64;

/** Layouts known at a time; each costs a compilation and, where it does not fit, a comparison. */
const LAYOUTS_MAX = 8;

/** Looking costs as much as parsing a line or two: at one line in so many it is not felt. */
const REST_LINES_MAX = 64;
