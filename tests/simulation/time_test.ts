import assert from "node:assert/strict";
import { setImmediate } from "node:timers";
import { analyzerConfig, analyzerOptions } from "../../analyzer/config.ts";
import { UnsavedResults } from "../../analyzer/deno/unsaved_results.ts";
import { startPipeline } from "../../analyzer/pipeline.ts";
import type { Totals } from "../../analyzer/sink/totals.ts";
import { TcpSource } from "../../analyzer/source/tcp_source.ts";
import { parseOptions } from "../../command_line/deno/parse_options.ts";
import { BASE_MS, jsonLine } from "../support/log_lines.ts";
import { ManualClock } from "../support/manual_clock.ts";
import { storageRetrier } from "../support/storage_retrier.ts";
import { checkTotals } from "./invariants.ts";
import { LimitCounter } from "../../analyzer/limits.ts";

const SECOND = 1000;
const HOUR = 3600 * SECOND;

/** The whole analyzer on a socket, with all defaults, and a clock that a test moves. */
class Running implements AsyncDisposable {
  readonly #clock = new ManualClock({ wallMs: BASE_MS });
  readonly #config = analyzerConfig(
    parseOptions(analyzerOptions, ["--source", "tcp://127.0.0.1:9", "--no-save"]),
  );
  readonly #limitCounter = new LimitCounter();
  readonly #stopping = new AbortController();
  readonly #results = new UnsavedResults(this.#config, this.#limitCounter);
  /** Starts and rows of the windows that have closed, in their order; starts in s. */
  readonly closed: [start: number, rows: number][] = [];
  #controller: ReadableByteStreamController | undefined;
  #pipeline!: ReturnType<typeof startPipeline>;

  static async start(): Promise<Running> {
    const running = new Running();
    await running.#start();
    return running;
  }

  async #start(): Promise<void> {
    const source = new TcpSource(this.#config.sources[0]!.name, {
      connect: () => Promise.resolve(this.#connection()),
      once: false,
      nowMs: () => this.#clock.wallMs(),
      random: () => 0.5,
    });
    this.#pipeline = startPipeline({
      ...await this.#results.open([source]),
      config: this.#config,
      clock: this.#clock,
      sources: [source],
      retrier: storageRetrier({ clock: this.#clock }),
      reporter: {
        windowClosed: ({ startMs, totalCount }) =>
          void this.closed.push([(startMs - BASE_MS) / SECOND, totalCount]),
        leftOut() {},
        notice() {},
      },
      limitCounter: this.#limitCounter,
      isAnswering: () => false,
      signal: this.#stopping.signal,
    });
    await this.pass(SECOND);
  }

  /** Sends rows with these event times, in s from the start of a window. */
  async rows(...times: number[]): Promise<void> {
    const lines = times.map((time) => jsonLine({ timestampMs: BASE_MS + time * SECOND }) + "\n");
    this.#controller!.enqueue(new TextEncoder().encode(lines.join("")));
    await settle();
  }

  /** The connection is lost, and made anew. */
  async reconnect(): Promise<void> {
    this.#controller!.error(new Error("Connection reset by peer"));
    this.#controller = undefined;
    while (this.#controller === undefined) await this.pass(SECOND);
  }

  /** Time goes on, in steps in which everything can happen that is due. */
  async pass(durationMs: number): Promise<void> {
    for (let passed = 0; passed < durationMs; passed += 250) {
      this.#clock.advance(250);
      await settle();
    }
  }

  /** The machine sleeps: it notices by its wall clock only. */
  sleep(durationMs: number): void {
    this.#clock.setWall(this.#clock.wallMs() + durationMs);
  }

  /** Totals, and how many windows are open. */
  async state(): Promise<{ readonly totals: Totals; readonly openCount: number }> {
    const view = this.#pipeline.board.fresh();
    await settle();
    const { totals, open } = await view;
    checkTotals(totals);
    return { totals, openCount: open.length };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping.abort();
    await this.#pipeline.done;
    this.#results[Symbol.dispose]();
  }

  #connection() {
    const readable = new ReadableStream({
      type: "bytes",
      start: (controller) => void (this.#controller = controller),
    });
    return { readable: readable as ReadableStream<Uint8Array>, close() {} };
  }
}

/** Lets everything run that needs no time. */
function settle(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve));
}

// S-26
Deno.test("a record from the future is counted, and neither loses a window nor opens one", async () => {
  await using running = await Running.start();
  await running.rows(1, 2 * 3600, 20, 86_400 * 365, 40);
  await running.pass(60 * SECOND);
  assert.deepEqual(running.closed, [[0, 2], [30, 1]]);
  const { totals, openCount } = await running.state();
  assert.deepEqual([totals.valid, totals.inWindows, totals.future, totals.late], [5, 3, 2, 0]);
  assert.equal(openCount, 0);
});

// S-24, S-25
Deno.test("a source that is quiet for an hour leaves no window open, and loses none when it returns", async () => {
  await using running = await Running.start();
  await running.rows(1, 31, 45);
  await running.pass(4 * SECOND);
  assert.deepEqual(running.closed, [[0, 1]]);
  await running.pass(HOUR);
  assert.deepEqual(running.closed, [[0, 1], [30, 2]]);
  assert.equal((await running.state()).openCount, 0);
  await running.rows(3610, 3611);
  await running.pass(60 * SECOND);
  assert.deepEqual(running.closed, [[0, 1], [30, 2], [3600, 2]]);
  const { totals } = await running.state();
  assert.deepEqual([totals.inWindows, totals.late], [5, 0]);
});

// S-20, S-22
Deno.test("a source that starts again with older times has late rows, until its times catch up", async () => {
  await using running = await Running.start();
  await running.rows(210, 250);
  await running.reconnect();
  // As a replay does, or a server whose clock was wrong.
  await running.rows(0, 100, 199);
  await running.pass(60 * SECOND);
  assert.deepEqual(running.closed, [[210, 1], [240, 1]], "none closes twice, or for late rows");
  await running.rows(220, 270, 310);
  await running.pass(60 * SECOND);
  assert.deepEqual(running.closed, [[210, 1], [240, 1], [270, 1], [300, 1]]);
  const { totals, openCount } = await running.state();
  assert.deepEqual([totals.inWindows, totals.late, openCount], [4, 4, 0]);
});

// S-24, S-26
Deno.test("a laptop that has slept closes what was open, and goes on with the times of now", async () => {
  await using running = await Running.start();
  await running.rows(1, 10);
  running.sleep(8 * HOUR);
  // The other side has given the connection up meanwhile.
  await running.reconnect();
  await running.rows(8 * 3600 + 5, 8 * 3600 + 20);
  await running.pass(60 * SECOND);
  assert.deepEqual(running.closed, [[0, 2], [8 * 3600, 2]]);
  const { totals, openCount } = await running.state();
  assert.deepEqual([totals.inWindows, totals.future, totals.late, openCount], [4, 0, 0, 0]);
});
