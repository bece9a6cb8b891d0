import assert from "node:assert/strict";
import { analyzerConfig, analyzerOptions } from "../../analyzer/config.ts";
import { UnsavedResults } from "../../analyzer/deno/unsaved_results.ts";
import { type PipelineParts, startPipeline } from "../../analyzer/pipeline.ts";
import { type ErrorSink, NO_ERROR_FILES } from "../../analyzer/sink/error_files.ts";
import { TcpSource } from "../../analyzer/source/tcp_source.ts";
import { parseOptions } from "../../command_line/deno/parse_options.ts";
import { jsonLine } from "../support/log_lines.ts";
import { ManualClock } from "../support/manual_clock.ts";
import { storageRetrier } from "../support/storage_retrier.ts";
import { LimitCounter } from "../../analyzer/limits.ts";

/** A disk that takes the errors of one batch only when a test lets it. */
class ThrottledDisk implements ErrorSink {
  #mayWrite = Promise.withResolvers<void>();
  #isOpen = false;
  lines = 0;

  async append({ batch }: Parameters<ErrorSink["append"]>[0]): Promise<void> {
    if (!this.#isOpen) await this.#mayWrite.promise;
    this.lines += batch.errors.count;
  }

  /** Lets one more batch through, or all that will come. */
  release(all = false): void {
    this.#isOpen = all;
    this.#mayWrite.resolve();
    this.#mayWrite = Promise.withResolvers();
  }

  flush = () => Promise.resolve();
  sync = () => Promise.resolve();
  state = () => NO_ERROR_FILES;
  close = () => {};
}

/** A socket that always has more, up to an end. */
function endlessSocket(chunk: Uint8Array, chunks: number) {
  const socket = {
    sent: 0,
    readable: new ReadableStream({
      type: "bytes",
      pull(controller) {
        if (socket.sent === chunks) {
          controller.close();
          controller.byobRequest?.respond(0);
        } else {
          socket.sent++;
          controller.enqueue(chunk.slice());
        }
      },
    }) as ReadableStream<Uint8Array>,
    close() {},
  };
  return socket;
}

/** Lets everything that is ready run, again and again. */
async function settle(): Promise<void> {
  for (let i = 0; i < 50; i++) await new Promise((resolve) => setTimeout(resolve));
}

Deno.test("startPipeline() slows a socket down to the pace of the disk, with few batches on the way", async () => {
  const config = analyzerConfig(
    parseOptions(analyzerOptions, ["--once", "--no-http", "--source", "tcp://127.0.0.1:9"]),
  );
  const line = `${jsonLine({ status: 500 })}\n`;
  const chunk = new TextEncoder().encode(line.repeat(100));
  const chunks = 200;
  const socket = endlessSocket(chunk, chunks);
  const clock = new ManualClock();
  const limitCounter = new LimitCounter();
  const source = new TcpSource(config.sources[0]!.name, {
    connect: () => Promise.resolve(socket),
    once: true,
    nowMs: () => clock.wallMs(),
    random: () => 0,
  });
  using results = new UnsavedResults(config, limitCounter);
  const disk = new ThrottledDisk();
  const parts: PipelineParts = {
    ...await results.open([source]),
    config,
    clock,
    sources: [source],
    errors: disk,
    retrier: storageRetrier({ clock }),
    reporter: { windowClosed() {}, leftOut() {}, notice() {} },
    limitCounter,
    isAnswering: () => false,
    signal: new AbortController().signal,
  };
  const { done } = startPipeline(parts);

  await settle();
  const ahead = socket.sent;
  assert.ok(ahead > 0 && ahead <= CHUNKS_AHEAD_MAX, `${ahead} chunks were read ahead`);
  await settle();
  assert.equal(socket.sent, ahead, "however long the disk takes");
  for (let written = 1; written <= 20; written++) {
    disk.release();
    await settle();
    const sent = socket.sent;
    assert.ok(sent <= written + CHUNKS_AHEAD_MAX, `${sent} chunks read, ${written} written`);
  }
  assert.ok(socket.sent > ahead, "it goes on when the disk does");
  disk.release(true);
  await done;
  assert.deepEqual([socket.sent, disk.lines], [chunks, 100 * chunks]);
  assert.ok(limitCounter.count("queuedBatches") > 0);
});

/** One batch at each stage: in the writer, before each of the operators, in the merge, decoded. */
const CHUNKS_AHEAD_MAX = 8;
