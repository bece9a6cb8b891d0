import assert from "node:assert/strict";
import { createApp } from "../../../analyzer/http/app.ts";
import { EventListener, EventRun, nthWindow, settle } from "../../support/event_run.ts";
import { appDeps } from "../../support/window_fixtures.ts";

function setUp(options: ConstructorParameters<typeof EventRun>[0] = {}) {
  const run = new EventRun(options);
  const app = createApp({ ...appDeps({ events: run.publisher }), ...run.limits });
  const get = async (path: string, headers: Record<string, string> = {}) =>
    await app.request(path, { headers });
  return { run, app, get };
}

/** Reads the events of an answer. */
function listen(response: Response): EventListener {
  assert.equal(response.status, 200);
  return new EventListener(response.body!);
}

Deno.test("GET /events answers a stream of events that no proxy keeps", async () => {
  const { get } = setUp();
  const response = await get("/events");
  assert.equal(response.headers.get("content-type"), "text/event-stream; charset=utf-8");
  assert.equal(response.headers.get("cache-control"), "no-store");
  assert.equal(response.headers.get("x-accel-buffering"), "no");
  const client = listen(response);
  await settle();
  assert.deepEqual(client.events.map(({ type }) => type), ["status"]);
  await client.leave();
});

Deno.test("GET /events goes on from after=, and rather from Last-Event-ID (S-70)", async () => {
  const { run, get } = setUp();
  const first = listen(await get("/events"));
  await settle();
  const beginning = first.lastEventId;
  for (let i = 0; i < 3; i++) run.close(nthWindow(i));
  await run.second();
  const after = listen(await get(`/events?after=${beginning}`));
  await settle();
  assert.deepEqual(after.closed, [0, 1, 2]);
  // A browser repeats the address when it comes back.
  const back = listen(
    await get(`/events?after=${beginning}`, { "Last-Event-ID": first.lastEventId }),
  );
  await settle();
  assert.deepEqual(back.closed, []);
  run.publisher.stop();
});

Deno.test("GET /events refuses more clients than the limit, and all once it stops (S-71)", async () => {
  const { run, get } = setUp({ limits: { eventClients: 1 } });
  const client = listen(await get("/events"));
  const full = await get("/events");
  assert.equal(full.status, 503);
  assert.equal(full.headers.get("retry-after"), "10");
  assert.deepEqual(await full.json(), {
    error: {
      code: "too_many_event_clients",
      message: "No more than 1 clients are taken at a time",
    },
  });
  await client.leave();
  run.publisher.stop();
  const stopping = await get("/events");
  assert.deepEqual([stopping.status, stopping.headers.get("retry-after")], [503, "2"]);
  assert.equal((await stopping.json()).error.code, "stopping");
});

Deno.test("HEAD /events answers the headers, and is no client", async () => {
  const { run, app } = setUp();
  const response = await app.request("/events", { method: "HEAD" });
  assert.equal(response.status, 200);
  assert.equal(response.headers.get("content-type"), "text/event-stream; charset=utf-8");
  assert.equal(await response.text(), "");
  assert.equal(run.publisher.counts.clients, 0);
});

Deno.test("GET /metrics tells of the clients of GET /events", async () => {
  const { run, get } = setUp({ limits: { eventQueueBytes: 4096 } });
  const client = listen(await get("/events"));
  const silent = await get("/events");
  for (let i = 0; i < 10; i++) {
    run.close(nthWindow(i));
    await run.second();
  }
  const text = await (await get("/metrics", { accept: "text/plain" })).text();
  assert.match(text, /^vigie_event_clients 1$/m);
  assert.match(text, /^vigie_dropped_event_clients_total 1$/m);
  assert.match(text, /^vigie_limit_reached_total\{limit="event-queue-bytes"\} 1$/m);
  assert.match(text, /^vigie_event_bytes_total [1-9]\d{3,}$/m);
  await assert.rejects(silent.text());
  await client.leave();
});
