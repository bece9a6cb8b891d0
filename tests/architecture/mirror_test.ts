import assert from "node:assert/strict";
import { listFiles, listSources } from "./checkout.ts";

/** Sources without a test file of their own, and why. */
const EXCEPTIONS: Readonly<Record<string, string>> = {
  "analyzer/checkpoint/checkpoint.ts": "types only",
  "analyzer/decode/malformed_reason.ts": "one list, tested reason by reason with parseLine()",
  "analyzer/decode/scan/byte.ts": "constants",
  "analyzer/decode/scan/line_scanner.ts": "tested as what a compiled layout does",
  "analyzer/decode/scan/scan_memory.ts": "constants, and the memory itself",
  "analyzer/decode/scan/searches.ts": "tested as what a compiled layout does",
  "analyzer/decode/scan/vector_constants.ts": "tested as what a compiled layout does",
  "analyzer/delivery/delivery.ts": "types, and a promise that is tested with the ledger",
  "analyzer/deno/http_interface.ts": "tested as what analyze answers, end to end",
  "analyzer/deno/prepare_statements.ts": "tested as what SqliteWindowHistory does with them",
  "analyzer/deno/results.ts": "types only",
  "analyzer/deno/source_tls.ts": "tested as what analyze says of files, and to whom it speaks TLS",
  "analyzer/deno/sqlite_statements.ts": "tested as what SqliteWindowHistory does with them",
  "analyzer/deno/sqlite_window_rows.ts": "tested as what SqliteWindowHistory does with them",
  "analyzer/exceptions.ts": "two declarations without behaviour",
  "analyzer/history/error_reader.ts": "types only",
  "analyzer/history/window_range.ts": "types only",
  ...Object.fromEntries(
    [
      ...["all_routes", "components", "examples", "history_routes", "history_schemas"],
      ...["json_schemas", "live_schemas", "now_routes", "parameter_schemas", "program_routes"],
      ...["program_schemas", "route_description", "window_schemas"],
    ].map((name) => [
      `analyzer/http/api/${name}.ts`,
      "describes the routes; held to what they take and answer in openapi_document_test.ts",
    ]),
  ),
  "analyzer/http/app_deps.ts": "types only",
  "analyzer/http/dashboard/app.js": "draws; tested as what a browser shows, in tests/browser/",
  "analyzer/http/dashboard/assets.ts": "a table; tested as what the routes of the dashboard serve",
  "analyzer/http/dashboard/chart.js": "draws; tested as what a browser shows, in tests/browser/",
  "analyzer/http/dashboard/chart_table.js":
    "draws; tested as what a browser shows, in tests/browser/",
  "analyzer/http/dashboard/charts.js": "draws; tested as what a browser shows, in tests/browser/",
  "analyzer/http/dashboard/elements.js": "draws; tested as what a browser shows, in tests/browser/",
  "analyzer/http/dashboard/error_list.js":
    "draws; tested as what a browser shows, in tests/browser/",
  "analyzer/http/dashboard/main.js": "draws; tested as what a browser shows, in tests/browser/",
  "analyzer/http/dashboard/preact.js": "stands in for a package",
  "analyzer/http/dashboard/sparkline.js":
    "draws; tested as what a browser shows, in tests/browser/",
  "analyzer/http/dashboard/theme.js": "draws; tested as what a browser shows, in tests/browser/",
  "analyzer/http/dashboard/token_form.js":
    "draws; tested as what a browser shows, in tests/browser/",
  "analyzer/http/dashboard/top_bar.js": "draws; tested as what a browser shows, in tests/browser/",
  "analyzer/http/dashboard/types.ts": "types only",
  "analyzer/http/dashboard/uplot.js": "stands in for a package",
  "analyzer/http/dashboard/url_table.js":
    "draws; tested as what a browser shows, in tests/browser/",
  "analyzer/http/dashboard/verdict_view.js":
    "draws; tested as what a browser shows, in tests/browser/",
  "analyzer/http/headers.ts": "constants; tested as what every answer has",
  "analyzer/http/live_json.ts": "tested as what /metrics answers",
  "analyzer/http/query_parameters.ts": "tested as what the routes accept and refuse",
  "analyzer/http/row_limit.ts": "tested as what the routes accept and refuse",
  "analyzer/http/refusal.ts": "tested as what the routes accept and refuse",
  "analyzer/http/refusal_codes.ts": "a table; held to the documents and to what is answered",
  "analyzer/http/route.ts": "puts a description and its handler together",
  "analyzer/limits.ts":
    "a table and a counter; each limit is reached in the tests of what it limits",
  "analyzer/metrics/metric.ts": "types only",
  "analyzer/mod.ts": "names what is public",
  "analyzer/sink/live_view.ts": "types only",
  "analyzer/sink/reporter.ts": "types only",
  "analyzer/sink/storage.ts": "types only",
  "analyzer/sink/window_history.ts": "types only",
  "analyzer/source/file_identity.ts": "types and a constant",
  "analyzer/source/listener.ts": "types only",
  "analyzer/source/log_files.ts": "types only",
  "analyzer/source/source.ts": "types only",
  "analyzer/stream/elements.ts": "types only",
  "analyzer/tracing.ts": "types, and a tracing that does nothing",
  "analyzer/time_max.ts": "a constant",
  "analyzer/window/late_counts.ts": "types only",
  "analyzer/window/window_summary.ts": "types only",
  "generator/clock.ts": "a thin layer over timers; every test brings a clock of its own",
  "generator/deno/run_report.ts": "tested as what a run of the generator says",
  "generator/deno/stream_client.ts": "tested as what a served stream does with its clients",
  "generator/mod.ts": "names what is public",
  "log_format/log_record.ts": "types and constants",
  "log_format/mod.ts": "names what is public",
  "main.ts": "tested as a process, end to end",
};

/** Tests in the mirror that are about no one source file. */
const EXTRA_TESTS: Readonly<Record<string, string>> = {
  "tests/analyzer/http/http_api_document_test.ts": "holds the documents of HTTP to the routes",
};

const sources = await listSources();

/** Test files by the source that they test. */
const tests = new Map<string, string[]>();

/** Tests in the mirror without a source. */
const strays: string[] = [];

for (const path of await listFiles()) {
  if (!/^tests\/(?:analyzer|command_line|generator|links|log_format)\/.+_test\.ts$/.test(path)) {
    continue;
  }
  const source = sourceOf(path);
  if (source !== undefined) tests.set(source, [...tests.get(source) ?? [], path]);
  else if (EXTRA_TESTS[path] === undefined) strays.push(path);
}

/**
 * `tests/x/y_test.ts` tests `x/y.ts`, and so does `tests/x/y_some_aspect_test.ts` where there is no
 * source of that longer name.
 */
function sourceOf(test: string): string | undefined {
  let name = test.slice("tests/".length, -"_test.ts".length);
  for (;;) {
    const source = [`${name}.ts`, `${name}.js`].find((path) => sources.includes(path));
    if (source !== undefined) return source;
    const shorter = name.replace(/_[^_/]+$/, "");
    if (shorter === name) return undefined;
    name = shorter;
  }
}

Deno.test("every source file has its mirror among the tests, or a reason to have none", () => {
  const wrong = sources.filter((path) => !tests.has(path) && EXCEPTIONS[path] === undefined);
  assert.deepEqual(wrong, []);
});

Deno.test("no exception from the mirror is out of date", () => {
  assert.deepEqual(Object.keys(EXCEPTIONS).filter((path) => tests.has(path)), []);
});

Deno.test("every mirror test has its source file", () => {
  assert.deepEqual(strays, []);
});
