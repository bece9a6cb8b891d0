import assert from "node:assert/strict";
import { IP_KEY_FILE, loadIpKey } from "../../../analyzer/checkpoint/ip_key.ts";
import { IP_KEY_BYTES } from "../../../analyzer/decode/ip_mask.ts";
import { StartException } from "../../../analyzer/exceptions.ts";
import { MemoryStorage } from "../../support/memory_storage.ts";

Deno.test("loadIpKey() makes a key that is the same from its save() on", async () => {
  const storage = new MemoryStorage();
  const key = await loadIpKey(storage);
  assert.equal(key.bytes.length, IP_KEY_BYTES);
  assert.equal(key.isNew, true);
  assert.deepEqual(storage.paths(), [], "a start that is refused leaves no trace");
  await key.save();
  const again = await loadIpKey(storage);
  assert.equal(again.isNew, false);
  assert.deepEqual([again.bytes, again.id], [key.bytes, key.id]);
  await again.save();
  assert.equal(storage.text(IP_KEY_FILE), `${key.bytes.toHex()}\n`);
});

Deno.test("loadIpKey() gives keys ids that differ and do not hold them", async () => {
  const [first, second] = [
    await loadIpKey(new MemoryStorage()),
    await loadIpKey(new MemoryStorage()),
  ];
  assert.notEqual(first.id, second.id);
  assert.ok(!first.id.includes(first.bytes.toHex().slice(0, 8)));
});

// S-53
Deno.test("loadIpKey() refuses a file that is no key", async () => {
  for (const text of ["", "ab", "x".repeat(64), "a".repeat(66), "A".repeat(64)]) {
    const storage = new MemoryStorage();
    storage.set(IP_KEY_FILE, text);
    await assert.rejects(
      () => loadIpKey(storage),
      (exception) => exception instanceof StartException && exception.exitStatus === 2,
    );
  }
});
