/**
 * Measures what is read back: ranges of windows, merged. `deno task bench:history --lines
 * 25920000`, which are errors here, 300 a window of 30 s: 30 days. Prints the tables of
 * docs/PERFORMANCE.md.
 *
 * @module
 */
import { join } from "node:path";
import { systemClock } from "../analyzer/clock.ts";
import { SqliteWindowHistory } from "../analyzer/deno/sqlite_window_history.ts";
import { summarizeRange } from "../analyzer/history/range_summary.ts";
import { windowsByStep } from "../analyzer/history/windows_by_step.ts";
import { DistinctCounter } from "../analyzer/sketch/distinct_counter.ts";
import type { ClosedWindow } from "../analyzer/window/window_summary.ts";
import { inDirectory } from "./harness/analyzer.ts";
import { median, table } from "./harness/measure.ts";
import { type BenchOptions, runSections } from "./harness/options.ts";

const LENGTH_MS = 30_000;
const ERRORS_A_WINDOW = 300;
const STATUSES = [404, 500, 503];
const CLIENTS = 5000;
const URLS = 1000;
const HOUR_MS = 60 * 60 * 1000;
/** 2025-05-01T00:00:00Z */
const START_MS = 1_746_057_600_000;

/** A window whose errors are spread over clients and URLs by a fixed rule. */
function closedWindow(index: number): ClosedWindow {
  let seed = index + 1;
  const next = (below: number) => {
    seed = Math.imul(seed ^ (seed >>> 15), 0x2c1b3c6d) + 0x9e3779b9 | 0;
    return (seed >>> 8) % below;
  };
  const all = new DistinctCounter();
  const statuses = STATUSES.map((status) => {
    const ips = new DistinctCounter();
    const counts = new Map<string, number>();
    const errorCount = ERRORS_A_WINDOW / STATUSES.length;
    for (let i = 0; i < errorCount; i++) {
      const client = next(CLIENTS);
      ips.add(Math.imul(client, 0x9e3779b1) >>> 0, Math.imul(client, 0x85ebca6b) >>> 0);
      const url = `/resource/${Math.min(next(URLS), next(URLS))}/page?from=search`;
      counts.set(url, (counts.get(url) ?? 0) + 1);
    }
    all.merge(ips);
    const urls = [...counts].sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1))
      .map(([url, count]) => ({ url, count, countErrorMax: 0 }));
    const summary = {
      status,
      errorCount,
      uniqueIps: { count: ips.count(), isExact: true },
      urls,
      urlsTotal: { count: urls.length, isExact: true },
    };
    return { summary, sketch: ips.toBytes() };
  });
  return {
    startMs: START_MS + index * LENGTH_MS,
    lengthMs: LENGTH_MS,
    state: "closed",
    totalCount: 10 * ERRORS_A_WINDOW,
    errorCount: ERRORS_A_WINDOW,
    uniqueIps: { count: all.count(), isExact: true },
    lateCount: 0,
    lateErrorCount: 0,
    statuses: statuses.map(({ summary }) => summary),
    ipSketches: statuses.map(({ sketch }) => sketch),
  };
}

interface Measured {
  readonly ms: number;
  /** The longest that others had to wait. */
  readonly pieceMs: number;
  readonly pieces: number;
}

/** How long an answer takes, with a turn where it pauses. */
async function measure<Yielded, Result>(
  pieces: Generator<Yielded, Result>,
  check: (result: Result) => void,
): Promise<Measured> {
  let [count, longest] = [1, 0];
  const started = performance.now();
  let at = started;
  for (;;) {
    const step = pieces.next();
    longest = Math.max(longest, performance.now() - at);
    if (step.done === true) {
      check(step.value);
      return { ms: performance.now() - started, pieceMs: longest, pieces: count };
    }
    if (step.value !== undefined) continue;
    await systemClock.turn();
    at = performance.now();
    count++;
  }
}

function ranges({ lines, runs }: BenchOptions): Promise<string> {
  return inDirectory(async (directory) => {
    const windows = Math.round(lines / ERRORS_A_WINDOW);
    const path = join(directory, "windows.db");
    using history = new SqliteWindowHistory(path, LENGTH_MS);
    const timesMs: number[] = [];
    for (let i = 0; i < windows; i++) {
      const window = closedWindow(i);
      const started = performance.now();
      history.put(window);
      timesMs.push(performance.now() - started);
      if (i % 1000 === 999) history.commit((i + 1) / 1000);
    }
    history.commit(Math.floor(windows / 1000) + 1);
    const pieceMs: number[] = [];
    const startedRollUp = performance.now();
    for (let isIdle = false; !isIdle;) {
      const started = performance.now();
      history.rollUp();
      pieceMs.push(performance.now() - started);
      isIdle = pieceMs.at(-1)! < 0.1;
    }
    const rollUpMs = performance.now() - startedRollUp;
    const bytes = Deno.statSync(path).size;
    console.log(
      `${windows} windows, ${(bytes / 1e6).toFixed(0)} MB; put: median ${
        (1000 * median(timesMs)).toFixed(0)
      } µs; roll-ups: ${rollUpMs.toFixed(0)} ms in all, ${pieceMs.length} pieces, longest ${
        Math.max(...pieceMs).toFixed(1)
      } ms`,
    );
    const endMs = START_MS + windows * LENGTH_MS;
    const days = (days: number) => Math.max(START_MS, endMs - days * 24 * HOUR_MS);
    const summary = (fromMs: number, toMs: number) => () =>
      measure(summarizeRange(history.ranges, { fromMs, toMs, urlsMax: 20 }), (summary) => {
        if (summary.errorCount !== summary.windows * ERRORS_A_WINDOW) throw new Error("wrong sum");
      });
    const steps = (stepMs: number, fromMs: number, urlsMax = 20) => () =>
      measure(
        windowsByStep(history.ranges, {
          stepMs,
          fromMs,
          toMs: endMs,
          beforeMs: Infinity,
          limit: 1000,
          urlsMax,
          closedUpToMs: endMs,
        }),
        () => {},
      );
    const answers: Record<string, () => Promise<Measured>> = {
      "summary, all": summary(START_MS, endMs),
      "summary, all but 10 min at each end": summary(START_MS + 570_000, endMs - 630_000),
      "summary, 7 days": summary(days(7), endMs),
      "summary, 24 hours": summary(days(1) + LENGTH_MS, endMs),
      "summary, 1 hour": summary(endMs - HOUR_MS, endMs),
      "step=1d, all": steps(24 * HOUR_MS, START_MS),
      "step=6h, all": steps(6 * HOUR_MS, START_MS),
      "step=6h, all, urls=0": steps(6 * HOUR_MS, START_MS, 0),
      "step=1h, all": steps(HOUR_MS, START_MS),
      "step=1h, all, urls=0": steps(HOUR_MS, START_MS, 0),
      "step=15m, 7 days": steps(HOUR_MS / 4, days(7)),
      "step=5m, 24 hours": steps(HOUR_MS / 12, days(1)),
      "step=1m, 6 hours": steps(HOUR_MS / 60, endMs - 6 * HOUR_MS),
    };
    const rows: string[][] = [];
    for (const [name, answer] of Object.entries(answers)) {
      const results: Measured[] = [];
      for (let run = 0; run < runs; run++) results.push(await answer());
      const times = results.map(({ ms }) => ms);
      rows.push([
        name,
        median(times).toFixed(0),
        `${Math.min(...times).toFixed(0)} to ${Math.max(...times).toFixed(0)}`,
        String(results[0]!.pieces),
        Math.max(...results.map(({ pieceMs }) => pieceMs)).toFixed(1),
      ]);
    }
    const memory = Deno.memoryUsage();
    console.log(`memory: ${(memory.rss / 1e6).toFixed(0)} MB`);
    const head = ["answer", "ms", "spread", "pieces", "longest piece, ms"];
    return table([head, ...rows]);
  });
}

await runSections({ ranges }, Deno.args);
