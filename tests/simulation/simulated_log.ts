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
  /** Characters that the log holds since it was last empty. */
  #length = 0;
  /** Whether anybody has read of it since, and enough to tell it from another. */
  #isSeen = false;

  /** @param isWhole whether all of it is there from the beginning */
  constructor(random: Mulberry32, files: MemoryLogFiles, text: string, isWhole: boolean) {
    this.#random = random;
    this.#files = files;
    this.#text = text;
    this.#writer = files.create(LOG_PATH);
    files.readBytesMax = random.pick([7, 100, Infinity]);
    files.fault = (operation, path) => {
      this.#isSeen ||= operation === "read" && path === LOG_PATH && this.#length > TELLING;
    };
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
    this.#length += text.length;
  }

  /** Gives the log another name and begins a new one, or copies and empties it. */
  rotate(): void {
    // A log that is empty, or ends in the middle of a line, is let alone: what a rotation does to
    // these has tests of its own.
    const isBetweenLines = this.#text[this.#written - 1] === "\n";
    if (!isBetweenLines || this.isDone) return;
    const to = `${LOG_PATH}.${++this.#rotations}`;
    // What is copied and emptied before anybody could tell it is not missed by anybody.
    if (this.#random.next() < 0.5 || !this.#isSeen) {
      this.#files.rename(LOG_PATH, to);
      this.#writer = this.#files.create(LOG_PATH);
    } else {
      this.#files.copy(LOG_PATH, to);
      this.#files.truncate(LOG_PATH);
    }
    this.#isSeen = false;
    this.#length = 0;
  }
}

/** After so many characters a line's time has come, in which it differs from others. */
const TELLING = 200;

/** Where the log is. */
export const LOG_PATH = "/logs/access.log";
