import assert from "node:assert/strict";
import { StoredCheckpoints } from "../../../analyzer/checkpoint/stored_checkpoints.ts";
import { StartException } from "../../../analyzer/exceptions.ts";
import { MemoryStorage } from "../../support/memory_storage.ts";
import { checkpoint, checkpointFile } from "./checkpoints.ts";

/** A storage in which checkpoints of these numbers were saved, in this order. */
async function saved(...epochs: number[]): Promise<MemoryStorage> {
  const storage = new MemoryStorage();
  const checkpoints = new StoredCheckpoints(storage, "x");
  for (const epoch of epochs) await checkpoints.save(checkpoint(epoch));
  return storage;
}

async function load(storage: MemoryStorage) {
  const notices: string[] = [];
  const checkpoints = new StoredCheckpoints(storage, "x");
  const checkpoint = await checkpoints.load({
    notice: (line) => notices.push(line),
    onNoneWhole: () => Promise.resolve(void notices.push("none is whole")),
  });
  const epoch = checkpoint?.epoch;
  return { epoch, notices };
}

function damage(storage: MemoryStorage, path: string): void {
  storage.set(path, storage.text(path)!.slice(0, -1));
}

Deno.test("StoredCheckpoints.load() finds nothing in an empty directory", async () => {
  assert.deepEqual(await load(new MemoryStorage()), { epoch: undefined, notices: [] });
});

Deno.test("StoredCheckpoints.load() gives the latest, in whichever file it is", async () => {
  for (const [epochs, latest] of [[[0], 0], [[0, 1], 1], [[0, 1, 2], 2], [[7, 8, 9], 9]] as const) {
    const storage = await saved(...epochs);
    storage.crash();
    assert.deepEqual(await load(storage), { epoch: latest, notices: [] });
  }
});

// S-36
Deno.test("StoredCheckpoints.save() keeps the one before, and no more than two files", async () => {
  const storage = await saved(0, 1, 2, 3);
  assert.deepEqual(storage.paths(), ["checkpoint-0.jsonl", "checkpoint-1.jsonl"]);
  storage.delete("checkpoint-1.jsonl");
  assert.deepEqual(await load(storage), { epoch: 2, notices: [] });
});

Deno.test("StoredCheckpoints.save() leaves the one before where it fails", async () => {
  const storage = await saved(4, 5);
  storage.failAt(1);
  await assert.rejects(new StoredCheckpoints(storage, "x").save(checkpoint(6)));
  storage.crash();
  assert.deepEqual(await load(storage), { epoch: 5, notices: [] });
});

// S-40
Deno.test("StoredCheckpoints.load() falls back where the latest is damaged, and says so once", async () => {
  const storage = await saved(1, 2);
  damage(storage, "checkpoint-0.jsonl");
  const damaged = storage.text("checkpoint-0.jsonl");
  const { epoch, notices } = await load(storage);
  assert.equal(epoch, 1);
  assert.equal(notices.length, 1);
  assert.match(
    notices[0]!,
    /^Checkpoint \/memory\/checkpoint-0\.jsonl is damaged \(it holds \d+ bytes, not \d+\): set aside as \/memory\/set_aside\/x-checkpoint-0\.jsonl; going on from number 1$/,
  );
  storage.crash();
  assert.equal(storage.text("set_aside/x-checkpoint-0.jsonl"), damaged);
  assert.deepEqual(await load(storage), { epoch: 1, notices: [] });

  await new StoredCheckpoints(storage, "x").save(checkpoint(2));
  assert.deepEqual(await load(storage), { epoch: 2, notices: [] });
});

Deno.test("StoredCheckpoints.load() goes on from the latest where the one before is damaged", async () => {
  const storage = await saved(1, 2);
  damage(storage, "checkpoint-1.jsonl");
  const { epoch, notices } = await load(storage);
  assert.equal(epoch, 2);
  assert.equal(notices.length, 1);
  assert.match(notices[0]!, /going on from number 2$/);
});

Deno.test("StoredCheckpoints.load() sets both aside where both are damaged", async () => {
  const storage = await saved(1, 2);
  storage.set("checkpoint-0.jsonl", "");
  storage.set("checkpoint-1.jsonl", Uint8Array.of(0xff, 0x0a));
  const { epoch, notices } = await load(storage);
  assert.equal(epoch, undefined);
  assert.equal(notices.length, 3);
  assert.equal(notices.shift(), "none is whole", "before anything is moved");
  for (const notice of notices) {
    assert.match(notice, /; no other is whole, so the run begins anew$/);
  }
  assert.deepEqual(storage.paths(), [
    "set_aside/x-checkpoint-0.jsonl",
    "set_aside/x-checkpoint-1.jsonl",
  ]);
});

// S-40
Deno.test("StoredCheckpoints.load() refuses another version and leaves the file alone", async () => {
  const storage = await saved(1);
  const other = await checkpointFile(9);
  storage.set("checkpoint-1.jsonl", other);
  await assert.rejects(load(storage), (exception) => {
    assert.ok(exception instanceof StartException);
    assert.equal(exception.exitStatus, 2);
    assert.match(
      exception.message,
      /^Cannot load checkpoint \/memory\/checkpoint-1\.jsonl: version is 9, supported is 2; .*--reset$/,
    );
    return true;
  });
  assert.equal(storage.text("checkpoint-1.jsonl"), other);
});
