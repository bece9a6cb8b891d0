import { Analyzer, type Metrics } from "../end_to_end/support.ts";
import { type ProcessUsage, processUsage } from "./process_usage.ts";
import type { ResultsChecker } from "./results_checker.ts";
import type { SentLines } from "./sent_lines.ts";

/** What was seen at one scrape. */
export interface Sample {
  /** Since the first scrape. */
  readonly elapsedMs: number;
  /** From the request to the last byte of the answer. */
  readonly latencyMs: number;
  /** Lines that the analyzer had counted. */
  readonly counted: number;
  /** Lines sent that were not counted when the answer came. */
  readonly behind: number;
  /** Of the analyzer; unknown on some systems. */
  readonly usage: ProcessUsage | undefined;
}

/** Scrapes an analyzer at equal intervals, checks every answer, and keeps what it saw. */
export class Watcher {
  readonly #analyzer: Analyzer;
  readonly #sent: SentLines;
  readonly #checker: ResultsChecker;
  readonly #intervalMs: number;
  readonly #startMs = performance.now();
  readonly #samples: Sample[] = [];

  constructor(
    analyzer: Analyzer,
    { sent, checker, intervalMs }: {
      readonly sent: SentLines;
      readonly checker: ResultsChecker;
      readonly intervalMs: number;
    },
  ) {
    this.#analyzer = analyzer;
    this.#sent = sent;
    this.#checker = checker;
    this.#intervalMs = intervalMs;
  }

  /** What was seen so far. */
  get samples(): readonly Sample[] {
    return this.#samples;
  }

  /**
   * Waits for the next scrape, and checks what it brings.
   *
   * @throws {Error} if there is none, or something is wrong with it
   */
  async next(): Promise<Metrics> {
    // An absolute schedule: an answer that takes long does not make scrapes rarer.
    const atMs = this.#startMs + this.#samples.length * this.#intervalMs;
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, atMs - performance.now())));
    const askedAtMs = performance.now();
    const metrics = await this.#analyzer.metrics();
    this.#samples.push({
      elapsedMs: askedAtMs - this.#startMs,
      latencyMs: performance.now() - askedAtMs,
      counted: metrics.totals.lines,
      behind: this.#sent.totals.lines - metrics.totals.lines,
      usage: processUsage(this.#analyzer.program.pid),
    });
    for (const { start } of this.#checker.checkMetrics(metrics)) {
      const path = `/windows/${encodeURIComponent(start)}?urls=1000`;
      this.#checker.checkWindow(await (await this.#analyzer.get(path)).json());
    }
    return metrics;
  }
}
