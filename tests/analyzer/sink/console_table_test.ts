import assert from "node:assert/strict";
import fc from "fast-check";
import { formatWindowTable } from "../../../analyzer/sink/console_table.ts";
import type { StatusSummary, WindowSummary } from "../../../analyzer/window/window_summary.ts";

const exact = (count: number) => ({ count, isExact: true });
const estimated = (count: number) => ({ count, isExact: false });

function status(status: number, errorCount: number, ips = 1): StatusSummary {
  return { status, errorCount, uniqueIps: exact(ips), urls: [], urlsTotal: exact(0) };
}

function windowOf(changes: Partial<WindowSummary> = {}): WindowSummary {
  return {
    startMs: Date.UTC(2025, 4, 30, 18, 52, 30),
    lengthMs: 30_000,
    state: "closed",
    totalCount: 1000,
    errorCount: 50,
    uniqueIps: exact(14),
    lateCount: 0,
    lateErrorCount: 0,
    statuses: [status(404, 45, 12), status(500, 5, 3)],
    ...changes,
  };
}

const OPTIONS = { rowsMax: 20, showUrls: false, urlsMax: 10 };

Deno.test("formatWindowTable() prints a window as Spark does", () => {
  assert.equal(
    formatWindowTable(windowOf(), OPTIONS),
    `\
+------------------------------------------+------+-----------+----------+
|window                                    |status|error_count|unique_ips|
+------------------------------------------+------+-----------+----------+
|{2025-05-30 18:52:30, 2025-05-30 18:53:00}|404   |45         |12        |
|{2025-05-30 18:52:30, 2025-05-30 18:53:00}|500   |5          |3         |
+------------------------------------------+------+-----------+----------+
1000 rows, 50 errors (5%), 14 unique IPs

`,
  );
});

Deno.test("formatWindowTable() prints a window without errors as a table without rows", () => {
  const window = windowOf({ errorCount: 0, uniqueIps: exact(0), statuses: [] });
  assert.equal(
    formatWindowTable(window, OPTIONS),
    `\
+------+------+-----------+----------+
|window|status|error_count|unique_ips|
+------+------+-----------+----------+
+------+------+-----------+----------+
{2025-05-30 18:52:30, 2025-05-30 18:53:00}: 1000 rows, no errors

`,
  );
});

Deno.test("formatWindowTable() shows rowsMax rows, and says how many more there are", () => {
  const window = windowOf({ statuses: [status(404, 1), status(500, 1), status(503, 1)] });
  const whole = formatWindowTable(window, { ...OPTIONS, rowsMax: 3 });
  assert.match(whole, /\|503 /);
  assert.doesNotMatch(whole, /more/);
  const cut = formatWindowTable(window, { ...OPTIONS, rowsMax: 2 });
  assert.match(cut, /\|500 .*\n\+[-+]*\+\n … 1 more\n1000 rows/);
  assert.doesNotMatch(cut, /503/);
});

Deno.test("formatWindowTable() shows milliseconds only where there are any", () => {
  const window = windowOf({ lengthMs: 500 });
  assert.match(
    formatWindowTable(window, OPTIONS),
    /\|\{2025-05-30 18:52:30, 2025-05-30 18:52:30\.500\}\|/,
  );
});

Deno.test("formatWindowTable() marks estimated numbers of addresses", () => {
  const window = windowOf({
    uniqueIps: estimated(20_123),
    statuses: [{ ...status(404, 50_000), uniqueIps: estimated(20_100) }],
  });
  const table = formatWindowTable(window, OPTIONS);
  assert.match(table, /\|~20100 {4}\|/);
  assert.match(table, /, ~20123 unique IPs\n/);
});

Deno.test("formatWindowTable() widens columns for large numbers", () => {
  const window = windowOf({ statuses: [status(404, 123_456_789_012)] });
  const lines = formatWindowTable(window, OPTIONS).split("\n").slice(0, 5);
  assert.equal(new Set(lines.map((line) => line.length)).size, 1);
  assert.match(lines[3]!, /\|123456789012\|/);
});

Deno.test("formatWindowTable() counts late rows in the last line, and none as nothing", () => {
  assert.doesNotMatch(formatWindowTable(windowOf(), OPTIONS), /late/);
  assert.match(
    formatWindowTable(windowOf({ lateCount: 3, lateErrorCount: 1 }), OPTIONS),
    /14 unique IPs, 3 late \(1 error\)\n/,
  );
});

Deno.test("formatWindowTable() uses the singular, and three digits of the rate", () => {
  const one = windowOf({
    totalCount: 1,
    errorCount: 1,
    uniqueIps: exact(1),
    statuses: [status(404, 1)],
  });
  assert.match(formatWindowTable(one, OPTIONS), /\n1 row, 1 error \(100%\), 1 unique IP\n/);
  const third = windowOf({ totalCount: 3, errorCount: 1, statuses: [status(404, 1)] });
  assert.match(formatWindowTable(third, OPTIONS), /\(33\.3%\)/);
});

Deno.test("formatWindowTable() lists URLs below the table with showUrls only", () => {
  const urls = [
    { url: "/resource/42", count: 10, countErrorMax: 0 },
    { url: "", count: 7, countErrorMax: 2 },
    { url: "/\x1b[2J\u202e", count: 1, countErrorMax: 0 },
  ];
  const window = windowOf({
    statuses: [
      { ...status(404, 18), urls, urlsTotal: exact(3) },
      { ...status(500, 1), urls: urls.slice(0, 1), urlsTotal: exact(1) },
    ],
  });
  assert.doesNotMatch(formatWindowTable(window, OPTIONS), /resource/);
  assert.equal(
    formatWindowTable(window, { ...OPTIONS, showUrls: true }).split("+\n").at(-1),
    `\
 404  10  /resource/42
 404  ~7  (empty)
 404   1  /\\x1b[2J\\u202e
 500  10  /resource/42
1000 rows, 50 errors (5%), 14 unique IPs

`,
  );
});

Deno.test("formatWindowTable() says how many URLs are not listed, exactly or about", () => {
  const urls = ["/a", "/b"].map((url) => ({ url, count: 1, countErrorMax: 0 }));
  const format = (urlsTotal: StatusSummary["urlsTotal"], urlsMax: number) =>
    formatWindowTable(windowOf({ statuses: [{ ...status(404, 2), urls, urlsTotal }] }), {
      ...OPTIONS,
      showUrls: true,
      urlsMax,
    });
  assert.doesNotMatch(format(exact(2), 2), /more/);
  assert.match(format(exact(2), 1), / {1}404 {2}1 {2}\/a\n 404 {2}… 1 more\n1000 rows/);
  assert.match(format(estimated(5000), 2), /\/b\n 404 {2}… ~4998 more\n/);
  // An estimate below the length of the list.
  assert.match(format(estimated(1), 1), /\/a\n 404 {2}… ~1 more\n/);
});

Deno.test("formatWindowTable() bounds a long URL", () => {
  const urls = [{ url: `/${"x".repeat(60_000)}`, count: 1, countErrorMax: 0 }];
  const window = windowOf({ statuses: [{ ...status(404, 1), urls, urlsTotal: exact(1) }] });
  const text = formatWindowTable(window, { ...OPTIONS, showUrls: true });
  assert.ok(text.includes(`/${"x".repeat(198)}…\n`));
});

Deno.test("formatWindowTable() lists nothing of the statuses that it cut", () => {
  const urls = [{ url: "/hidden", count: 1, countErrorMax: 0 }];
  const window = windowOf({
    statuses: [status(404, 1), { ...status(500, 1), urls, urlsTotal: exact(1) }],
  });
  const text = formatWindowTable(window, { rowsMax: 1, showUrls: true, urlsMax: 5 });
  assert.doesNotMatch(text, /hidden/);
});

Deno.test("formatWindowTable() shows no control character, whatever the URL", () => {
  fc.assert(fc.property(fc.string({ unit: "binary" }), (url) => {
    const urls = [{ url, count: 1, countErrorMax: 0 }];
    const window = windowOf({ statuses: [{ ...status(404, 1), urls, urlsTotal: exact(1) }] });
    const text = formatWindowTable(window, { ...OPTIONS, showUrls: true });
    // Border, header, border, row, border, URL, summary, empty line, and nothing after it.
    assert.equal(text.split(/[\n\r\u2028\u2029\x85]/).length, 9);
    // deno-lint-ignore no-control-regex
    assert.doesNotMatch(text, /[\x00-\x09\x0b-\x1f\x7f-\x9f]/);
  }));
});
