import assert from "node:assert/strict";
import { DEFAULT_LIMITS } from "../../analyzer/limits.ts";
import { ConsoleReporter } from "../../analyzer/sink/console_reporter.ts";
import { formatWindowTable } from "../../analyzer/sink/console_table.ts";
import { formatStatusLine } from "../../analyzer/sink/status_line.ts";
import type { SourceState } from "../../analyzer/source/source_state.ts";
import type { ClosedWindow } from "../../analyzer/window/window_summary.ts";
import {
  liveView,
  sourceState,
  START_MS,
  statusSummary,
  windowSummary,
} from "../support/window_fixtures.ts";
import { ATTACKS, UNSAFE_TO_SHOW } from "./attacks.ts";

/** Most characters of any line on the screen, whatever is in it. */
const LINE_LENGTH_MAX = 300;

/** Nothing that a terminal would act on, and no line but those that were meant. */
function assertSafe(text: string, lineCount: number, message: string): void {
  assert.doesNotMatch(text, UNSAFE_TO_SHOW, message);
  const lines = text.split("\n");
  assert.equal(lines.length, lineCount, message);
  for (const line of lines) assert.ok([...line].length <= LINE_LENGTH_MAX, message);
}

/** A window in which an attack stands where a URL does. */
function attackedWindow(url: string): ClosedWindow {
  const urls = [{ url, count: 7, countErrorMax: 0 }];
  const statuses = [statusSummary({ urls, urlsTotal: { count: 1, isExact: true } })];
  return { ...windowSummary({ statuses }), state: "closed", ipSketches: [] };
}

// S-62
Deno.test("no attack gets out of a table", () => {
  const options = { rowsMax: 20, showUrls: true, urlsMax: 10 };
  const harmless = formatWindowTable(attackedWindow("/"), options).split("\n");
  for (const { name, text } of ATTACKS) {
    const table = formatWindowTable(attackedWindow(text), options);
    assertSafe(table, harmless.length, name);
    // Nothing but the line of the URL is another one.
    const lines = table.split("\n").filter((line) => !line.startsWith(" 404  7  "));
    assert.deepEqual(lines, harmless.filter((line) => !line.startsWith(" 404  7  ")), name);
  }
});

Deno.test("no attack gets out of a JSON line, a sample or a message, or changes the value", () => {
  for (const { name, text } of ATTACKS) {
    let printed = "";
    const notices: string[] = [];
    const reporter = new ConsoleReporter(
      { print: (line) => void (printed += line), notice: (line) => void notices.push(line) },
      {
        screen: { quiet: false, showUrls: true, outputFormat: "json" },
        maxFutureMs: 0,
        limits: DEFAULT_LIMITS,
      },
    );
    reporter.windowClosed(attackedWindow(text));
    assert.doesNotMatch(printed, UNSAFE_TO_SHOW, name);
    assert.equal(printed.indexOf("\n"), printed.length - 1, name);
    assert.equal(JSON.parse(printed).statuses[0].urls[0].url, text, name);

    reporter.leftOut({ kind: "not_json", text });
    reporter.notice(`Cannot read ${text}`.slice(0, 200));
    assert.equal(notices.length, 2);
    for (const notice of notices) assert.doesNotMatch(notice, UNSAFE_TO_SHOW, name);
    for (const notice of notices) assert.ok(!notice.includes("\n"), name);
    assert.ok([...notices[0]!].length < 200, name);
  }
});

Deno.test("no attack gets out of the status line, or makes it longer than the terminal is wide", () => {
  const options = { eventsPerSecond: 1, color: false, nowMs: START_MS };
  for (const { name, text } of ATTACKS) {
    const states: SourceState[] = [
      sourceState({ name: text }),
      sourceState({ name: text, phase: "waiting", reason: text }),
    ];
    for (const state of states) {
      for (const columns of [1, 20, 80, 1000]) {
        const line = formatStatusLine(liveView({ sources: [state] }), { ...options, columns });
        assertSafe(line, 1, name);
        assert.ok([...line].length <= columns, name);
      }
    }
  }
});
