import assert from "node:assert/strict";
import fc from "fast-check";
import { StorageException } from "../../../analyzer/exceptions.ts";
import type { AppendFile, Storage } from "../../../analyzer/sink/storage.ts";
import {
  BLOCK_BYTES,
  KEPT_BYTES_MAX,
  SYNC_AHEAD_BYTES,
  WriteBehindFile,
} from "../../../analyzer/sink/write_behind_file.ts";
import { ManualClock } from "../../support/manual_clock.ts";
import { MemoryStorage } from "../../support/memory_storage.ts";
import { storageRetrier } from "../../support/storage_retrier.ts";

/** A disk with one file, whose writes and syncs end when a test lets them. */
class SlowDisk implements Pick<Storage, "append" | "truncate"> {
  readonly log: string[] = [];
  readonly #waiting: {
    readonly what: "write" | "sync";
    readonly done: PromiseWithResolvers<void>;
  }[] = [];

  append(): Promise<AppendFile> {
    return Promise.resolve({
      write: (bytes) => this.#wait("write", `write ${bytes.length}`),
      sync: () => this.#wait("sync", "sync"),
      close: () => {},
    });
  }

  truncate(): Promise<void> {
    return Promise.resolve();
  }

  /** Lets the oldest write or sync end. */
  finish(what: "write" | "sync", exception?: Error): void {
    const index = this.#waiting.findIndex((waiting) => waiting.what === what);
    assert.ok(index >= 0, `no ${what} has begun`);
    const { done } = this.#waiting.splice(index, 1)[0]!;
    if (exception === undefined) done.resolve();
    else done.reject(exception);
  }

  async #wait(what: "write" | "sync", entry: string): Promise<void> {
    this.log.push(entry);
    const done = Promise.withResolvers<void>();
    this.#waiting.push({ what, done });
    await done.promise;
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

function on(disk: SlowDisk): WriteBehindFile {
  return new WriteBehindFile(disk as unknown as Storage, "file", 0, storageRetrier());
}

Deno.test("WriteBehindFile collects small pieces, and writes them in one", async () => {
  const disk = new SlowDisk();
  const file = on(disk);
  for (const byte of [1, 2, 3]) await file.write(Uint8Array.of(byte));
  assert.deepEqual(disk.log, []);
  const flushed = file.flush();
  assert.equal(await isSettled(flushed), false);
  disk.finish("write");
  await flushed;
  await file.flush();
  const synced = file.sync();
  assert.equal(await isSettled(synced), false);
  disk.finish("sync");
  await synced;
  await file.sync();
  assert.deepEqual(disk.log, ["write 3", "sync"], "what is durable is not synced again");
});

Deno.test("WriteBehindFile lets the caller go on while it writes, until the next block is full", async () => {
  const disk = new SlowDisk();
  const file = on(disk);
  await file.write(new Uint8Array(BLOCK_BYTES - 1));
  assert.deepEqual(disk.log, []);
  await file.write(Uint8Array.of(1));
  assert.deepEqual(disk.log, [`write ${BLOCK_BYTES}`]);
  await file.write(new Uint8Array(BLOCK_BYTES - 1));
  const held = file.write(Uint8Array.of(2));
  assert.equal(await isSettled(held), false, "a slow disk holds up the caller");
  disk.finish("write");
  await held;
  assert.deepEqual(disk.log, [`write ${BLOCK_BYTES}`, `write ${BLOCK_BYTES}`]);
  disk.finish("write");
});

Deno.test("WriteBehindFile keeps many bytes where they are until they are durable, and gives few back at once", async () => {
  const disk = new SlowDisk();
  const file = on(disk);
  const givenBack: string[] = [];
  await file.write(new Uint8Array(BLOCK_BYTES - 1), () => givenBack.push("few"));
  assert.deepEqual(givenBack, ["few"]);
  const taking = file.write(new Uint8Array(BLOCK_BYTES + 1), () => givenBack.push("many"));
  for (const bytes of [BLOCK_BYTES - 1, BLOCK_BYTES]) {
    await isSettled(taking);
    assert.equal(disk.log.at(-1), `write ${bytes}`, "no write is of two pieces");
    disk.finish("write");
  }
  await taking;
  const synced = file.sync();
  await isSettled(synced);
  assert.equal(disk.log.at(-1), "write 1");
  disk.finish("write");
  await isSettled(synced);
  assert.deepEqual(givenBack, ["few"]);
  disk.finish("sync");
  await synced;
  assert.deepEqual(givenBack, ["few", "many"]);
});

Deno.test("WriteBehindFile makes much that was written durable before it is asked to", async () => {
  const disk = new SlowDisk();
  const file = on(disk);
  const block = new Uint8Array(BLOCK_BYTES);
  let bytes = 0;
  const write = async () => {
    await file.write(block);
    disk.finish("write");
    bytes += BLOCK_BYTES;
  };
  while (bytes < SYNC_AHEAD_BYTES) await write();
  assert.ok(!disk.log.includes("sync"), "not yet");
  await write();
  assert.equal(disk.log.filter((entry) => entry === "sync").length, 1);
  // The sync does not end: so much may wait for it, and no byte more, copied or not.
  while (bytes < KEPT_BYTES_MAX) await write();
  const held = file.write(block, () => {});
  assert.equal(await isSettled(held), false);
  disk.finish("sync");
  await held;
});

// S-48
Deno.test("WriteBehindFile writes anew what was not durable where a write or a sync was refused", async () => {
  for (const what of ["write file", "sync file"]) {
    let refusals = 3;
    const storage = new MemoryStorage((operation) => {
      if (operation === what && refusals-- > 0) throw new StorageException(`${operation}: no room`);
    });
    const clock = new ManualClock();
    const notices: string[] = [];
    const retrier = storageRetrier({ clock, notice: (line) => notices.push(line) });
    const file = new WriteBehindFile(storage, "file", 0, retrier);
    await file.write(new TextEncoder().encode("first second "));
    const synced = file.sync();
    while (!await isSettled(synced)) {
      // The first attempt after the refusal is made at once, and nobody is told of that one.
      assert.equal(retrier.fault, `${what}: no room`);
      clock.advance(1000);
    }
    await synced;
    assert.equal(retrier.fault, "");
    assert.equal(retrier.refusalCount, 3);
    assert.deepEqual(notices.length, 2);
    await file.write(new TextEncoder().encode("third"));
    await file.sync();
    file.close();
    storage.crash();
    assert.equal(storage.text("file"), "first second third", what);
    assert.equal(storage.openCount, 0);
  }
});

// S-48
Deno.test("WriteBehindFile trusts no sync after one that was refused, whenever that ends", async () => {
  for (let turns = 0; turns < 12; turns++) {
    const disk = new SlowDisk();
    const file = on(disk);
    for (let bytes = 0; bytes <= SYNC_AHEAD_BYTES; bytes += BLOCK_BYTES) {
      if (bytes > 0) disk.finish("write");
      await file.write(new Uint8Array(BLOCK_BYTES));
    }
    assert.equal(disk.log.filter((entry) => entry === "sync").length, 1, "a sync is under way");
    const synced = file.sync();
    disk.finish("write");
    for (let turn = 0; turn < turns; turn++) await null;
    const before = disk.log.length;
    disk.finish("sync", new StorageException("no room"));
    await isSettled(synced);
    assert.match(disk.log[before] ?? "", /^write /, `after ${turns} turns: all is written anew`);
    while (!await isSettled(synced)) {
      disk.finish(disk.log.at(-1) === "sync" ? "sync" : "write");
    }
    await synced;
    const anew = disk.log.slice(before).filter((entry) => entry.startsWith("write "));
    const bytes = anew.reduce((sum, entry) => sum + Number(entry.slice(6)), 0);
    assert.equal(bytes, SYNC_AHEAD_BYTES + BLOCK_BYTES);
  }
});

// S-48
Deno.test("WriteBehindFile has every byte once and in order, whatever is refused on the way", async () => {
  const size = fc.oneof(
    fc.integer({ min: 0, max: 300 }),
    fc.integer({ min: BLOCK_BYTES / 2 - 2, max: BLOCK_BYTES / 2 + 2 }),
    fc.integer({ min: BLOCK_BYTES - 2, max: 2 * BLOCK_BYTES + 2 }),
  );
  const step = fc.oneof(size, fc.constant("flush" as const), fc.constant("sync" as const));
  const refusals = fc.array(fc.boolean(), { maxLength: 30 });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 10 }), refusals, async (steps, refused) => {
      let operations = 0;
      const storage = new MemoryStorage((operation) => {
        if (refused[operations++]) throw new StorageException(operation);
      });
      const clock = new ManualClock();
      const file = new WriteBehindFile(
        storage,
        "file",
        0,
        storageRetrier({ clock, notice: () => {} }),
      );
      const finished = async (doing: Promise<void>) => {
        while (!await isSettled(doing)) clock.advance(1000);
        await doing;
      };
      const expected: number[] = [];
      const given = new Set<Uint8Array>();
      for (const step of [...steps, "sync" as const]) {
        if (step === "flush") await finished(file.flush());
        else if (step === "sync") await finished(file.sync());
        else {
          const piece = Uint8Array.from({ length: step }, (_, i) => expected.length + i);
          for (const byte of piece) expected.push(byte);
          const isGiven = step % 2 === 0;
          if (isGiven) given.add(piece);
          const giveBack = () => {
            assert.ok(given.delete(piece), "given back once");
            piece.fill(0);
          };
          await finished(isGiven ? file.write(piece, giveBack) : file.write(piece));
          if (!isGiven) piece.fill(0);
        }
        assert.equal(file.bytes, expected.length);
      }
      assert.equal(given.size, 0, "all is durable");
      file.close();
      storage.crash();
      const bytes = storage.bytes("file") ?? new Uint8Array();
      assert.equal(bytes.length, expected.length);
      assert.ok(bytes.every((byte, i) => byte === expected[i] % 256));
      assert.equal(storage.openCount, 0);
    }),
    { numRuns: 30 },
  );
});

Deno.test("WriteBehindFile tells the next caller of a failure that no other attempt can mend", async () => {
  for (const next of ["flush", "sync", "write"] as const) {
    const disk = new SlowDisk();
    const file = on(disk);
    await file.write(new Uint8Array(BLOCK_BYTES));
    disk.finish("write", new Error("a fault of its own"));
    const bytes = new Uint8Array(BLOCK_BYTES);
    await assert.rejects(file[next](bytes), { message: "a fault of its own" });
    assert.deepEqual(disk.log, [`write ${BLOCK_BYTES}`], "nothing behind it is written");
    file.close();
  }
});
