import type { MemoryLogFiles, MemoryWriter } from "../support/memory_log_files.ts";
import type { Mulberry32 } from "../support/mulberry32.ts";

/** A server's log on a file system that outlives the analyzer: written to, and rotated. */
export class SimulatedLog {
  readonly #random: Mulberry32;
  readonly #files: MemoryLogFiles;
  readonly #text: string;
  #writer: MemoryWriter;
  #written = 0;
  #rotations = 0;

  /** @param isWhole whether all of it is there from the beginning */
  constructor(random: Mulberry32, files: MemoryLogFiles, text: string, isWhole: boolean) {
    this.#random = random;
    this.#files = files;
    this.#text = text;
    this.#writer = files.create(LOG_PATH);
    files.readBytesMax = random.pick([7, 100, Infinity]);
    if (isWhole) this.write(Infinity);
  }

  get isDone(): boolean {
    return this.#written === this.#text.length;
  }

  /** Writes the next characters, whole lines or not. */
  write(count: number): void {
    const text = this.#text.slice(this.#written, this.#written + count);
    this.#written += text.length;
    this.#writer.append(text);
  }

  /** Gives the log another name and begins a new one, or copies and empties it. */
  rotate(): void {
    // A log that is empty, or ends in the middle of a line, is let alone: what a rotation does to
    // these has tests of its own.
    const isBetweenLines = this.#text[this.#written - 1] === "\n";
    if (!isBetweenLines || this.isDone) return;
    const to = `${LOG_PATH}.${++this.#rotations}`;
    if (this.#random.next() < 0.5) {
      this.#files.rename(LOG_PATH, to);
      this.#writer = this.#files.create(LOG_PATH);
    } else {
      this.#files.copy(LOG_PATH, to);
      this.#files.truncate(LOG_PATH);
    }
  }
}

/** Where the log is. */
export const LOG_PATH = "/logs/access.log";
