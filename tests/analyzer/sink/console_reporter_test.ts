import assert from "node:assert/strict";
import type { ScreenConfig } from "../../../analyzer/config.ts";
import { MALFORMED_REASONS } from "../../../analyzer/decode/malformed_reason.ts";
import { ConsoleReporter, type Screen } from "../../../analyzer/sink/console_reporter.ts";
import { toWindowJson } from "../../../analyzer/window/window_json.ts";
import type { ClosedWindow } from "../../../analyzer/window/window_summary.ts";
import { statusSummary, windowSummary } from "../../support/window_fixtures.ts";
import { DEFAULT_LIMITS } from "../../../analyzer/limits.ts";

const CONFIG: ScreenConfig = { quiet: false, showUrls: false, outputFormat: "table" };

function setUp(config: Partial<ScreenConfig> = {}) {
  const printed: string[] = [];
  const notices: string[] = [];
  const screen = {
    print: (text: string) => void printed.push(text),
    notice: (line: string) => void notices.push(line),
  };
  return { reporter: reporterOn(screen, config), printed, notices };
}

function reporterOn(screen: Screen, config: Partial<ScreenConfig> = {}): ConsoleReporter {
  return new ConsoleReporter(screen, {
    screen: { ...CONFIG, ...config },
    maxFutureMs: 300_000,
    limits: DEFAULT_LIMITS,
  });
}

function closedWindow(changes: Partial<ClosedWindow> = {}): ClosedWindow {
  return { ...windowSummary(), state: "closed", ipSketches: [], ...changes };
}

Deno.test("ConsoleReporter.windowClosed() prints a table, with URLs where they are wanted", () => {
  const plain = setUp();
  plain.reporter.windowClosed(closedWindow());
  assert.match(plain.printed.join(), /^\+-+\+.*\n\|window .*\|status\|/);
  assert.ok(!plain.printed.join().includes("/resource/42"));
  const withUrls = setUp({ showUrls: true });
  withUrls.reporter.windowClosed(closedWindow());
  assert.ok(withUrls.printed.join().includes("/resource/42"));
});

// S-62
Deno.test("ConsoleReporter.notice() escapes and cuts whatever it is told", () => {
  const { reporter, notices } = setUp();
  reporter.notice("Cannot read /logs/\x1b]0;owned\x07\n: no");
  reporter.notice("x".repeat(3000));
  assert.equal(notices[0], "Cannot read /logs/\\x1b]0;owned\\x07\\x0a: no");
  assert.equal(notices[1]!.length, 2000);
});

Deno.test("ConsoleReporter.windowClosed() cuts tables at 20 statuses and lists at 10 URLs", () => {
  const urls = Array.from(
    { length: 11 },
    (_, i) => ({ url: `/${i}/`, count: 1, countErrorMax: 0 }),
  );
  const statuses = Array.from(
    { length: 21 },
    (_, i) => statusSummary({ status: 400 + i, urls, urlsTotal: { count: 11, isExact: true } }),
  );
  const { reporter, printed } = setUp({ showUrls: true });
  reporter.windowClosed(closedWindow({ statuses }));
  const text = printed.join();
  assert.equal(text.match(/^\|\{/gm)?.length, 20);
  assert.match(text, /^ … 1 more$/m);
  assert.ok(text.includes("/9/") && !text.includes("/10/"));
  assert.match(text, /^ 400 {2}… 1 more$/m);
});

Deno.test("ConsoleReporter.windowClosed() prints one line of JSON with all URLs", () => {
  const urls = Array.from({ length: 1000 }, (_, i) => ({
    url: `/${i}`,
    count: 1,
    countErrorMax: 0,
  }));
  const window = closedWindow({ statuses: [statusSummary({ urls })] });
  const { reporter, printed } = setUp({ outputFormat: "json" });
  reporter.windowClosed(window);
  const [line, ...rest] = printed.join("").split("\n");
  assert.deepEqual(JSON.parse(line!), toWindowJson(window, { urlsMax: 1000 }));
  assert.deepEqual(rest, [""]);
});

Deno.test("ConsoleReporter.windowClosed() passes on a promise of room, where there is one", () => {
  const room = Promise.resolve();
  const screen = { print: () => room, notice: () => {} };
  assert.equal(reporterOn(screen).windowClosed(closedWindow()), room);
  assert.equal(setUp().reporter.windowClosed(closedWindow()), undefined);
});

Deno.test("ConsoleReporter prints no windows where it is to be quiet, but all messages", () => {
  for (const outputFormat of ["table", "json"] as const) {
    const { reporter, printed, notices } = setUp({ quiet: true, outputFormat });
    reporter.windowClosed(closedWindow());
    reporter.notice("careful");
    reporter.leftOut({ kind: "not_json", text: "{" });
    reporter.leftOut({ kind: "future", text: "{}" });
    reporter.leftOut({ kind: "late", text: "{}" });
    assert.deepEqual(printed, []);
    assert.deepEqual(notices, [
      "careful",
      "First malformed (not JSON) line: {",
      "First line in the future: its time is more than 5m ahead of the clock; " +
      "such lines are counted and saved, but open no window (--max-future)",
      "First late line: its window had closed before it came; " +
      "such lines are counted apart, and saved where they are errors (--lateness)",
    ]);
  }
});

Deno.test("ConsoleReporter.leftOut() has a name of its own for every kind of line that is no record", () => {
  const { reporter, notices } = setUp();
  for (const kind of [...MALFORMED_REASONS, "oversized", "partial"] as const) {
    reporter.leftOut({ kind, text: "x" });
  }
  assert.equal(new Set(notices).size, MALFORMED_REASONS.length + 2);
  for (const notice of notices) assert.match(notice, /^First \w.* line: x$/);
});

Deno.test("ConsoleReporter.leftOut() shows a strange line escaped, and the beginning of a long one", () => {
  const { reporter, notices } = setUp();
  reporter.leftOut({ kind: "oversized", text: "\x1b[2J\u202e" });
  reporter.leftOut({ kind: "oversized", text: "y".repeat(120) });
  reporter.leftOut({ kind: "oversized", text: "y".repeat(121) });
  assert.deepEqual(notices, [
    "First oversized line: \\x1b[2J\\u202e",
    `First oversized line: ${"y".repeat(120)}`,
    `First oversized line: ${"y".repeat(119)}…`,
  ]);
});
