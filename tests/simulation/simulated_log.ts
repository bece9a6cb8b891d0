import type { MemoryLogFiles, MemoryWriter } from "../support/memory_log_files.ts";
import type { Mulberry32 } from "../support/mulberry32.ts";

/** A server's log on a file system that outlives the analyzer: written to, and rotated. */
export class SimulatedLog {
  readonly #random: Mulberry32;
  readonly #files: MemoryLogFiles;
  readonly #text: string;
  readonly #nowMs: () => number;
  /** A CSV header, or nothing: what each file begins with. */
  readonly #header: string;
  /** The writer of a file that was renamed, as long as the server has not opened the new one. */
  #behind: { readonly writer: MemoryWriter; readonly untilMs: number } | undefined;
  #writer: MemoryWriter;
  /** The writer of the file that was renamed last. */
  #old: MemoryWriter | undefined;
  #written = 0;
  /** Characters that the log holds since it was last empty. */
  #length = 0;
  /** Whether anybody has read of it since, and enough to tell it from another. */
  #isSeen = false;

  constructor(
    random: Mulberry32,
    files: MemoryLogFiles,
    text: string,
    options: {
      /** Whether all of it is there from the beginning. */
      readonly isWhole: boolean;
      /** A clock that nobody sets. */
      readonly nowMs: () => number;
    },
  ) {
    this.#random = random;
    this.#files = files;
    this.#text = text;
    this.#nowMs = options.nowMs;
    this.#header = options.isWhole ? "" : random.pick(["", CSV_HEADER]);
    this.#writer = files.create(LOG_PATH);
    this.#writer.append(this.#header);
    files.readBytesMax = random.pick([7, 100, Infinity]);
    files.fault = (operation, path) => {
      this.#isSeen ||= operation === "read" && path === LOG_PATH && this.#length > TELLING;
    };
    if (options.isWhole) this.write(Infinity);
  }

  get isDone(): boolean {
    return this.#written === this.#text.length;
  }

  /** Writes the next characters, whole lines or not; to a file that was renamed whole ones only. */
  write(count: number): void {
    // Servers go on with the old file, for less than a second.
    if (this.#behind !== undefined && this.#nowMs() >= this.#behind.untilMs) {
      this.#behind = undefined;
    }
    // Somebody ends a request there much later: nothing is promised but that it does no harm.
    if (this.#behind === undefined && this.#random.next() < 0.3) this.#old?.append("\n");
    const end = this.#behind === undefined
      ? this.#written + count
      : this.#text.indexOf("\n", this.#written + count - 1) + 1 || Infinity;
    const text = this.#text.slice(this.#written, end);
    this.#written += text.length;
    (this.#behind?.writer ?? this.#writer).append(text);
    if (this.#behind === undefined) this.#length += text.length;
  }

  /**
   * Gives the log another name and begins a new one, or copies and empties it; false where nobody
   * would. What a rotation does to half a line has tests of its own.
   */
  rotate(): boolean {
    const isBetweenLines = this.#written === 0 || this.#text[this.#written - 1] === "\n";
    if (!isBetweenLines) this.write(this.#text.indexOf("\n", this.#written) + 1 - this.#written);
    // Nobody rotates again before the server has opened the new file.
    if (this.isDone || this.#behind !== undefined) return false;
    this.#moveNamesUp();
    const to = `${LOG_PATH}.1`;
    // What is copied and emptied before anybody could tell it is not missed by anybody.
    if (this.#random.next() < 0.5 || !this.#isSeen) {
      const writer = this.#writer;
      this.#files.rename(LOG_PATH, to);
      this.#writer = this.#files.create(LOG_PATH);
      this.#writer.append(this.#header);
      this.#old = writer;
      if (this.#random.next() < 0.5) this.#behind = { writer, untilMs: this.#nowMs() + BEHIND_MS };
    } else {
      this.#files.copy(LOG_PATH, to);
      this.#files.truncate(LOG_PATH);
    }
    this.#isSeen = false;
    this.#length = 0;
    return true;
  }

  /** As logrotate does: the latest is number 1, and nothing is ever deleted. */
  #moveNamesUp(): void {
    const paths = this.#files.paths();
    let last = 0;
    while (paths.includes(`${LOG_PATH}.${last + 1}`)) last++;
    for (let i = last; i > 0; i--) this.#files.rename(`${LOG_PATH}.${i}`, `${LOG_PATH}.${i + 1}`);
  }
}

/** How long a server goes on with the old file; 1 s is promised (S-59). */
const BEHIND_MS = 900;

const CSV_HEADER = "timestamp,ip,method,url,status\n";

/** After so many characters a line's time has come, in which it differs from others. */
const TELLING = 200;

/** Where the log is. */
export const LOG_PATH = "/logs/access.log";
