import assert from "node:assert/strict";
import { stripVTControlCharacters } from "node:util";
import fc from "fast-check";
import type { LiveView } from "../../../analyzer/sink/live_view.ts";
import { formatStatusLine } from "../../../analyzer/sink/status_line.ts";
import { emptyTotals } from "../../../analyzer/sink/totals.ts";
import type { SourceState } from "../../../analyzer/source/source_state.ts";
import type { WindowSummary } from "../../../analyzer/window/window_summary.ts";

const NOW_MS = Date.UTC(2025, 4, 30, 18, 53, 0);

function sourceOf(changes: Partial<SourceState> = {}): SourceState {
  return {
    name: "tcp://127.0.0.1:9999",
    phase: "connected",
    connections: 1,
    connectionsTotal: 1,
    refused: { address: 0, limit: 0, tls: 0 },
    reason: "",
    lastRowAtMs: NOW_MS,
    ...changes,
  };
}

function openWindow(errorCount: number): WindowSummary {
  return {
    startMs: NOW_MS - 30_000,
    lengthMs: 30_000,
    state: "open",
    totalCount: 1000,
    errorCount,
    uniqueIps: { count: 1, isExact: true },
    lateCount: 0,
    lateErrorCount: 0,
    statuses: [],
  };
}

function viewOf(changes: Partial<LiveView> = {}): LiveView {
  return {
    atMs: NOW_MS,
    totals: emptyTotals(),
    sources: [sourceOf()],
    open: [openWindow(45)],
    watermarkMs: NOW_MS - 5200,
    eventTimeMaxMs: NOW_MS - 200,
    lastWindow: undefined,
    samples: [],
    ...changes,
  };
}

const OPTIONS = { eventsPerSecond: 1000, columns: 200, color: false, nowMs: NOW_MS };

Deno.test("formatStatusLine() tells sources, rate, errors, late, malformed and watermark", () => {
  const totals = emptyTotals();
  const view = viewOf({
    totals: { ...totals, late: 3, malformed: { ...totals.malformed, not_json: 1, bad_ip: 1 } },
  });
  assert.equal(
    formatStatusLine(view, OPTIONS),
    "tcp://127.0.0.1:9999 connected · 1K events/s · 45 errors since 18:52:30Z · 3 late · " +
      "2 malformed · watermark 5.2s behind",
  );
});

Deno.test("formatStatusLine() tells of oversized, partial and future lines where there are any", () => {
  const totals = { ...emptyTotals(), oversized: 1, partial: 2, future: 3 };
  assert.ok(
    formatStatusLine(viewOf({ totals }), OPTIONS).endsWith(
      " · 0 malformed · 1 oversized · 2 partial · 3 in the future · watermark 5.2s behind",
    ),
  );
  assert.ok(
    formatStatusLine(viewOf({ totals: { ...emptyTotals(), future: 1 } }), {
      ...OPTIONS,
      color: true,
    }).endsWith(" · 0 malformed\x1b[33m · 1 in the future\x1b[0m · watermark 5.2s behind"),
  );
});

Deno.test("formatStatusLine() tells of a run that has read nothing", () => {
  const view = viewOf({
    sources: [sourceOf({ phase: "starting", connections: 0 })],
    open: [],
    watermarkMs: undefined,
  });
  assert.equal(
    formatStatusLine(view, { ...OPTIONS, eventsPerSecond: 0 }),
    "tcp://127.0.0.1:9999 starting · 0 events/s · no open window · 0 late · 0 malformed · " +
      "no watermark yet",
  );
});

/** The given segment of the line, from 0. */
function segment(index: number, view: LiveView, options: Partial<typeof OPTIONS> = {}): string {
  return formatStatusLine(view, { ...OPTIONS, ...options }).split(" · ")[index]!;
}

Deno.test("formatStatusLine() tells why a source waits, and how many connections it has", () => {
  const waiting = sourceOf({ phase: "waiting", connections: 0, reason: "connection\x1b refused" });
  assert.equal(
    segment(0, viewOf({ sources: [waiting] })),
    "tcp://127.0.0.1:9999 waiting (connection\\x1b refused)",
  );
  assert.equal(
    segment(0, viewOf({ sources: [sourceOf({ connections: 3 })] })),
    "tcp://127.0.0.1:9999 connected (3 connections)",
  );
});

Deno.test("formatStatusLine() counts several sources by what they do", () => {
  const sources = [
    sourceOf(),
    sourceOf({ phase: "ended" }),
    sourceOf({ phase: "waiting" }),
    sourceOf(),
  ];
  assert.equal(segment(0, viewOf({ sources })), "4 sources: 1 waiting, 2 connected, 1 ended");
});

Deno.test("formatStatusLine() adds up the errors of several open windows", () => {
  assert.equal(segment(2, viewOf({ open: [openWindow(1)] })), "1 error since 18:52:30Z");
  assert.equal(
    segment(2, viewOf({ open: [openWindow(1), openWindow(2)] })),
    "3 errors in 2 open windows",
  );
});

Deno.test("formatStatusLine() shortens large rates and keeps small ones", () => {
  const rates = [[0.5, "0.5"], [42, "42"], [999, "999"], [12_345, "12.3K"], [4_500_000, "4.5M"]];
  for (const [eventsPerSecond, text] of rates as [number, string][]) {
    assert.equal(segment(1, viewOf(), { eventsPerSecond }), `${text} events/s`);
  }
});

Deno.test("formatStatusLine() tells the watermark's lag in the unit that suits", () => {
  const lags: readonly (readonly [lagMs: number, text: string])[] = [
    [0, "0.0s behind"],
    [-1500, "1.5s ahead"],
    [59_949, "59.9s behind"],
    [59_950, "1.0m behind"],
    [3_596_999, "59.9m behind"],
    [3_597_000, "1.0h behind"],
    [86_219_999, "23.9h behind"],
    [86_220_000, "1.0d behind"],
    [400 * 86_400_000, "400.0d behind"],
  ];
  for (const [lagMs, text] of lags) {
    assert.equal(segment(5, viewOf({ watermarkMs: NOW_MS - lagMs })), `watermark ${text}`);
  }
});

Deno.test("formatStatusLine() colours what asks for attention, and only where colours are on", () => {
  const line = formatStatusLine(viewOf(), { ...OPTIONS, color: true });
  assert.ok(line.startsWith("\x1b[32mtcp://127.0.0.1:9999 connected\x1b[0m · "));
  const late = viewOf({ totals: { ...emptyTotals(), late: 1 } });
  assert.ok(
    formatStatusLine(late, { ...OPTIONS, color: true }).includes("\x1b[33m · 1 late\x1b[0m"),
  );
  assert.ok(!formatStatusLine(late, OPTIONS).includes("\x1b"));
});

Deno.test("formatStatusLine() is a prefix of the whole line and an ellipsis where it is cut", () => {
  const whole = formatStatusLine(viewOf(), OPTIONS);
  for (let columns = 0; columns < whole.length; columns++) {
    const cut = formatStatusLine(viewOf(), { ...OPTIONS, columns });
    assert.equal(cut, columns === 0 ? "" : `${whole.slice(0, columns - 1)}…`);
    const colored = formatStatusLine(viewOf(), { ...OPTIONS, columns, color: true });
    assert.equal(stripVTControlCharacters(colored), cut);
  }
  assert.equal(formatStatusLine(viewOf(), { ...OPTIONS, columns: whole.length }), whole);
});

Deno.test("formatStatusLine() counts wide characters as two columns", () => {
  const view = viewOf({ sources: [sourceOf({ name: "file:日本" })] });
  assert.equal(formatStatusLine(view, { ...OPTIONS, columns: 10 }), "file:日本…");
  assert.equal(formatStatusLine(view, { ...OPTIONS, columns: 9 }), "file:日…");
});

Deno.test("formatStatusLine() never exceeds the width, whatever the source is called", () => {
  const names = fc.string({ unit: "binary" });
  fc.assert(fc.property(names, names, fc.nat(120), (name, reason, columns) => {
    const sources = [sourceOf({ name, phase: "waiting", reason })];
    const line = formatStatusLine(viewOf({ sources }), { ...OPTIONS, columns });
    assert.ok([...line].length <= columns);
    // deno-lint-ignore no-control-regex
    assert.doesNotMatch(line, /[\x00-\x1f\x7f-\x9f]/);
  }));
});
