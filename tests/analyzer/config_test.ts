import assert from "node:assert/strict";
import { type AnalyzerConfig, analyzerConfig, analyzerOptions } from "../../analyzer/config.ts";
import { parseOptions } from "../../command_line/deno/parse_options.ts";
import { UsageException } from "../../command_line/options.ts";
import { DEFAULT_LIMITS } from "../../analyzer/limits.ts";

function configOf(...args: string[]): AnalyzerConfig {
  return analyzerConfig(parseOptions(analyzerOptions, args));
}

/** What concerns sockets, where no option says anything of it. */
const NO_TRUST = {
  listening: { allow: undefined, tls: undefined, clientAuthorities: undefined },
  connecting: { authorities: undefined, tls: undefined },
};

function refusal(...args: string[]): string {
  try {
    configOf(...args);
  } catch (exception) {
    assert.ok(exception instanceof UsageException);
    return exception.message;
  }
  assert.fail(`${args.join(" ")} is not refused`);
}

Deno.test("analyzerConfig() has the documented defaults", () => {
  assert.deepEqual(configOf(), {
    sources: [{
      kind: "tcp",
      name: "tcp://127.0.0.1:9999",
      address: { hostname: "127.0.0.1", port: 9999 },
    }],
    ...NO_TRUST,
    format: "auto",
    windowLengthMs: 30_000,
    minStatus: 400,
    latenessMs: 5000,
    idleTimeoutMs: 5000,
    maxFutureMs: 300_000,
    checkpointIntervalMs: 1000,
    saves: true,
    reset: false,
    retentionMs: Infinity,
    maskIp: false,
    output: "output",
    checkpoint: "checkpoint",
    http: { hostname: "127.0.0.1", port: 8000 },
    httpHosts: [],
    tokenFile: undefined,
    once: false,
    follow: false,
    limits: DEFAULT_LIMITS,
    screen: { quiet: false, showUrls: false, outputFormat: "table" },
  });
});

Deno.test("analyzerConfig() takes every option", () => {
  const config = configOf(
    ...["--source", "-", "--format", "csv", "--limit", "line-bytes=1000", "--window", "1m"],
    ...["--min-status", "500", "--lateness", "0", "--idle-timeout", "500ms", "--max-future", "off"],
    ...["--checkpoint-interval", "2s", "--reset", "--output", "a", "--checkpoint", "b"],
    ...["--http", "[::1]:0", "--http-host", "logs.example.com", "--token-file", "token"],
    ...["--once", "--quiet", "--show-urls", "--output-format", "json"],
    ...["--mask-ip", "--retention", "30d"],
  );
  assert.deepEqual(config, {
    sources: [{ kind: "standard-input", name: "-" }],
    ...NO_TRUST,
    format: "csv",
    windowLengthMs: 60_000,
    minStatus: 500,
    latenessMs: 0,
    idleTimeoutMs: 500,
    maxFutureMs: Infinity,
    checkpointIntervalMs: 2000,
    saves: true,
    reset: true,
    retentionMs: 30 * 24 * 60 * 60 * 1000,
    maskIp: true,
    output: "a",
    checkpoint: "b",
    http: { hostname: "::1", port: 0 },
    httpHosts: ["logs.example.com"],
    tokenFile: "token",
    once: true,
    follow: false,
    limits: { ...DEFAULT_LIMITS, lineBytes: 1000 },
    screen: { quiet: true, showUrls: true, outputFormat: "json" },
  });
});

Deno.test("analyzerConfig() reads sources of every kind, in the order given", () => {
  const names = [
    "tcp-listen://[::]:9999",
    "file:logs/a b.jsonl",
    "file:///var/log/access.log",
    "-",
    "tcp://logs.example:1",
    "tls://logs.example:6514",
  ];
  assert.deepEqual(configOf(...names.flatMap((name) => ["--source", name])).sources, [
    { kind: "tcp-listen", name: names[0], address: { hostname: "::", port: 9999 } },
    { kind: "file", name: names[1], path: "logs/a b.jsonl" },
    { kind: "file", name: names[2], path: "/var/log/access.log" },
    { kind: "standard-input", name: "-" },
    { kind: "tcp", name: names[4], address: { hostname: "logs.example", port: 1 } },
    { kind: "tls", name: names[5], address: { hostname: "logs.example", port: 6514 } },
  ]);
});

Deno.test("analyzerConfig() refuses what is no source", () => {
  for (const name of ["file:", "udp://127.0.0.1:1", "tcp://", "tcp://9999", "access.log", ""]) {
    assert.match(refusal("--source", name), /is not a source: write tcp:\/\/HOST:PORT/);
  }
  assert.match(refusal("--source", "tcp://a:b"), /is not HOST:PORT/);
});

Deno.test("analyzerConfig() refuses a source that is given twice", () => {
  assert.equal(
    refusal("--source", "-", "--source", "file:a", "--source", "-"),
    "--source - is given more than once: write it once",
  );
});

Deno.test("analyzerConfig() saves nothing, and so has no checkpoints, with --no-save", () => {
  const { saves, checkpointIntervalMs } = configOf("--no-save");
  assert.deepEqual([saves, checkpointIntervalMs], [false, Infinity]);
  assert.throws(() => configOf("--no-save", "--reset"), {
    name: "UsageException",
    message: "--reset and --no-save contradict each other: write one of them",
  });
});

Deno.test("analyzerConfig() follows files, and nothing else", () => {
  assert.equal(configOf("--source", "file:a", "--source", "-", "--follow").follow, true);
  assert.equal(
    refusal("--source", "file:a", "--follow", "--once"),
    "--follow and --once contradict each other: write one of them",
  );
  assert.equal(
    refusal("--source", "-", "--follow"),
    "--follow needs a file to follow: add --source file:PATH",
  );
});

Deno.test("analyzerConfig() refuses --http together with --no-http", () => {
  assert.match(refusal("--http", "8001", "--no-http"), /contradict each other/);
  assert.equal(configOf("--no-http").http, undefined);
  assert.deepEqual(configOf("--http", "8001").http, { hostname: "127.0.0.1", port: 8001 });
});

Deno.test("analyzerConfig() refuses what is about HTTP together with --no-http", () => {
  assert.match(refusal("--token-file", "token", "--no-http"), /^--token-file and --no-http contra/);
  assert.match(refusal("--http-host", "a.example", "--no-http"), /^--http-host and --no-http cont/);
  assert.match(refusal("--http-host", "a.example:80"), /is not a host: write a name such as/);
  const config = configOf("--http-host", "A.Example.", "--http-host", "10.1.2.3");
  assert.deepEqual(config.httpHosts, ["a.example", "10.1.2.3"]);
});

Deno.test("analyzerConfig() refuses a lateness that keeps too many windows open", () => {
  // 256 windows: as many as the lateness is long, the newest one, and one that it reaches into.
  assert.equal(configOf("--window", "1s", "--lateness", "254s").latenessMs, 254_000);
  assert.match(
    refusal("--window", "1s", "--lateness", "254001ms"),
    /^--lateness keeps more than 256 windows open: take a shorter one, a longer --window, or --limit open-windows=N$/,
  );
});

Deno.test("analyzerConfig() refuses numbers that are out of range, and takes those at its ends", () => {
  for (const status of ["100", "599"]) {
    assert.equal(configOf("--min-status", status).minStatus, Number(status));
  }
  for (const status of ["99", "600", "4e2x"]) refusal("--min-status", status);
  for (const [length, lengthMs] of [["1ms", 1], ["7d", 604_800_000]] as const) {
    const config = configOf("--window", length, "--lateness", "0");
    assert.equal(config.windowLengthMs, lengthMs);
  }
  assert.equal(
    refusal("--window", "604800001ms"),
    '--window 604800001ms: "604800001ms" is not from 1ms to 7d',
  );
  for (const option of ["--window", "--idle-timeout", "--checkpoint-interval", "--max-future"]) {
    refusal(option, "0");
    refusal(option, "5");
  }
  refusal("--output", "");
});
