import assert from "node:assert/strict";
import fc from "fast-check";
import type { AppendFile } from "../../../analyzer/sink/storage.ts";
import {
  COLLECTED_BYTES_MAX,
  SYNC_AHEAD_BYTES,
  WriteBehindFile,
} from "../../../analyzer/sink/write_behind_file.ts";

/** A file whose writes end when a test lets them. */
class SlowFile implements AppendFile {
  readonly written: number[] = [];
  readonly begun: number[] = [];
  readonly log: string[] = [];
  #pending: PromiseWithResolvers<void>[] = [];

  constructor(readonly isSlow = true) {}

  async write(bytes: Uint8Array): Promise<void> {
    this.begun.push(bytes.length);
    const pending = Promise.withResolvers<void>();
    this.#pending.push(pending);
    if (!this.isSlow) pending.resolve();
    await pending.promise;
    for (const byte of bytes) this.written.push(byte);
    this.log.push(`wrote ${bytes.length}`);
  }

  sync(): Promise<void> {
    this.log.push("sync");
    return Promise.resolve();
  }

  close(): void {
    this.log.push("close");
  }

  finish(exception?: Error): void {
    const pending = this.#pending.shift()!;
    if (exception === undefined) pending.resolve();
    else pending.reject(exception);
  }
}

/** Whether a promise is settled once all that is ready has run. */
async function isSettled(promise: Promise<void>): Promise<boolean> {
  let settled = false;
  const settle = () => settled = true;
  promise.then(settle, settle);
  await new Promise((resolve) => setTimeout(resolve));
  return settled;
}

const HALF = COLLECTED_BYTES_MAX / 2;

Deno.test("WriteBehindFile collects small pieces, and writes them in one", async () => {
  const file = new SlowFile();
  const behind = new WriteBehindFile(file);
  for (const byte of [1, 2, 3]) await behind.write(Uint8Array.of(byte));
  assert.deepEqual(file.begun, []);
  const flushed = behind.flush();
  assert.equal(await isSettled(flushed), false);
  assert.deepEqual(file.begun, [3]);
  file.finish();
  await flushed;
  await behind.flush();
  await behind.sync();
  assert.deepEqual(file.written, [1, 2, 3]);
  assert.deepEqual(file.log, ["wrote 3", "sync"]);
});

Deno.test("WriteBehindFile lets the caller go on while it writes, until the next buffer is full", async () => {
  const file = new SlowFile();
  const behind = new WriteBehindFile(file);
  await behind.write(new Uint8Array(HALF));
  await behind.write(new Uint8Array(HALF));
  assert.deepEqual(file.begun, [], "it is just full");
  await behind.write(Uint8Array.of(1));
  assert.deepEqual(file.begun, [COLLECTED_BYTES_MAX]);
  await behind.write(new Uint8Array(COLLECTED_BYTES_MAX - 1));
  const held = behind.write(Uint8Array.of(2));
  assert.equal(await isSettled(held), false, "a slow disk holds up the caller");
  file.finish();
  await held;
  assert.deepEqual(file.begun, [COLLECTED_BYTES_MAX, COLLECTED_BYTES_MAX]);
  file.finish();
});

Deno.test("WriteBehindFile writes a large piece without copying it, behind what came before", async () => {
  const file = new SlowFile();
  const behind = new WriteBehindFile(file);
  await behind.write(Uint8Array.of(1));
  const large = behind.write(new Uint8Array(COLLECTED_BYTES_MAX).fill(2));
  assert.equal(await isSettled(large), false);
  file.finish();
  await large;
  await behind.write(Uint8Array.of(3));
  file.finish();
  const synced = behind.sync();
  await isSettled(synced);
  file.finish();
  await synced;
  assert.deepEqual(file.begun, [1, COLLECTED_BYTES_MAX, 1]);
  assert.deepEqual([file.written[0], file.written[1], file.written.at(-1)], [1, 2, 3]);
});

Deno.test("WriteBehindFile tells the next caller that a write has failed", async () => {
  for (const next of ["flush", "sync"] as const) {
    const file = new SlowFile();
    const behind = new WriteBehindFile(file);
    await behind.write(new Uint8Array(COLLECTED_BYTES_MAX));
    await behind.write(Uint8Array.of(1));
    file.finish(new Error("disk full"));
    await behind.write(Uint8Array.of(2));
    await assert.rejects(behind[next](), { message: "disk full" });
    assert.deepEqual(file.log, [], "nothing behind the failure is written or synced");
    behind.close();
  }
});

Deno.test("WriteBehindFile writes every byte once and in order, whatever the pieces", async () => {
  const size = fc.oneof(
    fc.integer({ min: 0, max: 300 }),
    fc.integer({ min: HALF - 2, max: HALF + 2 }),
    fc.integer({ min: COLLECTED_BYTES_MAX - 2, max: COLLECTED_BYTES_MAX + 2 }),
  );
  const step = fc.oneof(size, fc.constant("flush" as const), fc.constant("sync" as const));
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 8 }), async (steps) => {
      const file = new SlowFile(false);
      const behind = new WriteBehindFile(file);
      const expected: number[] = [];
      for (const step of steps) {
        if (step === "flush") await behind.flush();
        else if (step === "sync") await behind.sync();
        else {
          const piece = Uint8Array.from({ length: step }, (_, i) => expected.length + i);
          for (const byte of piece) expected.push(byte);
          await behind.write(piece);
        }
      }
      await behind.sync();
      assert.equal(file.written.length, expected.length);
      assert.ok(file.written.every((byte, i) => byte === expected[i]));
    }),
    { numRuns: 20 },
  );
});

Deno.test("WriteBehindFile makes much that was written durable before it is asked to", async () => {
  for (const failure of [undefined, new Error("disk gone")]) {
    let syncs = 0;
    const behind = new WriteBehindFile({
      write: () => Promise.resolve(),
      sync: () =>
        ++syncs === 1 && failure !== undefined ? Promise.reject(failure) : Promise.resolve(),
      close: () => {},
    });
    const piece = new Uint8Array(COLLECTED_BYTES_MAX);
    for (let bytes = 0; bytes < SYNC_AHEAD_BYTES; bytes += piece.length) await behind.write(piece);
    assert.equal(syncs, 0, "not yet");
    for (let i = 0; i < 3; i++) await behind.write(piece);
    assert.equal(syncs, 1);
    // A system tells of a failure once, so whoever relies on durability is told here.
    if (failure === undefined) await behind.sync();
    else await assert.rejects(behind.sync(), failure);
    assert.equal(syncs, failure === undefined ? 2 : 1);
  }
});
