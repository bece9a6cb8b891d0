/**
 * Measures what is read back. `deno task bench:history --only ranges --lines 25920000`: ranges of
 * windows, merged; the lines are errors, 300 a window of 30 s, so those are 30 days. `--only errors
 * --lines 100000000`: so many stored errors of one day, which takes 10 GB of disk. Prints the
 * tables of docs/PERFORMANCE.md.
 *
 * @module
 */
import { join } from "node:path";
import { systemClock } from "../analyzer/clock.ts";
import { DirectoryStorage } from "../analyzer/deno/directory_storage.ts";
import { SqliteWindowHistory } from "../analyzer/deno/sqlite_window_history.ts";
import { ErrorSearch } from "../analyzer/history/error_search.ts";
import { summarizeRange } from "../analyzer/history/range_summary.ts";
import { windowsByStep } from "../analyzer/history/windows_by_step.ts";
import { DEFAULT_LIMITS, LimitCounter } from "../analyzer/limits.ts";
import { listErrorFiles } from "../analyzer/sink/error_files.ts";
import { ErrorIndex } from "../analyzer/sink/error_index.ts";
import type { AppendFile } from "../analyzer/sink/storage.ts";
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
      if (i % 1000 === 999) history.commit((i + 1) / 1000, window.startMs);
    }
    history.commit(Math.floor(windows / 1000) + 1, Date.now());
    const bytesOfWindows = Deno.statSync(path).size;
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
      `${windows} windows, ${(bytesOfWindows / 1e6).toFixed(0)} MB, with roll-ups ${
        (bytes / 1e6).toFixed(0)
      } MB; put: median ${(1000 * median(timesMs)).toFixed(0)} µs; roll-ups: ${
        rollUpMs.toFixed(0)
      } ms in all, ${pieceMs.length} pieces, longest ${Math.max(...pieceMs).toFixed(1)} ms`,
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

/** One day with so many errors, in files as a run leaves them; and queries for parts of it. */
function errors({ lines, runs }: BenchOptions): Promise<string> {
  return inDirectory(async (directory) => {
    const windows = 24 * HOUR_MS / LENGTH_MS;
    const errorsAWindow = Math.ceil(lines / windows);
    const path = join(directory, "windows.db");
    const storage = new DirectoryStorage(directory);
    {
      using history = new SqliteWindowHistory(path, LENGTH_MS);
      await writeErrorFiles(storage, new ErrorIndex([], history, LENGTH_MS), errorsAWindow);
      history.commit(1, Date.now());
    }
    const startedAt = performance.now();
    using history = new SqliteWindowHistory(path, LENGTH_MS);
    const index = new ErrorIndex(await listErrorFiles(storage), history, LENGTH_MS);
    const startMs = performance.now() - startedAt;
    let readBytes = 0;
    const files = {
      async readPiece(path: string, startBytes: number, endBytes: number) {
        const bytes = await storage.readPiece(path, startBytes, endBytes);
        readBytes += bytes?.length ?? 0;
        return bytes;
      },
    };
    const limits = DEFAULT_LIMITS;
    const search = new ErrorSearch({
      files,
      index,
      windowLengthMs: LENGTH_MS,
      limits,
      limitCounter: new LimitCounter(),
      monotonicMs: nowMs,
    });
    const at = (window: number) => ({
      fromMs: START_MS + window * LENGTH_MS,
      toMs: START_MS + (window + 1) * LENGTH_MS,
    });
    const page = { limit: 100 };
    const queries: Record<string, (run: number) => Promise<number>> = {
      "newest 100": async () => (await search.find(page)).errors.length,
      "one window, 100": async (run) =>
        (await search.find({ ...at(501 * run % windows), ...page })).errors.length,
      "one window, 1,000": async (run) =>
        (await search.find({ ...at(502 * run % windows), limit: 1000 })).errors.length,
      "one window, one URL": async (run) =>
        (await search.find({ ...at(503 * run % windows), url: "/resource/7", ...page })).errors
          .length,
      "one window, a text that is not there": async (run) =>
        (await search.find({ ...at(504 * run % windows), text: "not there", ...page })).errors
          .length,
      "one window, a status that is not there": async (run) =>
        (await search.find({ ...at(505 * run % windows), status: 599, ...page })).errors.length,
      "the day, a text that is not there (64 MiB of it)": async () =>
        (await search.find({ text: "not there", ...page })).errors.length,
      "clients of one URL in one window": async (run) =>
        (await search.countClients({ ...at(506 * run % windows), urls: ["/resource/7"] }))
          .clients[0]!.count,
    };
    const rows: string[][] = [];
    for (const [name, query] of Object.entries(queries)) {
      const times: number[] = [];
      let found = 0;
      readBytes = 0;
      for (let run = 0; run < runs; run++) {
        const started = performance.now();
        found += await query(run);
        times.push(performance.now() - started);
      }
      rows.push([
        name,
        median(times).toFixed(0),
        `${Math.min(...times).toFixed(0)} to ${Math.max(...times).toFixed(0)}`,
        (readBytes / runs / 1e6).toFixed(1),
        (found / runs).toFixed(0),
      ]);
    }
    console.log(
      `${(windows * errorsAWindow / 1e6).toFixed(1)} million errors; start: ${
        startMs.toFixed(0)
      } ms; memory: ${(Deno.memoryUsage().rss / 1e6).toFixed(0)} MB`,
    );
    return table([["query", "ms", "spread", "MB read", "found"], ...rows]);
  });
}

const nowMs = () => performance.now();

async function writeErrorFiles(
  storage: DirectoryStorage,
  index: ErrorIndex,
  errorsAWindow: number,
): Promise<void> {
  const encoder = new TextEncoder();
  let part = 0;
  let bytes = Infinity;
  let path = "";
  let file: AppendFile | undefined;
  for (let window = 0; window < 24 * HOUR_MS / LENGTH_MS; window++) {
    const windowMs = START_MS + window * LENGTH_MS;
    const timestamp = new Date(windowMs).toISOString();
    for (let from = 0; from < errorsAWindow; from += ERRORS_A_BATCH) {
      const to = Math.min(errorsAWindow, from + ERRORS_A_BATCH);
      let text = "";
      for (let i = from; i < to; i++) {
        text += `{"timestamp":"${timestamp}","ip":"10.${i & 255}.${i >> 8 & 255}.${
          window & 255
        }","method":"GET","url":"/resource/${i % 1000}","status":${STATUSES[i % 3]}}\n`;
      }
      if (bytes >= DEFAULT_LIMITS.errorFileBytes) {
        if (path !== "") index.close(path);
        file?.close();
        path = `errors/date=2025-05-01/part-${String(++part).padStart(6, "0")}.jsonl`;
        file = await storage.append(path);
        bytes = 0;
      }
      const encoded = encoder.encode(text);
      await file!.write(encoded);
      index.append(path, bytes, bytes + encoded.length, { minMs: windowMs, maxMs: windowMs });
      bytes += encoded.length;
    }
  }
  index.close(path);
  file?.close();
}

const ERRORS_A_BATCH = 2000;

await runSections({ ranges, errors }, Deno.args);
