import assert from "node:assert/strict";
import { join } from "node:path";
import { analyzerConfig, analyzerOptions } from "../../../analyzer/config.ts";
import { runAnalyzer } from "../../../analyzer/deno/run_analyzer.ts";
import { type AsyncWriter, Terminal } from "../../../analyzer/deno/terminal.ts";
import { StartException } from "../../../analyzer/exceptions.ts";
import { parseOptions } from "../../../command_line/deno/parse_options.ts";
import { ManualClock } from "../../support/manual_clock.ts";
import { BASE_MS, jsonLine } from "../../support/log_lines.ts";

class Recorder implements AsyncWriter {
  text = "";

  write(bytes: Uint8Array): Promise<number> {
    this.text += new TextDecoder().decode(bytes);
    return Promise.resolve(bytes.length);
  }
}

/** A directory with a log of two windows, and runs over it. */
class Fixture implements Disposable {
  readonly directory = Deno.makeTempDirSync();
  readonly log = join(this.directory, "a.log");

  constructor() {
    const rows = [0, 1, 31_000].map((offsetMs) =>
      jsonLine({ timestampMs: BASE_MS + offsetMs, status: 404 })
    );
    Deno.writeTextFileSync(this.log, rows.join("\n"));
  }

  start(
    args: readonly string[],
    options: {
      readonly isInteractive?: boolean;
      readonly onListening?: (url: string) => void;
    } = {},
  ) {
    const stdout = new Recorder();
    const stderr = new Recorder();
    const stopping = new AbortController();
    const terminal = new Terminal({
      stdout,
      stderr,
      isInteractive: options.isInteractive ?? false,
      color: false,
      columns: () => 100,
      clock: new ManualClock(),
      signal: stopping.signal,
      onLost: assert.fail,
    });
    const places = [
      "--output",
      join(this.directory, "o"),
      "--checkpoint",
      join(this.directory, "c"),
    ];
    const { onListening } = options;
    const running = runAnalyzer(
      analyzerConfig(parseOptions(analyzerOptions, [...args, ...places])),
      {
        terminal,
        signal: stopping.signal,
        version: "1.2.3",
        ...(onListening === undefined ? {} : { onListening }),
      },
    ).finally(() => terminal.flush());
    return { stdout, stderr, running, stop: () => stopping.abort() };
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.directory, { recursive: true });
  }
}

Deno.test("runAnalyzer() reads its sources to their end and leaves nothing open", async () => {
  using fixture = new Fixture();
  const source = `file:${fixture.log}`;
  const { running, stdout, stderr } = fixture.start([
    ...["--source", source, "--once", "--no-http", "--output-format", "json"],
  ]);
  await running;
  const windows = stdout.text.trimEnd().split("\n").map((line) => JSON.parse(line));
  assert.deepEqual(windows.map(({ total_count }) => total_count), [2, 1]);
  assert.equal(stderr.text, `${fixture.log}: read to its end, 3 lines\n`);
  // The locks are free again, and there is nothing left to do.
  const again = fixture.start(["--source", source, "--once", "--no-http", "--quiet"]);
  await again.running;
  assert.equal(again.stdout.text, "");
});

Deno.test("runAnalyzer() serves results after the end, until it is stopped", async () => {
  using fixture = new Fixture();
  const listening = Promise.withResolvers<string>();
  const { running, stop, stderr } = fixture.start(
    ["--source", `file:${fixture.log}`, "--http", "127.0.0.1:0"],
    { onListening: listening.resolve },
  );
  const url = await listening.promise;
  const health = await (await fetch(`${url}/healthz`)).json();
  assert.deepEqual([health.state, health.version], ["running", "1.2.3"]);
  for (;;) {
    const { sources } = await (await fetch(`${url}/metrics`)).json();
    if (sources[0].phase === "ended") break;
  }
  const { windows } = await (await fetch(`${url}/windows`)).json();
  assert.equal(windows.length, 2);
  stop();
  await running;
  assert.match(stderr.text, /^All sources have ended: results stay at http:\S+ until Ctrl-C$/m);
  assert.match(stderr.text, /^Stopped: 3 lines, 3 errors in all$/m);
  await assert.rejects(fetch(url));
});

Deno.test("runAnalyzer() has a status line on a terminal, and removes it", async () => {
  using fixture = new Fixture();
  for (const quiet of [[], ["--quiet"]]) {
    const listening = Promise.withResolvers<string>();
    const { running, stop, stderr } = fixture.start(
      ["--source", `file:${fixture.log}`, "--http", "127.0.0.1:0", ...quiet],
      { isInteractive: true, onListening: listening.resolve },
    );
    const url = await listening.promise;
    for (;;) {
      const { sources } = await (await fetch(`${url}/metrics`)).json();
      if (sources[0].phase === "ended") break;
    }
    stop();
    await running;
    assert.equal(stderr.text.includes(`file:${fixture.log} `), quiet.length === 0);
    const end = stderr.text.slice(stderr.text.lastIndexOf("\r"));
    if (quiet.length === 0) assert.equal(end, "\r\x1b[KStopped: 3 lines, 3 errors in all\n");
  }
});

Deno.test("runAnalyzer() frees everything where it cannot start", async () => {
  using fixture = new Fixture();
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const attempts = [
    ["--source", "file:/none", "--no-http"],
    ["--source", `file:${fixture.log}`, "--http", String(taken.addr.port)],
    ["--source", `tcp-listen://127.0.0.1:${taken.addr.port}`, "--http", "127.0.0.1:0"],
  ];
  for (const args of attempts) {
    await assert.rejects(fixture.start(args).running, StartException);
  }
  // No lock, no port and no state is in the way of a run that can start.
  await fixture.start(["--source", `file:${fixture.log}`, "--once", "--no-http"]).running;
});

Deno.test("runAnalyzer() makes nothing where a file is not there, among others that are", async () => {
  using fixture = new Fixture();
  const sources = ["--source", `file:${fixture.log}`, "--source", "file:/none", "--source", "-"];
  await assert.rejects(fixture.start([...sources, "--no-http"]).running, StartException);
  assert.deepEqual([...Deno.readDirSync(fixture.directory)].map(({ name }) => name), ["a.log"]);
});

// S-47
Deno.test("runAnalyzer() writes nothing with --no-save, and serves windows all the same", async () => {
  using fixture = new Fixture();
  const args = ["--source", `file:${fixture.log}`, "--no-save"];
  for (let run = 0; run < 2; run++) {
    const listening = Promise.withResolvers<string>();
    const { running, stop } = fixture.start(
      [...args, "--http", "127.0.0.1:0"],
      { onListening: listening.resolve },
    );
    const url = await listening.promise;
    for (;;) {
      const { sources } = await (await fetch(`${url}/metrics`)).json();
      if (sources[0].phase === "ended") break;
    }
    const { windows } = await (await fetch(`${url}/windows`)).json();
    assert.deepEqual(windows.map((w: { error_count: number }) => w.error_count), [1, 2]);
    stop();
    await running;
  }
  assert.deepEqual([...Deno.readDirSync(fixture.directory)].map(({ name }) => name), ["a.log"]);
});
