import assert from "node:assert/strict";
import { listFiles, listSources } from "./checkout.ts";

/** Sources without a test file of their own, and why. */
const EXCEPTIONS: Readonly<Record<string, string>> = {
  "analyzer/checkpoint/checkpoint.ts": "types only",
  "analyzer/decode/malformed_reason.ts": "one list, tested reason by reason with parseLine()",
  "analyzer/decode/record_batch.ts": "types only",
  "analyzer/decode/scan/byte.ts": "constants",
  "analyzer/decode/scan/line_scanner.ts": "tested as what a compiled layout does",
  "analyzer/decode/scan/scan_memory.ts": "constants, and the memory itself",
  "analyzer/decode/scan/searches.ts": "tested as what a compiled layout does",
  "analyzer/decode/scan/vector_constants.ts": "tested as what a compiled layout does",
  "analyzer/delivery/delivery.ts": "types, and a promise that is tested with the ledger",
  "analyzer/deno/results.ts": "types only",
  "analyzer/deno/sqlite_statements.ts": "tested as what SqliteWindowHistory does with them",
  "analyzer/exceptions.ts": "two declarations without behaviour",
  "analyzer/http/app_deps.ts": "types only",
  "analyzer/http/headers.ts": "constants; tested as what every answer has",
  "analyzer/http/live_json.ts": "tested as what /metrics answers",
  "analyzer/http/query_parameters.ts": "tested as what the routes accept and refuse",
  "analyzer/http/refusal.ts": "tested as what the routes accept and refuse",
  "analyzer/http/route.ts": "types only",
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
  "tests/analyzer/http/http_api_document_test.ts": "holds docs/HTTP_API.md to the routes",
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
    if (sources.includes(`${name}.ts`)) return `${name}.ts`;
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
