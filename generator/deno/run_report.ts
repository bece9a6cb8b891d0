import type { Clock } from "../clock.ts";

/** What a report uses of `Deno.stderr`. */
export interface StandardError {
  writeSync(bytes: Uint8Array): number;
  isTerminal(): boolean;
}

/** What standard error tells about a run. All but notices is for terminals only. */
export class RunReport {
  readonly #stderr: StandardError;
  readonly #clock: Clock;
  readonly #startMs: number;
  readonly #over = new AbortController();
  #progressLine = "";

  constructor(stderr: StandardError, clock: Clock) {
    this.#stderr = stderr;
    this.#clock = clock;
    this.#startMs = clock.nowMs();
  }

  /** Writes a line, on a terminal or not; the progress line moves below it. */
  notice(line: string): void {
    this.#write(`${this.#clearing}${line}\n${this.#progressLine}`);
  }

  /** Shows lines so far, rate now and elapsed time, refreshed in place twice a second. */
  startProgress(linesCount: () => number): void {
    if (this.#stderr.isTerminal()) this.#refresh(linesCount);
  }

  /** Ends the progress line and tells what the run did: lines, seconds, achieved rate. */
  end(linesCount: number): void {
    this.#over.abort();
    if (!this.#stderr.isTerminal()) return;
    const elapsedMs = this.#elapsedMs;
    const clearing = this.#clearing;
    this.#progressLine = "";
    this.#write(
      `${clearing}${formatNumber(linesCount)} lines in ${formatNumber(elapsedMs / 1000)} s, ` +
        `${formatNumber(linesCount / (elapsedMs / 1000))} lines/s\n`,
    );
  }

  async #refresh(linesCount: () => number): Promise<void> {
    let [lastCount, lastMs] = [0, this.#elapsedMs];
    while (true) {
      await this.#clock.sleep(REFRESH_MS, this.#over.signal);
      if (this.#over.signal.aborted) return;
      const [count, elapsedMs] = [linesCount(), this.#elapsedMs];
      const rateNow = ((count - lastCount) * 1000) / (elapsedMs - lastMs);
      [lastCount, lastMs] = [count, elapsedMs];
      const clearing = this.#clearing;
      this.#progressLine = `${formatNumber(count)} lines, ${formatNumber(rateNow)} lines/s now, ` +
        `${formatNumber(Math.floor(elapsedMs / 1000))} s`;
      this.#write(clearing + this.#progressLine);
    }
  }

  get #elapsedMs(): number {
    return this.#clock.nowMs() - this.#startMs;
  }

  get #clearing(): string {
    return this.#progressLine === "" ? "" : "\r\x1b[K";
  }

  #write(text: string): void {
    const bytes = new TextEncoder().encode(text);
    try {
      for (let offset = 0; offset < bytes.length;) {
        offset += this.#stderr.writeSync(bytes.subarray(offset));
      }
    } catch {
      // Nobody reads standard error; the lines on standard output matter more.
    }
  }
}

const REFRESH_MS = 500;

function formatNumber(value: number): string {
  numberFormat ??= new Intl.NumberFormat("en-US", { maximumFractionDigits: 1 });
  return numberFormat.format(value);
}

/** Made at the first use: it takes as long as all the rest of the start of a program. */
let numberFormat: Intl.NumberFormat | undefined;
