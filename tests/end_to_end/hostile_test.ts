import assert from "node:assert/strict";
import { relative } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { DEFAULT_LIMITS } from "../../analyzer/limits.ts";
import type { WindowJson } from "../../analyzer/window/window_json.ts";
import { ATTACKS, attacksOn, BROKEN_UTF8, UNSAFE_TO_SHOW } from "../hostile/attacks.ts";
import { formatCsvLine } from "../../log_format/mod.ts";
import { jsonLine, toBytes } from "../support/log_lines.ts";
import {
  Analyzer,
  assertConserved,
  filesBelow,
  linesOf,
  PROJECT,
  run,
  runCommandLine,
  TemporaryDirectory,
} from "./support.ts";

/** Attacks a window: so few that the screen lists all of their URLs. */
const ATTACKS_PER_WINDOW = 15;

const BASE_MS = Date.UTC(2025, 4, 30, 18, 52, 30);

/** Every attack, wherever a line can hold one. */
function* attackedLines(): Generator<string | Uint8Array> {
  for (const [i, { text }] of ATTACKS.entries()) {
    const timestampMs = BASE_MS + Math.floor(i / ATTACKS_PER_WINDOW) * 30_000;
    const status = 400 + i % ATTACKS_PER_WINDOW;
    // As what is counted, shown and stored.
    yield jsonLine({ timestampMs, status, url: text });
    const ip = new TextEncoder().encode(text).length <= 64 ? text : "192.0.2.1";
    yield jsonLine({ timestampMs, status, url: "/", ip });
    yield jsonLine({ timestampMs, status, url: "/" }).replace('"GET"', JSON.stringify(text));
    const url = text.replaceAll("\n", " ");
    yield formatCsvLine({ timestampMs, ip: "192.0.2.1", method: "GET", url, status });
    // As what is not counted, but stored: other keys, also those of a prototype.
    const extra = `${JSON.stringify(text)}: ${JSON.stringify({ [text]: text })}`;
    yield jsonLine({ timestampMs, status, url: "/" }).replace("{", `{${extra}, `);
    // As no record at all, or one that reads as one: whatever the bytes are.
    yield text;
    yield `{"timestamp": ${
      JSON.stringify(text)
    }, "ip": "a", "method": "", "url": "", "status": 404}`;
    yield `{"url": "${text.replaceAll("\n", " ")}`;
    yield `"${text.replaceAll("\n", " ")}`;
  }
  for (const { bytes } of BROKEN_UTF8) {
    yield bytes;
    const [before, after] = jsonLine({ timestampMs: BASE_MS, status: 500 }).split("GET");
    yield toBytes([before!]).subarray(0, -1);
    yield new Uint8Array([...toBytes([before!]).subarray(0, -1), ...bytes, ...toBytes([after!])]);
  }
  // The names of its columns are an attack, then what they hold.
  for (const { text } of attacksOn("prototype")) {
    yield `timestamp,ip,method,url,status,${text}`;
    yield `2025-05-30T18:52:31Z,192.0.2.7,GET,/${text},404,${text}`;
  }
}

const LINES = [...attackedLines()];

/** Each URL as it is counted, by the number of bytes that are kept of it. */
function countedUrls(): string[] {
  return ATTACKS.map(({ text }) => text.toWellFormed())
    .filter((text) => new TextEncoder().encode(text).length <= DEFAULT_LIMITS.urlBytes);
}

/** What a run may leave behind. */
const RESULT_FILES =
  /^(?:checkpoint\/errors\/(?:checkpoint-[01]\.jsonl|lock)|output\/(?:errors\/date=2025-05-30\/part-\d{6}\.jsonl|id|lock|windows\.db(?:-wal|-shm)?))$/;

function assertShownSafely(text: string, lineLengthMax: number): void {
  for (const line of linesOf(text)) {
    assert.doesNotMatch(line, UNSAFE_TO_SHOW);
    assert.ok([...line].length <= lineLengthMax, line);
  }
}

function urlsOf(windows: readonly WindowJson[]): Set<string> {
  return new Set(
    windows.flatMap(({ statuses }) => statuses).flatMap(({ urls }) => urls.map(({ url }) => url)),
  );
}

// S-62
Deno.test("no attack in a line gets out of the screen, the answers, the files or the database", async () => {
  using directory = new TemporaryDirectory();
  const projectBefore = [...Deno.readDirSync(PROJECT)].map(({ name }) => name).sort();
  const source = `file:${directory.write("a.log", toBytes(LINES))}`;
  await using analyzer = await Analyzer.start([
    ...["--source", source, "--show-urls", ...directory.options()],
  ]);
  const { totals } = await analyzer.until(({ sources, open }) =>
    sources[0]!.phase === "ended" && open.length === 0
  );
  assert.ok(totals.errors > 4 * ATTACKS.length, "they were counted");
  const { not_json, csv_syntax, csv_field_count, bad_timestamp, invalid_utf8, nul_byte } =
    totals.malformed;
  for (
    const count of [not_json, csv_syntax, csv_field_count, bad_timestamp, invalid_utf8, nul_byte]
  ) assert.ok(count > 0, JSON.stringify(totals.malformed));
  const windows = await analyzer.windows();
  const urls = urlsOf(windows);
  for (const url of countedUrls()) assert.ok(urls.has(url), JSON.stringify(url));
  for (const path of ["/metrics", "/windows?urls=1000", "/windows/current", "/readyz", "/"]) {
    assert.doesNotMatch(await (await analyzer.get(path)).text(), UNSAFE_TO_SHOW, path);
  }
  const exposition = await (await analyzer.get("/metrics", { accept: "text/plain" })).text();
  assert.doesNotMatch(exposition, UNSAFE_TO_SHOW);

  const { status, stdout, stderr } = await analyzer.stop();
  assert.equal(status, 0);
  assertShownSafely(stdout, 250);
  assertShownSafely(stderr, 250);
  assert.match(stdout, /\\x1b\[2J\\x1b\[H/);

  const errorLines = directory.errorLines();
  assertConserved(totals, errorLines);
  for (const line of errorLines) {
    assert.doesNotMatch(line, /\r/);
    assert.equal(typeof JSON.parse(line).status, "number");
  }
  const stored = new Set(errorLines.map((line) => JSON.parse(line).url));
  for (const { text } of ATTACKS) assert.ok(stored.has(text), JSON.stringify(text));

  for (const path of filesBelow(directory.join("run"))) {
    assert.match(relative(directory.join("run"), path), RESULT_FILES);
  }
  const projectAfter = [...Deno.readDirSync(PROJECT)].map(({ name }) => name).sort();
  assert.deepEqual(projectAfter, projectBefore);

  using database = new DatabaseSync(directory.join("run", "output", "windows.db"), {
    readOnly: true,
  });
  assert.deepEqual({ ...database.prepare("PRAGMA integrity_check").get() }, {
    integrity_check: "ok",
  });
  const { count } = database.prepare("SELECT count(*) AS count FROM windows").get()!;
  assert.equal(count, windows.length);
  const top = database.prepare("SELECT top_urls FROM window_statuses").all()
    .flatMap((row) => JSON.parse(row["top_urls"] as string) as [string][])
    .map(([url]) => url);
  for (const url of countedUrls()) assert.ok(top.includes(url), JSON.stringify(url));
});

Deno.test("analyze prints JSON lines that are safe on a terminal, and hold what was logged", async () => {
  using directory = new TemporaryDirectory();
  const { status, stdout, stderr } = await run("analyze", [
    ...["--source", `file:${directory.write("a.log", toBytes(LINES))}`, "--once", "--no-http"],
    ...["--output-format", "json", ...directory.options()],
  ]);
  assert.equal(status, 0, stderr);
  assert.doesNotMatch(stdout, UNSAFE_TO_SHOW);
  const urls = urlsOf(linesOf(stdout).map((line) => JSON.parse(line)));
  for (const url of countedUrls()) assert.ok(urls.has(url), JSON.stringify(url));
});

Deno.test("no attack in the name of a source gets out of messages, answers and labels", async () => {
  using directory = new TemporaryDirectory();
  const names = ['a"} 1\\nvigie_owned{a="b\\', "\x1b]0;owned\x07\x9b2J\u202e.log", "__proto__"];
  const sources = names.map((name) => `file:${directory.write(name, `${jsonLine({})}\n{\n`)}`);
  await using analyzer = await Analyzer.start([
    ...sources.flatMap((source) => ["--source", source]),
    ...directory.options(),
  ]);
  const { sources: states } = await analyzer.until(({ sources }) =>
    sources.every(({ phase }) => phase === "ended")
  );
  assert.deepEqual(states.map(({ name }) => name), sources);
  for (const accept of ["application/json", "text/plain", "application/openmetrics-text"]) {
    const text = await (await analyzer.get("/metrics", { accept })).text();
    assert.doesNotMatch(text, UNSAFE_TO_SHOW, accept);
    assert.doesNotMatch(text, /^vigie_owned/m, accept);
  }
  const { status, stdout, stderr } = await analyzer.stop();
  assert.equal(status, 0);
  assertShownSafely(stdout + stderr, 400);
  // As many messages as three files give that have ordinary names.
  assert.equal(linesOf(stderr).length, 7, stderr);
  for (const path of filesBelow(directory.join("run"))) {
    assert.match(relative(directory.join("run"), path), RESULT_FILES);
  }
});

Deno.test("no attack on the command line gets out of what is said about it", async () => {
  using directory = new TemporaryDirectory();
  const attack = attacksOn("terminal").map(({ text }) => text.slice(0, 40)).join("\n");
  const places = directory.options();
  const commandLines = [
    [attack],
    ["analyze", attack],
    ["analyze", `--${attack}`],
    ["analyze", "--window", attack],
    ["analyze", "--source", `file:${attack}`],
    ["analyze", "--source", "file:output/\x1b[2J\x9b\u202e.log", ...places],
    ["analyze", "--source", `file:${attack}`, "--source", `file:${attack}`],
    ["analyze", "--source", `file:/etc/${attack}`, ...places],
    ["analyze", "--source", `tcp://${attack}:9`],
    ["analyze", "--output", attack, "--no-http"],
    ["analyze", "--output", `/${attack}`],
    ["gen", "--rate", attack],
    ["demo", attack],
  ];
  for (const args of commandLines) {
    const { status, stdout, stderr } = await runCommandLine(args);
    assert.ok(status === 1 || status === 2, JSON.stringify(args));
    assert.equal(stdout, "");
    for (const line of linesOf(stderr)) assert.doesNotMatch(line, UNSAFE_TO_SHOW);
    assert.ok(linesOf(stderr).length <= 2, stderr);
  }
});
