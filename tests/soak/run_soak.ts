import assert from "node:assert/strict";
import type { WindowJson } from "../../analyzer/window/window_json.ts";
import { formatDuration } from "../../command_line/options.ts";
import {
  Analyzer,
  filesBelow,
  LineServer,
  linesOf,
  type Metrics,
  PROJECT,
  send,
  taskArguments,
} from "../end_to_end/support.ts";
import { LineDigest } from "./line_digest.ts";
import { ResultsChecker } from "./results_checker.ts";
import { SentLines } from "./sent_lines.ts";
import type { SoakFacts } from "./soak_report.ts";
import { type Sample, Watcher } from "./watcher.ts";

/** What a soak is to be like. */
export interface SoakOptions {
  /** How long lines are sent. */
  readonly durationMs: number;
  /** Lines a second. */
  readonly rate: number;
  /** Per cent of status 200, 404 and 500, as the generator wants it. */
  readonly statusDist: string;
  readonly windowLengthMs: number;
  readonly latenessMs: number;
  /** From one scrape to the next. */
  readonly scrapeIntervalMs: number;
  readonly seed: number;
}

/** What a run needs besides its options. */
export interface SoakEnvironment {
  /** For results and state of the analyzer; below the project, where its task may write. */
  readonly directory: string;
  /** Takes a line about how it goes, once a minute. */
  readonly progress?: (line: string) => void;
}

/**
 * Runs generator and analyzer side by side as their tasks do, everything on, and looks at the
 * analyzer again and again: what it says against what it was sent, and what it holds of memory and
 * descriptors. The lines pass through here, so that somebody else than the two counts them.
 *
 * @returns What was seen.
 * @throws {Error} with the reason, as soon as something is wrong
 */
export async function runSoak(
  options: SoakOptions,
  environment: SoakEnvironment,
): Promise<SoakFacts> {
  const { windowLengthMs, latenessMs } = options;
  const { directory } = environment;
  await using server = new LineServer();
  await using analyzer = await Analyzer.start([
    ...["--source", server.source, "--window", formatDuration(windowLengthMs)],
    ...["--lateness", formatDuration(latenessMs), "--idle-timeout", formatDuration(IDLE_MS)],
    ...["--output", `${directory}/output`, "--checkpoint", `${directory}/checkpoint`],
    ...["--output-format", "json"],
  ]);
  try {
    return await soak(analyzer, server, options, environment);
  } catch (exception) {
    const said = analyzer.program.stderr.text.trimEnd();
    throw new Error(`The soak has failed. The analyzer had said:\n${said}`, { cause: exception });
  }
}

async function soak(
  analyzer: Analyzer,
  server: LineServer,
  options: SoakOptions,
  { directory, progress = () => {} }: SoakEnvironment,
): Promise<SoakFacts> {
  const { rate, windowLengthMs, latenessMs, scrapeIntervalMs: intervalMs } = options;
  const sent = new SentLines({ windowLengthMs, latenessMs, minStatus: 400 });
  const checker = new ResultsChecker(sent);
  const sending = sendGenerated(options, await server.accept(), sent);
  const watcher = new Watcher(analyzer, { sent, checker, intervalMs });
  try {
    await watchWhile(sending, watcher, (sample) => {
      progress(`${describe(sample)}, ${checker.closedCount} windows closed`);
    });
  } catch (exception) {
    server.close();
    // Whatever it says, it is no more than what follows from there being no connection.
    await sending.catch(() => {});
    throw exception;
  }
  const [sendingMs, samples] = [await sending, [...watcher.samples]];

  // The connection is lost for good; the last windows close after a silence.
  server.close();
  const { totals } = await watchUntilClosed(watcher, {
    lines: sent.totals.lines,
    withinMs: windowLengthMs + latenessMs + IDLE_MS + GRACE_MS,
  });
  const windows = await allWindows(analyzer);
  checker.checkEnd(totals, windows);
  const { status, stdout, stderr } = await analyzer.stop();
  assert.equal(status, 0, stderr);
  assert.deepEqual(
    linesOf(stdout).map((line) => JSON.parse(line).start),
    windows.map(({ start }) => start).reverse(),
    "the windows that were printed are not those that are stored",
  );
  const saved = await digestOf(`${directory}/output/errors`);
  assert.equal(saved.toString(), sent.errorLines.toString(), "the error files hold other lines");
  assert.equal(saved.lines, totals.errors);
  return { rate, sendingMs, samples, totals: sent.totals, windows: windows.length };
}

/** The analyzer's default: so long may no lines come before their time goes on without them. */
const IDLE_MS = 5000;

/** How long the end may take beyond what the options make of it. */
const GRACE_MS = 30_000;

/**
 * Passes on what the generator writes, to its end; each line is counted before it is sent.
 *
 * @returns How many ms that took.
 */
async function sendGenerated(
  options: SoakOptions,
  connection: Deno.TcpConn,
  sent: SentLines,
): Promise<number> {
  const { rate, durationMs, statusDist, windowLengthMs, latenessMs, seed } = options;
  const count = Math.round(rate * durationMs / 1000);
  // So far back that the window has closed, whichever moment of it a row is of.
  const lateBy = formatDuration(windowLengthMs + 2 * latenessMs);
  await using generator = new Deno.Command(Deno.execPath(), {
    args: [
      ...[...taskArguments("gen"), "--rate", String(rate), "--count", String(count)],
      ...["--seed", String(seed), "--urls", "1000", "--ips", "5000"],
      ...["--status-dist", statusDist, "--burst", "500:x10@5m/30s"],
      ...["--late", `0.5%@${lateBy}`, "--malformed", "0.1%"],
    ],
    cwd: PROJECT,
    stdin: "null",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  let startMs = NaN;
  for await (const bytes of generator.stdout) {
    if (Number.isNaN(startMs)) startMs = performance.now();
    sent.add(bytes);
    await send(connection, bytes);
  }
  const endMs = performance.now();
  assert.equal((await generator.status).code, 0, "the generator has failed");
  assert.equal(sent.totals.lines, count, "the generator has written another number of lines");
  return endMs - startMs;
}

/**
 * Scrapes until something else is over.
 *
 * @param everyMinute told of the first scrape of each minute
 */
async function watchWhile(
  other: Promise<unknown>,
  watcher: Watcher,
  everyMinute: (sample: Sample) => void,
): Promise<void> {
  let isOver = false;
  const over = () => isOver = true;
  // What it throws is for others; the scrapes are over then.
  other.then(over, over);
  for (let minutes = 1; !isOver;) {
    await watcher.next();
    const sample = watcher.samples.at(-1)!;
    if (sample.elapsedMs < minutes * MINUTE_MS) continue;
    minutes++;
    everyMinute(sample);
  }
}

const MINUTE_MS = 60_000;

function describe({ elapsedMs, counted, behind, usage }: Sample): string {
  const memory = usage === undefined ? "unknown" : `${(usage.residentBytes / 1e6).toFixed(1)} MB`;
  return `${
    Math.floor(elapsedMs / MINUTE_MS)
  } min: ${counted} lines counted, ${behind} more sent, ` +
    `memory ${memory}`;
}

/** Scrapes until so many lines are counted and no window is open any more. */
async function watchUntilClosed(
  watcher: Watcher,
  { lines, withinMs }: { readonly lines: number; readonly withinMs: number },
): Promise<Metrics> {
  const startMs = performance.now();
  for (;;) {
    const metrics = await watcher.next();
    const { totals, open } = metrics;
    if (totals.lines >= lines && open.length === 0) return metrics;
    if (performance.now() - startMs > withinMs) {
      const starts = open.map(({ start }) => start);
      throw new Error(`${withinMs} ms after the end: ${JSON.stringify({ totals, open: starts })}`);
    }
  }
}

/** All closed windows, page by page, newest first, without their URLs. */
async function allWindows(analyzer: Analyzer): Promise<WindowJson[]> {
  const windows = [];
  for (let query = "";;) {
    const page = await (await analyzer.get(`/windows?limit=7&urls=0${query}`)).json();
    windows.push(...page.windows);
    if (page.next_cursor === null) return windows;
    query = `&cursor=${encodeURIComponent(page.next_cursor)}`;
  }
}

/** The lines of all error files. */
async function digestOf(directory: string): Promise<LineDigest> {
  const digest = new LineDigest();
  for (const path of filesBelow(directory)) {
    const file = await Deno.open(path);
    let tail = "";
    for await (const text of file.readable.pipeThrough(new TextDecoderStream())) {
      const lines = (tail + text).split("\n");
      tail = lines.pop()!;
      for (const line of lines) digest.add(line);
    }
    assert.equal(tail, "", `${path} ends in the middle of a line`);
  }
  return digest;
}

/** More than an error line of the generator has. */
const ERROR_LINE_BYTES = 140;

/** More than windows and state take. */
const REST_BYTES = 100e6;

/** How much room a run may need on the disk. */
export function bytesNeeded({ durationMs, rate, statusDist }: SoakOptions): number {
  const errorShare = 1 - parseFloat(statusDist) / 100;
  // The bursts double the errors at most.
  return 2 * rate * durationMs / 1000 * errorShare * ERROR_LINE_BYTES + REST_BYTES;
}
