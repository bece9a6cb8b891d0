import { type Clock, systemClock, whenAborted } from "../clock.ts";
import { counted } from "../counted.ts";

/** What the terminal writes to: `Deno.stdout`, or a stand-in. */
export interface AsyncWriter {
  /** Writes some of the bytes, at least one, and says how many; waits where there is no room. */
  write(bytes: Uint8Array): Promise<number>;
}

/** The two streams of a terminal and the facts about them. */
export interface TerminalOptions {
  /** Takes what is printed. */
  readonly stdout: AsyncWriter;
  /** Takes notices and the status line. */
  readonly stderr: AsyncWriter;
  /** Whether both streams are terminals, so that a status line can stay below the output. */
  readonly isInteractive: boolean;
  /** Whether colours are wanted. */
  readonly color: boolean;
  /** Width of the terminal, in columns, now. */
  readonly columns: () => number;
  readonly clock: Clock;
  /** Aborted when the program is to end: from then on nobody waits for a reader for long. */
  readonly signal: AbortSignal;
  /** Called once, when one of the streams turns out to take nothing more, for whatever reason. */
  readonly onLost: () => void;
}

/**
 * The owner of standard output and standard error. On a terminal the status line stays below all
 * other output; else there is none, and no cursor movement.
 *
 * Everything goes through one queue, so the two streams keep their order. A reader that stays but
 * does not read (a paused pager, Ctrl-S) holds up only who waits for the promise of
 * {@linkcode Terminal.print}. What would go to a stream that takes nothing more is dropped.
 */
export class Terminal {
  /** Whether there is a status line. */
  readonly isInteractive: boolean;
  /** Whether colours are wanted; never where there is no terminal. */
  readonly color: boolean;
  readonly #options: TerminalOptions;
  readonly #stopping: Promise<void>;
  readonly #queue: Entry[] = [];
  #queuedBytes = 0;
  #leftOutCount = 0;
  #status = "";
  #shownStatus = "";
  /** Settles when nothing is left to write; `undefined` while that is so. */
  #writing: Promise<void> | undefined;
  /** Resolves once there is room in the queue; `undefined` where nobody waits for that. */
  #room: PromiseWithResolvers<void> | undefined;
  #isPatient = true;
  readonly #lost = new Set<AsyncWriter>();
  #failure: { readonly exception: unknown } | undefined;

  /** A terminal on the given streams; {@linkcode Terminal.open} takes those of this process. */
  constructor(options: TerminalOptions) {
    const { clock, signal } = options;
    this.#options = options;
    this.isInteractive = options.isInteractive;
    this.color = options.isInteractive && options.color;
    this.#stopping = whenAborted(signal);
    this.#stopping.then(() => clock.schedule(() => this.#losePatience(), STOP_WAIT_MS));
  }

  /** The streams of this process. */
  static open(signal: AbortSignal, onLost: () => void): Terminal {
    return new Terminal({
      stdout: Deno.stdout,
      stderr: Deno.stderr,
      isInteractive: Deno.stdout.isTerminal() && Deno.stderr.isTerminal(),
      color: !Deno.noColor,
      // Some pseudo-terminals do not know their size and say 0.
      columns: () => Deno.consoleSize().columns || COLUMNS_DEFAULT,
      clock: systemClock,
      signal,
      onLost,
    });
  }

  /** Width of the terminal, in columns, now; a usual one where there is no terminal. */
  get columns(): number {
    return this.isInteractive ? this.#options.columns() : COLUMNS_DEFAULT;
  }

  /**
   * Writes whole lines, with their line ends, to standard output.
   *
   * @returns where more than 1 MiB waits to be written, a promise of room, which never rejects:
   *   who prints a lot waits for it. It is kept 750 ms after the stop at the latest; what is
   *   printed without room from then on is left out.
   */
  print(text: string): Promise<void> | void {
    if (!this.#isPatient && !this.#hasRoom) return this.#leaveOut();
    this.#enqueue(this.#options.stdout, text);
    if (!this.#isPatient || this.#hasRoom) return;
    this.#room ??= Promise.withResolvers();
    return this.#room.promise;
  }

  /**
   * Writes one line, without its line end, to standard error. Where there is no room it is left
   * out; a line in its place tells how many were.
   */
  notice(line: string): void {
    if (this.#hasRoom) this.#enqueue(this.#options.stderr, `${line}\n`);
    else this.#leaveOut();
  }

  /**
   * Replaces the status line; an empty one removes it, as is due before the program ends. It is
   * drawn when everything else is written: of several meanwhile only the last is ever seen.
   */
  setStatus(line: string): void {
    if (!this.isInteractive) return;
    this.#status = line;
    this.#wake();
  }

  /**
   * Waits until everything is written; once the program is to end, 250 ms at most.
   *
   * @returns whether everything is written, as far as there is anybody to take it
   * @throws what a stream has thrown, other than that its reader has gone away
   */
  async flush(): Promise<boolean> {
    const late = Promise.withResolvers<void>();
    let isOver = false;
    let cancel = () => {};
    this.#stopping.then(() => {
      if (!isOver) cancel = this.#options.clock.schedule(late.resolve, FLUSH_WAIT_MS);
    });
    await Promise.race([this.#writing, late.promise]);
    isOver = true;
    cancel();
    if (this.#failure !== undefined) throw this.#failure.exception;
    return this.#writing === undefined;
  }

  get #hasRoom(): boolean {
    return this.#queuedBytes <= QUEUE_BYTES_MAX;
  }

  #enqueue(writer: AsyncWriter, text: string): void {
    if (this.#lost.has(writer)) return;
    const bytes = ENCODER.encode(text);
    this.#queue.push({ writer, bytes });
    this.#queuedBytes += bytes.length;
    this.#wake();
  }

  #leaveOut(): void {
    if (this.#leftOutCount++ === 0) this.#queue.push("left out");
  }

  #losePatience(): void {
    this.#isPatient = false;
    this.#room?.resolve();
  }

  #wake(): void {
    this.#writing ??= this.#writeQueue();
  }

  async #writeQueue(): Promise<void> {
    const { stderr } = this.#options;
    // What is called in one go is there together when writing begins.
    await undefined;
    for (;;) {
      const entry = this.#queue.shift();
      if (entry !== undefined) {
        if (this.#shownStatus !== "") {
          this.#shownStatus = "";
          await this.#write(stderr, ENCODER.encode(CLEAR_LINE));
        }
        if (entry === "left out") {
          const messages = counted(this.#leftOutCount, "message");
          this.#leftOutCount = 0;
          await this.#write(stderr, ENCODER.encode(`${messages} left out: nobody read in time\n`));
        } else {
          await this.#write(entry.writer, entry.bytes);
          this.#queuedBytes -= entry.bytes.length;
        }
        if (this.#hasRoom) {
          this.#room?.resolve();
          this.#room = undefined;
        }
      } else if (this.#shownStatus !== this.#status) {
        const line = this.#shownStatus = this.#status;
        await this.#write(stderr, ENCODER.encode(line === "" ? CLEAR_LINE : drawStatus(line)));
      } else {
        // In the same go as the last look at the queue: what comes after it starts anew.
        this.#writing = undefined;
        return;
      }
    }
  }

  async #write(writer: AsyncWriter, bytes: Uint8Array): Promise<void> {
    if (this.#lost.has(writer)) return;
    try {
      for (let written = 0; written < bytes.length;) {
        written += await this.#writeSome(writer, bytes.subarray(written));
      }
    } catch (exception) {
      this.#lost.add(writer);
      if (!(exception instanceof Deno.errors.BrokenPipe)) this.#failure ??= { exception };
      if (this.#lost.size === 1) this.#options.onLost();
    }
  }

  async #writeSome(writer: AsyncWriter, bytes: Uint8Array): Promise<number> {
    try {
      return await writer.write(bytes);
    } catch (exception) {
      // Another process that shares the stream may have made it non-blocking; then wait here, as
      // the write itself would have done.
      if (!(exception instanceof Deno.errors.WouldBlock)) throw exception;
      const { clock } = this.#options;
      await new Promise<void>((resolve) => clock.schedule(resolve, RETRY_MS));
      return 0;
    }
  }
}

/** Something to write, or the place of the line that tells how many messages were left out. */
type Entry = { readonly writer: AsyncWriter; readonly bytes: Uint8Array } | "left out";

/** As long as more than this waits to be written there is no room. */
const QUEUE_BYTES_MAX = 1024 * 1024;

/** How long after the stop a promise of room is still waited for; with the next, one second. */
const STOP_WAIT_MS = 750;

/** How long the end of a program that is stopped waits for what is queued. */
const FLUSH_WAIT_MS = 250;

/** Time between two attempts at a stream that would block. */
const RETRY_MS = 10;

const COLUMNS_DEFAULT = 80;
const ENCODER = new TextEncoder();

const CLEAR_LINE = "\r\x1b[K";

/** Wrapping is off meanwhile: a line that became too long when the window shrank stays one line. */
function drawStatus(line: string): string {
  return `\r\x1b[?7l${line}\x1b[K\x1b[?7h`;
}
