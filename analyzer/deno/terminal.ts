/** What the terminal writes to: `Deno.stdout`, or a stand-in. */
export interface SyncWriter {
  /** Writes some of the bytes, at least one, and says how many. */
  writeSync(bytes: Uint8Array): number;
}

/** The two streams of a terminal and the facts about them. */
export interface TerminalOptions {
  /** Takes what is printed. */
  readonly stdout: SyncWriter;
  /** Takes notices and the status line. */
  readonly stderr: SyncWriter;
  /** Whether both streams are terminals, so that a status line can stay below the output. */
  readonly isInteractive: boolean;
  /** Whether colours are wanted. */
  readonly color: boolean;
  /** Width of the terminal, in columns, now. */
  readonly columns: () => number;
  /** Called once, when the reader of one of the streams turns out to have gone away. */
  readonly onBrokenPipe: () => void;
}

/**
 * The owner of standard output and standard error. On a terminal the status line stays below all
 * other output; else there is none, and no cursor movement.
 *
 * Every write is complete when the call returns, so the two streams keep their order. What would go
 * to a reader that went away is dropped: nobody is there to miss it.
 */
export class Terminal {
  /** Whether there is a status line. */
  readonly isInteractive: boolean;
  /** Whether colours are wanted; never where there is no terminal. */
  readonly color: boolean;
  readonly #options: TerminalOptions;
  readonly #gone = new Set<SyncWriter>();
  #status = "";

  /** A terminal on the given streams; {@linkcode Terminal.open} takes those of this process. */
  constructor(options: TerminalOptions) {
    this.#options = options;
    this.isInteractive = options.isInteractive;
    this.color = options.isInteractive && options.color;
  }

  /** The streams of this process. */
  static open(onBrokenPipe: () => void): Terminal {
    return new Terminal({
      stdout: Deno.stdout,
      stderr: Deno.stderr,
      isInteractive: Deno.stdout.isTerminal() && Deno.stderr.isTerminal(),
      color: !Deno.noColor,
      // Some pseudo-terminals do not know their size and say 0.
      columns: () => Deno.consoleSize().columns || COLUMNS_DEFAULT,
      onBrokenPipe,
    });
  }

  /** Width of the terminal, in columns, now; a usual one where there is no terminal. */
  get columns(): number {
    return this.isInteractive ? this.#options.columns() : COLUMNS_DEFAULT;
  }

  /** Writes whole lines, with their line ends, to standard output. */
  print(text: string): void {
    this.#aboveStatus(this.#options.stdout, text);
  }

  /** Writes one line, without its line end, to standard error. */
  notice(line: string): void {
    this.#aboveStatus(this.#options.stderr, `${line}\n`);
  }

  /** Replaces the status line; an empty one removes it, as is due before the program ends. */
  setStatus(line: string): void {
    if (!this.isInteractive || line === this.#status) return;
    this.#status = line;
    this.#write(this.#options.stderr, line === "" ? CLEAR_LINE : drawStatus(line));
  }

  #aboveStatus(writer: SyncWriter, text: string): void {
    if (this.#status === "") {
      this.#write(writer, text);
      return;
    }
    this.#write(this.#options.stderr, CLEAR_LINE);
    this.#write(writer, text);
    this.#write(this.#options.stderr, drawStatus(this.#status));
  }

  #write(writer: SyncWriter, text: string): void {
    if (this.#gone.has(writer)) return;
    try {
      writeAll(writer, ENCODER.encode(text));
    } catch (exception) {
      if (!(exception instanceof Deno.errors.BrokenPipe)) throw exception;
      this.#gone.add(writer);
      if (this.#gone.size === 1) this.#options.onBrokenPipe();
    }
  }
}

const COLUMNS_DEFAULT = 80;
const ENCODER = new TextEncoder();

const CLEAR_LINE = "\r\x1b[K";

/** Wrapping is off meanwhile: a line that became too long when the window shrank stays one line. */
function drawStatus(line: string): string {
  return `\r\x1b[?7l${line}\x1b[K\x1b[?7h`;
}

function writeAll(writer: SyncWriter, bytes: Uint8Array): void {
  for (let written = 0; written < bytes.length;) {
    try {
      written += writer.writeSync(bytes.subarray(written));
    } catch (exception) {
      // Another process that shares the stream may have made it non-blocking; then wait here, as
      // the write itself would have done.
      if (!(exception instanceof Deno.errors.WouldBlock)) throw exception;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
    }
  }
}
