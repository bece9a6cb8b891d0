import assert from "node:assert/strict";
import { EventStream } from "../../../../analyzer/http/dashboard/event_stream.js";

/** A stream whose connections are answered one after the other by a script, and then end it. */
async function follow(
  answers: readonly (() => Response)[],
  { retryNow = true }: { readonly retryNow?: boolean } = {},
) {
  const ending = new AbortController();
  const requests: Record<string, string>[] = [];
  const log: string[] = [];
  const waits: number[] = [];
  const stream: EventStream = new EventStream({
    connect: (headers: Record<string, string>) => {
      requests.push(headers);
      const answer = answers[requests.length - 1];
      if (answer !== undefined) return Promise.resolve().then(answer);
      ending.abort();
      return Promise.reject(new Error("over"));
    },
    onEvent: (type: string, data: unknown) => void log.push(`${type} ${JSON.stringify(data)}`),
    onConnected: () => void log.push("connected"),
    onLost: ({ exception, waitMs }: { exception: unknown; waitMs: number }) => {
      log.push(`lost: ${(exception as Error).message}`);
      waits.push(waitMs);
      if (retryNow) setTimeout(() => stream.retryNow());
    },
    signal: ending.signal,
    random: () => 1,
  });
  await stream.run();
  return { requests, log, waits };
}

Deno.test("EventStream.run() comes back with the id of the last event that was whole", async () => {
  const { requests, log } = await follow([
    () => new Response("event: window\nid: 5\ndata: 1\n\nevent: window\nid: 6\nda"),
    () => new Response("event: window\nid: 6\ndata: 2\n\n"),
  ]);
  assert.deepEqual(requests.map((headers) => headers["Last-Event-ID"]), [undefined, "5", "6"]);
  assert.deepEqual(log, [
    "connected",
    "window 1",
    "lost: The server has ended the stream",
    "connected",
    "window 2",
    "lost: The server has ended the stream",
  ]);
});

Deno.test("EventStream.run() waits longer each time, up to half a minute, until an event comes", async () => {
  const refuse = () => {
    throw new Error("refused");
  };
  const { waits } = await follow([
    ...Array.from({ length: 6 }, () => refuse),
    () => new Response("data: 1\n\n"),
    refuse,
  ]);
  assert.deepEqual(waits, [2000, 4000, 8000, 16_000, 30_000, 30_000, 2000, 4000]);
});

Deno.test("EventStream.run() waits as long as the server asks, less a random part", async () => {
  const { waits } = await follow([() => new Response("retry: 8\n\ndata: 1\n\n")], {
    retryNow: false,
  });
  assert.deepEqual(waits, [8]);
});

Deno.test("EventStream.run() ends a wait when it is stopped", async () => {
  const ending = new AbortController();
  const stream = new EventStream({
    connect: () => Promise.reject(new Error("refused")),
    onEvent: () => {},
    onConnected: () => {},
    onLost: () => void setTimeout(() => ending.abort()),
    signal: ending.signal,
  });
  await stream.run();
  assert.ok(ending.signal.aborted);
});
