import assert from "node:assert/strict";
import type { TotalsJson } from "../../analyzer/http/live_json.ts";
import { emptyTotals } from "../../analyzer/sink/totals.ts";
import type { WindowJson } from "../../analyzer/window/window_json.ts";
import { runDeno } from "../architecture/checkout.ts";
import { expectedResults, generated, linesOf, type Metrics } from "../end_to_end/support.ts";
import { BASE_MS, jsonLine, toBytes } from "../support/log_lines.ts";
import { LineDigest } from "./line_digest.ts";
import { ResultsChecker } from "./results_checker.ts";
import { SentLines } from "./sent_lines.ts";
import { memoryFault, soakTable } from "./soak_report.ts";
import type { Sample } from "./watcher.ts";

/** Runs the command as its task does. */
async function runCommand(...args: readonly string[]): Promise<string> {
  const flags = ["--frozen", "--no-prompt", "--allow-all"];
  return await runDeno(["run", ...flags, "tests/soak/soak.ts", ...args]);
}

// S-21, S-30
Deno.test("deno task soak finds everything in order in three seconds", async () => {
  const printed = await runCommand(
    ...["--minutes", "0.05", "--rate", "20000", "--status-dist", "80,10,10", "--seed", "3"],
    ...["--window", "1s", "--lateness", "200ms", "--scrape-interval", "100ms"],
  );
  const cell = (row: string) =>
    new RegExp(`^\\| ${row} +\\| (.*?) +\\|$`, "m").exec(printed)?.[1] ??
      assert.fail(`${row} is missing:\n${printed}`);
  assert.equal(cell("lines sent, all counted"), "60000");
  assert.match(cell("late rows; malformed lines"), /^[1-9]\d*; [1-9]\d*$/);
  assert.ok(Number(cell("windows, .* once")) >= 3);
  assert.ok(Number(cell("scrapes, all consistent")) >= 20);
  if (Deno.build.os === "linux") assert.match(cell("peak of memory"), / MB$/);
});

Deno.test("deno task soak says in one line what is wrong with its options", async () => {
  await assert.rejects(runCommand("--x"), /unknown option --x/);
  await assert.rejects(runCommand("--minutes", "1e7"), /There is room for .* may be needed/);
});

const OPTIONS = { windowLengthMs: 1000, latenessMs: 500, minStatus: 400 };

Deno.test("SentLines counts what the slow analysis of all lines counts, however they are cut", async () => {
  const text = await generated([
    ...["--count", "5000", "--seed", "9", "--late", "2%@3s", "--malformed", "3%", "--ips", "50"],
  ]);
  // What the generator writes for bytes that are no UTF-8 was decoded on the way.
  const lines = linesOf(text).filter((line) => !line.includes("\uFFFD"));
  const { naive } = expectedResults(lines, OPTIONS);
  const bytes = toBytes(lines);
  for (const size of [bytes.length, 1000, 7]) {
    const sent = new SentLines(OPTIONS);
    for (let at = 0; at < bytes.length; at += size) sent.add(bytes.subarray(at, at + size));
    const { totals } = sent;
    assert.deepEqual(
      [totals.bytes, totals.lines, totals.valid, totals.in_windows, totals.late],
      [bytes.length, naive.lines, naive.valid, naive.inWindows, naive.late],
    );
    assert.equal(totals.malformed, naive.lines - naive.valid);
    assert.deepEqual(
      [totals.errors, totals.errors_in_windows, totals.late_errors],
      [naive.errors, naive.errorsInWindows, naive.lateErrors],
    );
    assert.equal(sent.errorLines.toString(), digestOf(naive.errorLines).toString());
    assert.deepEqual(
      sent.windows.map(({ startMs, totalCount, errorCount, lateCount, details }) => ({
        counts: [startMs, totalCount, errorCount, lateCount],
        uniqueIps: details!.ips.size,
        urls: [...details!.statuses].map(([status, { urls }]) => [status, urls.size]).sort(),
      })),
      naive.windows.map(({ startMs, totalCount, errorCount, uniqueIps, statuses }) => ({
        counts: [
          ...[startMs, totalCount, errorCount],
          naive.lateByWindow.find((late) => late.windowStartMs === startMs)?.lateCount ?? 0,
        ],
        uniqueIps,
        urls: statuses.map(({ status, urls }) => [status, urls.length]),
      })),
    );
  }
});

Deno.test("LineDigest knows lines in any order, and tells one too many or another one", () => {
  const lines = ["a", "b", "", "ab"];
  const digest = digestOf(lines).toString();
  assert.equal(digestOf(lines.toReversed()).toString(), digest);
  for (const other of [["a", "b", "", "ba"], ["a", "b", "ab"], ["a", "b", "", "ab", "ab"]]) {
    assert.notEqual(digestOf(other).toString(), digest);
  }
});

function digestOf(lines: readonly string[]): LineDigest {
  const digest = new LineDigest();
  for (const line of lines) digest.add(line);
  return digest;
}

/** Two rows of a window that has closed by the third, of which two are errors. */
const SENT = [
  jsonLine({ timestampMs: BASE_MS, status: 404, url: "/a", ip: "192.0.2.1" }),
  jsonLine({ timestampMs: BASE_MS + 1 }),
  jsonLine({ timestampMs: BASE_MS + 2000, status: 500, url: "/b" }),
];

/** What an analyzer has to say about {@linkcode SENT}. */
function rightAnswer(): { totals: TotalsJson; open: WindowJson[]; closed: WindowJson[] } {
  const [closed, open] = expectedResults(SENT, OPTIONS).windows;
  const { malformed } = emptyTotals();
  const none = { oversized: 0, empty: 0, header: 0, partial: 0, late: 0, future: 0 };
  return {
    totals: {
      ...none,
      ...{ bytes: toBytes(SENT).length, lines: 3, valid: 3, malformed, in_windows: 3 },
      ...{ errors: 2, errors_in_windows: 2, late_errors: 0, future_errors: 0 },
      errors_by_status: { 404: 1, 500: 1 },
    },
    open: [{ ...open!, state: "open" }],
    closed: [closed!],
  };
}

function checker(): ResultsChecker {
  const sent = new SentLines(OPTIONS);
  sent.add(toBytes(SENT));
  return new ResultsChecker(sent);
}

type Answer = ReturnType<typeof rightAnswer>;

function metricsOf(answer: Answer): Metrics {
  return { ...answer, sources: [] };
}

Deno.test("ResultsChecker.checkMetrics() takes a right answer, and refuses one that is wrong by one", () => {
  const right = rightAnswer();
  const checking = checker();
  const fresh = checking.checkMetrics(metricsOf(right));
  assert.deepEqual(fresh, right.closed);
  assert.deepEqual(checking.checkMetrics(metricsOf(right)), [], "each window is new once");

  const wrong: [RegExp, (totals: TotalsJson) => Partial<Answer>][] = [
    [/equal/, (totals) => ({ totals: { ...totals, lines: 4 } })],
    [/more was counted than sent/, (totals) => ({
      totals: { ...totals, lines: 4, empty: 1 },
    })],
    [/other rows/, () => ({ closed: [{ ...right.closed[0]!, total_count: 1 }] })],
    [/other rows/, () => ({ open: [] })],
    [/other rows/, () => ({ closed: [] })],
  ];
  for (const [message, change] of wrong) {
    const answer = { ...right, ...change(right.totals) };
    assert.throws(() => checker().checkMetrics(metricsOf(answer)), message);
  }
});

Deno.test("ResultsChecker.checkMetrics() refuses an answer that goes back behind the one before", () => {
  const right = rightAnswer();
  const [open, closed] = [right.open[0]!, right.closed[0]!];
  const wrong: [RegExp, Partial<Answer>][] = [
    [/went back: bytes/, { totals: { ...right.totals, bytes: 1 } }],
    [/went back: 404/, { totals: { ...right.totals, errors_by_status: { 404: 0, 500: 2 } } }],
    [/had been closed/, { open: [open, { ...closed, state: "open" }], closed: [] }],
    [/deep/, { closed: [{ ...closed, total_count: 1 }] }],
  ];
  for (const [message, change] of wrong) {
    const checking = checker();
    checking.checkMetrics(metricsOf(right));
    assert.throws(() => checking.checkMetrics(metricsOf({ ...right, ...change })), message);
  }
});

Deno.test("ResultsChecker.checkWindow() and checkEnd() refuse what was not sent so", () => {
  const { totals, open: [second], closed: [first] } = rightAnswer();
  const windows = [{ ...second!, state: "closed" as const }, first!];
  const looked = () => {
    const checking = checker();
    checking.checkMetrics(metricsOf({ totals, open: [], closed: windows }));
    for (const window of windows) checking.checkWindow(window);
    return checking;
  };
  looked().checkEnd(totals, windows);

  const [status] = first!.statuses;
  const wrongWindows: Partial<WindowJson>[] = [
    { start: "2025-05-30T18:52:31.000Z" },
    { total_count: 3 },
    { unique_ips: 2 },
    { statuses: [] },
    { statuses: [{ ...status!, urls: [{ url: "/a", count: 2 }] }] },
    { statuses: [{ ...status!, urls: [...status!.urls, ...status!.urls] }] },
    { statuses: [{ ...status!, urls_total: 2 }] },
  ];
  for (const wrong of wrongWindows) {
    assert.throws(() => checker().checkWindow({ ...first!, ...wrong }), JSON.stringify(wrong));
  }
  const wrongEnds: [Partial<TotalsJson>, readonly WindowJson[]][] = [
    [{ lines: 2 }, windows],
    [{ partial: 1 }, windows],
    [{}, [first!]],
    [{}, [...windows, first!]],
    [{}, [{ ...second!, late_count: 1 }, first!]],
  ];
  for (const [change, stored] of wrongEnds) {
    assert.throws(() => looked().checkEnd({ ...totals, ...change }, stored));
  }
  assert.throws(() => checker().checkEnd(totals, windows));
});

/** Scrapes every minute, of a process whose memory grows by so much from the first to the last. */
function samplesOf(minutes: number, growth: number): Sample[] {
  return Array.from({ length: minutes + 1 }, (_, minute) => ({
    ...{ elapsedMs: minute * 60_000, latencyMs: 5, counted: minute * 1000, behind: 0 },
    usage: {
      residentBytes: 100e6 * (minute > minutes / 2 ? growth : 1),
      ...{ peakBytes: 100e6 * growth, descriptors: 30, cpuSeconds: minute },
    },
  }));
}

Deno.test("memoryFault() wants the memory of long runs to be flat, to 5 %", () => {
  assert.equal(memoryFault(samplesOf(30, 1.05)), undefined);
  assert.equal(memoryFault(samplesOf(30, 0.5)), undefined);
  assert.match(memoryFault(samplesOf(30, 1.06))!, /factor of 1\.060/);
  assert.match(memoryFault(samplesOf(15, 1.06))!, /not flat/);
  assert.equal(memoryFault(samplesOf(14, 2)), undefined, "a short run is no more than a beginning");
  const unknown = samplesOf(30, 2).map((sample) => ({ ...sample, usage: undefined }));
  assert.equal(memoryFault(unknown), undefined);
});

Deno.test("soakTable() tells memory span by span, what is left over as a part of the last", () => {
  const { totals } = new SentLines(OPTIONS);
  const samples = samplesOf(32, 1.1);
  const printed = soakTable({ rate: 1, sendingMs: 1000, samples, totals, windows: 0 });
  const medians = ["100.0", "100.0", "100.0", "110.0", "110.0", "110.0"];
  const cell = medians.map((median) => `${median} MB`).join(", ");
  assert.match(printed, new RegExp(`memory in each 5m: medians +\\| ${cell} +\\|`));
});

Deno.test("soakTable() says so where the system does not tell about processes", () => {
  const samples = samplesOf(3, 1).map((sample) => ({ ...sample, usage: undefined }));
  const { totals } = new SentLines(OPTIONS);
  const printed = soakTable({ rate: 1, sendingMs: 1000, samples, totals, windows: 0 });
  assert.match(printed, /left out: not known on this system/);
});
