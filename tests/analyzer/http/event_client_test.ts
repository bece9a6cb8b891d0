import assert from "node:assert/strict";
import { EventClient } from "../../../analyzer/http/event_client.ts";

function setUp(queueBytesMax: number) {
  const counts = { gone: 0, room: 0 };
  const client = new EventClient({
    queueBytesMax,
    onGone: () => counts.gone++,
    onRoom: () => counts.room++,
  });
  return { client, counts };
}

const bytes = (length: number) => new Uint8Array(length);

Deno.test("EventClient.push() takes bytes up to its bound, and not one more (S-71)", () => {
  const { client } = setUp(10);
  assert.ok(client.push(bytes(4)));
  assert.ok(client.push(bytes(6)));
  assert.equal(client.queuedBytes, 10);
  assert.ok(!client.push(bytes(1)));
  assert.equal(client.queuedBytes, 10);
});

Deno.test("EventClient.push() takes one piece of any size where nothing waits", async () => {
  const { client } = setUp(10);
  assert.ok(client.push(bytes(1000)));
  assert.ok(!client.push(bytes(1)));
  const reader = client.body.getReader();
  assert.equal((await reader.read()).value?.length, 1000);
  assert.ok(client.push(bytes(1)));
});

Deno.test("EventClient.end() ends the stream behind what waits", async () => {
  const { client } = setUp(10);
  client.push(bytes(3));
  client.end();
  const reader = client.body.getReader();
  assert.equal((await reader.read()).value?.length, 3);
  assert.equal((await reader.read()).done, true);
});

Deno.test("EventClient.drop() breaks the stream, and gives up what waits", async () => {
  const { client, counts } = setUp(10);
  client.push(bytes(3));
  client.drop("it does not read");
  await assert.rejects(client.body.getReader().read(), { message: "it does not read" });
  assert.equal(counts.gone, 0, "who drops it knows");
});

Deno.test("EventClient tells when there is room again, and when it has gone", async () => {
  const { client, counts } = setUp(10);
  await Promise.resolve();
  client.push(bytes(10));
  const before = counts.room;
  const reader = client.body.getReader();
  await reader.read();
  assert.ok(counts.room > before);
  await reader.cancel();
  assert.equal(counts.gone, 1);
});
