import assert from "node:assert/strict";
import { parse } from "@std/csv/parse";
import { csvHeader, toCsvLines, toTextCell } from "../../../analyzer/http/windows_csv.ts";
import { ATTACKS, attacksOn, UNSAFE_TO_SHOW } from "../../hostile/attacks.ts";
import { statusSummary, windowSummary } from "../../support/window_fixtures.ts";

Deno.test("toCsvLines() gives one line a status, and one to a window without errors", () => {
  const header = parse(csvHeader())[0]!;
  const rows = parse(toCsvLines(windowSummary()));
  assert.equal(rows.length, 2);
  const record = Object.fromEntries(header.map((name, i) => [name, rows[0]![i]]));
  assert.deepEqual(record, {
    start: "2025-05-30T18:52:30.000Z",
    end: "2025-05-30T18:53:00.000Z",
    state: "closed",
    length_ms: "30000",
    total_count: "1000",
    error_count: "50",
    error_rate: "0.05",
    unique_ips: "14",
    unique_ips_exact: "true",
    late_count: "0",
    late_error_count: "0",
    status: "404",
    status_error_count: "45",
    status_unique_ips: "12",
    status_unique_ips_exact: "true",
    status_urls_total: "3",
    status_urls_total_exact: "true",
    status_top_url: "/resource/42",
    status_top_url_count: "30",
  });
  const [quiet] = parse(toCsvLines(windowSummary({ errorCount: 0, statuses: [] })));
  assert.equal(quiet!.length, header.length);
  assert.deepEqual(quiet!.slice(11), Array(8).fill(""));
});

// S-68
Deno.test("toTextCell() leaves no text that a spreadsheet or a terminal would obey", () => {
  for (const { name, text } of ATTACKS) {
    const cell = toTextCell(text);
    assert.doesNotMatch(cell, UNSAFE_TO_SHOW, name);
    // Also where a semicolon ends a cell.
    for (const part of cell.split(";")) assert.doesNotMatch(part, /^\s*[=+\-@＝＋－＠]/, name);
  }
  assert.equal(toTextCell("=1+1"), "'=1+1");
  assert.equal(toTextCell("/a;=1"), "/a;'=1");
  assert.equal(toTextCell("/a=1+1;b=2"), "/a=1+1;b=2");
});

// S-68
Deno.test("toCsvLines() keeps every attack in the cell of its URL", () => {
  for (const { name, text } of [...attacksOn("spreadsheet"), ...ATTACKS]) {
    const urls = [{ url: text, count: 7, countErrorMax: 0 }];
    const csv = toCsvLines(windowSummary({ statuses: [statusSummary({ urls })] }));
    const rows = parse(csv);
    assert.deepEqual(rows.map((row) => row.length), [19], name);
    assert.equal(rows[0]![17], toTextCell(text), name);
    assert.equal(rows[0]![18], "7", name);
    assert.equal(csv.trimEnd().split("\n").length, 1, name);
  }
});
