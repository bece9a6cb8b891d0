import assert from "node:assert/strict";
import { emptyTotals } from "../../../analyzer/sink/totals.ts";
import { EventListener, EventRun, nthWindow, settle } from "../../support/event_run.ts";
import { Mulberry32 } from "../../support/mulberry32.ts";
import {
  InMemoryHistory,
  LENGTH_MS,
  liveView,
  START_MS,
  statusSummary,
  windowSummary,
} from "../../support/window_fixtures.ts";

const openWindow = (index: number, totalCount = 40) =>
  windowSummary({ startMs: START_MS + index * LENGTH_MS, state: "open", totalCount });

Deno.test("EventPublisher tells a client at once how everything stands", async () => {
  const run = new EventRun();
  run.feed.view = liveView({ open: [openWindow(0), openWindow(1)] });
  const client = run.connect();
  await settle();
  assert.deepEqual(client.events.map(({ type }) => type), ["status", "window", "window"]);
  assert.deepEqual(client.open, [0, 1]);
  assert.equal(client.retryMs, 2000);
  // A second client need not wait for the next view.
  const second = run.connect();
  await settle();
  assert.deepEqual(second.events, client.events);
  assert.equal(run.feed.viewCount, 1);
});

Deno.test("EventPublisher tells status and changed open windows once a second (S-69)", async () => {
  const run = new EventRun();
  run.feed.view = liveView({ open: [openWindow(0, 40), openWindow(1, 1)] });
  const client = run.connect();
  await settle();
  run.feed.view = liveView({ open: [openWindow(0, 50), openWindow(1, 1)] });
  run.clock.advance(999);
  await settle();
  assert.equal(client.of("status").length, 1);
  run.clock.advance(1);
  await settle();
  assert.equal(client.of("status").length, 2);
  assert.deepEqual(client.open, [0, 1, 0], "the other one has not changed");
  assert.equal(client.of("window").at(-1)!.data.total_count, 50);
});

Deno.test("EventPublisher tells of each closed window once, in order, with an id (S-69)", async () => {
  const run = new EventRun();
  const clients = [run.connect(), run.connect()];
  await settle();
  for (let i = 0; i < 3; i++) run.close(nthWindow(i));
  // The writer does not wait until it is sent.
  assert.deepEqual(clients[0]!.closed, []);
  run.clock.advance(0);
  await settle();
  for (const client of clients) {
    assert.deepEqual(client.closed, [0, 1, 2]);
    assert.match(client.lastEventId, new RegExp(`\\.${START_MS + 2 * LENGTH_MS}$`));
  }
  await run.second();
  assert.deepEqual(clients[0]!.closed, [0, 1, 2]);
});

Deno.test("EventPublisher never tells of a closed window as open again (S-69)", async () => {
  const run = new EventRun();
  const client = run.connect();
  await settle();
  // It closes after the view was taken, and before that is sent.
  const answer = Promise.withResolvers<void>();
  run.feed.held = answer.promise;
  run.feed.view = liveView({ open: [openWindow(0), openWindow(1)] });
  run.clock.advance(1000);
  run.close(nthWindow(0));
  answer.resolve();
  await settle();
  assert.deepEqual(client.closed, [0]);
  assert.deepEqual(client.open, [1]);
  // Nor to a client that comes before the next view.
  run.close(nthWindow(1));
  const later = run.connect();
  await settle();
  assert.deepEqual([later.closed, later.open], [[], []]);
});

Deno.test("EventPublisher counts lines a second between two views", async () => {
  const run = new EventRun();
  const client = run.connect();
  await settle();
  const { atMs } = run.feed.view;
  for (const [afterMs, lines] of [[1000, 500], [1000, 500], [3000, 1500], [2500, 2000]] as const) {
    run.feed.view = liveView({ atMs: atMs + afterMs, totals: { ...emptyTotals(), lines } });
    await run.second();
  }
  const rates = client.of("status").map(({ data }) => data.events_per_second);
  // The second view is that of before, since the writer is busy; then the clock is set back.
  assert.deepEqual(rates, [null, 500, null, 500, null]);
});

Deno.test("EventPublisher adds what closes to the rates (S-72)", async () => {
  const run = new EventRun();
  run.feed.view = liveView({ eventTimeMaxMs: START_MS + 3 * LENGTH_MS });
  run.close(nthWindow(0, { errorCount: 3 }));
  const client = run.connect();
  await settle();
  run.close(nthWindow(1, { errorCount: 6 }));
  run.close(nthWindow(2, { errorCount: 12 }));
  await run.second();
  const rates = client.of("status").map(({ data }) => data.rates.errors_per_minute);
  assert.deepEqual(rates, [0, 18]);
});

Deno.test("EventPublisher asks once a second, however long an answer takes", async () => {
  const run = new EventRun();
  const answer = Promise.withResolvers<void>();
  run.feed.held = answer.promise;
  run.connect();
  run.clock.advance(400);
  answer.resolve();
  await settle();
  assert.equal(run.clock.nextDelayMs, 600);
  const later = Promise.withResolvers<void>();
  run.feed.held = later.promise;
  run.clock.advance(2000);
  later.resolve();
  await settle();
  assert.equal(run.clock.nextDelayMs, 0);
  assert.equal(run.clock.pendingCount, 1);
});

Deno.test("EventPublisher does nothing while nobody listens (S-71)", async () => {
  const run = new EventRun();
  assert.equal(run.feed.listenerCount, 0);
  const client = run.connect();
  await settle();
  assert.equal(run.feed.listenerCount, 1);
  run.close(nthWindow(0));
  await client.leave();
  assert.equal(run.feed.listenerCount, 0);
  assert.equal(run.clock.pendingCount, 0);
  assert.equal(run.publisher.counts.clients, 0);
  assert.equal(run.feed.viewCount, 1);
  // And begins anew with the next one.
  const next = run.connect();
  await settle();
  await run.second();
  assert.equal(next.of("status").length, 2);
});

Deno.test("EventPublisher goes on where a client left before its first view came", async () => {
  const run = new EventRun();
  const answer = Promise.withResolvers<void>();
  run.feed.held = answer.promise;
  await run.connect().leave();
  const client = run.connect();
  answer.resolve();
  await settle();
  await run.second();
  await run.second();
  assert.equal(client.of("status").length, 3);
  assert.equal(run.clock.pendingCount, 1, "one timer, and not one a client");
});

Deno.test("EventPublisher sends a client that comes back what it missed (S-70)", async () => {
  const run = new EventRun();
  const client = run.connect();
  await settle();
  // It had not even got one closed window when it lost the connection.
  await client.leave();
  for (let i = 0; i < 3; i++) run.close(nthWindow(i));
  const second = run.connect(client.lastEventId);
  await settle();
  assert.deepEqual(second.closed, [0, 1, 2]);
  assert.deepEqual(second.of("reset"), []);
  run.close(nthWindow(3));
  await run.second();
  assert.deepEqual(second.closed, [0, 1, 2, 3]);
  assert.deepEqual(second.of("window")[0]!.data.statuses[0].urls.length, 2);
});

Deno.test("EventPublisher tells each window once to who comes while it closes (S-69)", async () => {
  const run = new EventRun({ limits: { eventQueueBytes: 4096 } });
  const first = run.connect();
  run.close(nthWindow(0));
  await run.second();
  for (let i = 1; i <= 20; i++) run.close(nthWindow(i));
  // It is told and not sent yet.
  const [fresh, back] = [run.connect(), run.connect(first.lastEventId)];
  await settle();
  // The next one closes while a client gets what it missed.
  const body = run.publisher.open(first.lastEventId.replace(/\d+$/, String(START_MS)));
  assert.ok(typeof body !== "string");
  await settle();
  run.close(nthWindow(21));
  const slow = new EventListener(body);
  for (let i = 0; i < 3; i++) await settle();
  await run.second();
  const all = Array.from({ length: 21 }, (_, i) => i + 1);
  assert.deepEqual(fresh.closed, [21]);
  assert.deepEqual(back.closed, all);
  assert.deepEqual(slow.closed, all);
  assert.deepEqual(first.closed, [0, ...all]);
});

Deno.test("EventPublisher reads a window once a second for all who missed it, up to 100", async () => {
  const run = new EventRun();
  const first = run.connect();
  await settle();
  const { lastEventId } = await comeBack(run, first);
  for (let i = 0; i < 150; i++) run.close(nthWindow(i));
  let readCount = 0;
  const get = run.history.get.bind(run.history);
  run.history.get = (...parameters) => {
    readCount++;
    return get(...parameters);
  };
  const back = async () => {
    const client = run.connect(lastEventId);
    for (let i = 0; i < 3; i++) await settle();
    await client.leave();
    assert.equal(client.closed.length, 150);
    return client.of("window").find(({ data }) => data.state === "closed")!.data.late_count;
  };
  assert.equal(await back(), 0);
  assert.equal(readCount, 150);
  run.history.windows[0] = nthWindow(0, { lateCount: 7 });
  await back();
  assert.equal(readCount, 200);
  // What has come late meanwhile is told to who comes later.
  await run.second();
  assert.equal(await back(), 7);
  run.history.windows[0] = nthWindow(0, { lateCount: 8 });
  await first.leave();
  assert.equal(await back(), 8);
});

Deno.test("EventPublisher sends up to 1,000 missed windows, and resets beyond (S-70)", async () => {
  for (const [missed, closed] of [[1000, 1000], [1001, 0]] as const) {
    const run = new EventRun();
    run.close(nthWindow(0));
    const client = run.connect();
    await settle();
    await client.leave();
    for (let i = 1; i <= missed; i++) run.close(nthWindow(i));
    const second = run.connect(client.lastEventId);
    for (let i = 0; i < 10; i++) await settle();
    assert.equal(second.closed.length, closed);
    assert.deepEqual(
      second.of("reset").map(({ data }) => data),
      closed > 0 ? [] : [{ reason: "too_many_missed" }],
    );
    // Either way it knows where it is now.
    assert.match(second.lastEventId, new RegExp(`\\.${START_MS + missed * LENGTH_MS}$`));
  }
});

Deno.test("EventPublisher resets a client whose place was removed as too old (S-70)", async () => {
  const run = new EventRun();
  const client = run.connect();
  for (let i = 0; i < 3; i++) run.close(nthWindow(i));
  await run.second();
  await client.leave();
  run.close(nthWindow(3));
  // Whatever followed the window that it got last may be gone as well.
  run.history.windows.splice(0, 2);
  assert.deepEqual((await comeBack(run, client)).closed, [3]);
  run.history.windows.shift();
  const late = await comeBack(run, client);
  assert.deepEqual(late.closed, []);
  assert.deepEqual(late.events[0], { type: "reset", data: { reason: "too_many_missed" } });
  assert.deepEqual((await comeBack(run, late)).of("reset"), []);
  // What the storage holds back was not removed.
  run.history.isBehind = true;
  const early = await comeBack(run, client);
  assert.deepEqual([early.closed, early.of("reset")], [[3], []]);
});

/** A client that comes back from where it was, and is gone again. */
async function comeBack(run: EventRun, client: EventListener): Promise<EventListener> {
  const back = run.connect(client.lastEventId);
  await settle();
  await back.leave();
  return back;
}

Deno.test("EventPublisher resets a client that comes from another output (S-70)", async () => {
  const other = new EventRun({ outputId: "other000" });
  const stranger = other.connect();
  await settle();
  const run = new EventRun();
  run.close(nthWindow(0));
  for (const id of [stranger.lastEventId, "nonsense"]) {
    const client = run.connect(id);
    await settle();
    assert.deepEqual(client.events[0], { type: "reset", data: { reason: "unknown_id" } });
    assert.deepEqual(client.closed, []);
    const again = run.connect(client.lastEventId);
    await settle();
    assert.deepEqual(again.of("reset"), []);
  }
});

Deno.test("EventPublisher lets a client join the others only behind what the storage holds back", async () => {
  const run = new EventRun();
  run.close(nthWindow(0));
  const first = run.connect();
  await settle();
  // What closes now cannot be read yet, though it was told to those who were there.
  run.history.isBehind = true;
  run.feed.tell(nthWindow(1));
  const client = run.connect(first.lastEventId);
  await run.second();
  assert.deepEqual(first.closed, [1]);
  assert.deepEqual(client.closed, []);
  run.history.windows.push(nthWindow(1));
  run.history.isBehind = false;
  run.close(nthWindow(2));
  await run.second();
  assert.deepEqual(client.closed, [1, 2]);
  assert.deepEqual(first.closed, [1, 2]);
});

Deno.test("EventPublisher drops a client that does not read, and nobody else (S-71)", async () => {
  const run = new EventRun({ limits: { eventQueueBytes: 4096 } });
  const reading = run.connect();
  const body = run.publisher.open(undefined);
  assert.ok(typeof body !== "string");
  for (let i = 0; i < 10; i++) {
    run.close(nthWindow(i));
    await run.second();
  }
  assert.deepEqual(reading.closed.length, 10);
  assert.equal(run.publisher.counts.dropped, 1);
  assert.equal(run.publisher.counts.clients, 1);
  assert.equal(run.limits.limitCounter.count("eventQueueBytes"), 1);
  await assert.rejects(body.getReader().read(), { message: "The client does not read its events" });
});

Deno.test("EventPublisher takes no client for one that does not read where there is much to tell", async () => {
  const run = new EventRun({ limits: { eventQueueBytes: 4096 } });
  run.feed.view = liveView({ open: Array.from({ length: 10 }, (_, i) => openWindow(i + 1)) });
  const first = run.connect();
  await settle();
  // It is told at once what others know already, which is more than may wait.
  const second = run.connect();
  await settle();
  assert.equal(second.open.length, 10);
  // And what closes just before a view goes with it.
  const answer = Promise.withResolvers<void>();
  run.feed.held = answer.promise;
  run.clock.advance(1000);
  run.feed.view = liveView({ open: Array.from({ length: 10 }, (_, i) => openWindow(i + 1, 41)) });
  run.close(nthWindow(0));
  answer.resolve();
  await settle();
  assert.deepEqual([first.closed, second.closed], [[0], [0]]);
  assert.deepEqual([first.open.length, second.open.length], [20, 20]);
  assert.equal(run.publisher.counts.dropped, 0);
});

Deno.test("EventPublisher reads missed windows no faster than its client does", async () => {
  const run = new EventRun({ limits: { eventQueueBytes: 8192 } });
  run.close(nthWindow(0));
  const first = run.connect();
  await settle();
  const firstId = first.lastEventId;
  for (let i = 1; i <= 500; i++) run.close(nthWindow(i));
  run.clock.advance(0);
  await settle();
  const before = run.publisher.counts.bytes;
  const body = run.publisher.open(firstId);
  assert.ok(typeof body !== "string");
  await settle();
  assert.equal(run.publisher.counts.dropped, 0);
  const bytes = run.publisher.counts.bytes - before;
  assert.ok(bytes <= 8192, `${bytes} bytes were written for it`);
  const client = new EventListener(body);
  await settle();
  for (let i = 0; i < 10; i++) await settle();
  assert.deepEqual(client.closed, Array.from({ length: 500 }, (_, i) => i + 1));
});

Deno.test("EventPublisher takes clients up to the limit (S-71)", async () => {
  const run = new EventRun({ limits: { eventClients: 2 } });
  const clients = [run.connect(), run.connect()];
  assert.equal(run.publisher.open(undefined), "full");
  assert.equal(run.limits.limitCounter.count("eventClients"), 1);
  await clients[0]!.leave();
  assert.ok(typeof run.publisher.open(undefined) !== "string");
});

Deno.test("EventPublisher.stop() ends all streams behind what has happened, and takes no more", async () => {
  const run = new EventRun();
  const client = run.connect();
  await settle();
  run.close(nthWindow(0));
  assert.equal(run.publisher.stop(), true);
  await settle();
  assert.deepEqual(client.closed, [0]);
  assert.ok(client.isEnded);
  assert.equal(run.publisher.open(undefined), "stopped");
  assert.equal(run.clock.pendingCount, 0);
  assert.equal(new EventRun().publisher.stop(), false);
});

Deno.test("EventPublisher leaves out URLs where an event would be large", async () => {
  const run = new EventRun();
  const urls = Array.from({ length: 5 }, (_, i) => ({
    url: `/${i}`.padEnd(2048, "x"),
    count: 1,
    countErrorMax: 0,
  }));
  const statuses = Array.from({ length: 20 }, (_, i) => statusSummary({ status: 400 + i, urls }));
  const client = run.connect();
  await settle();
  run.close(nthWindow(0, { statuses }));
  await run.second();
  const { data } = client.of("window")[0]!;
  assert.equal(data.statuses.length, 20);
  assert.deepEqual(data.statuses[0].urls, []);
  assert.equal(data.statuses[0].urls_total, 3);
});

Deno.test("EventPublisher reports what fails, and goes on", async () => {
  const run = new EventRun();
  run.feed.view = liveView({ eventTimeMaxMs: START_MS });
  const client = run.connect();
  await settle();
  const exception = new Error("no such table");
  const { oldestStartMs } = run.history;
  run.history.oldestStartMs = () => {
    throw exception;
  };
  await run.second();
  assert.deepEqual(run.exceptions, [exception]);
  run.history.oldestStartMs = oldestStartMs;
  await run.second();
  assert.equal(client.of("status").length, 2);
  // A client whose windows cannot be read is not left without them.
  run.history.get = () => {
    throw exception;
  };
  run.close(nthWindow(0));
  const back = run.connect(client.lastEventId);
  await settle();
  assert.equal(run.exceptions.length, 2);
  assert.ok(back.failure instanceof Error);
});

Deno.test("EventPublisher tells once more what a crash took back, also to who left in between (S-70)", async () => {
  const run = new EventRun({ runId: "first" });
  run.close(nthWindow(0));
  const client = run.connect();
  await settle();
  run.close(nthWindow(1));
  await run.second();
  assert.deepEqual(client.closed, [1]);
  // Killed: the second window was not saved. The client is here again for a moment before it closes.
  const history = new InMemoryHistory([nthWindow(0)]);
  const second = new EventRun({ runId: "second", history });
  const back = second.connect(client.lastEventId);
  await settle();
  await back.leave();
  second.close(nthWindow(1, { totalCount: 7 }));
  // That one is stopped as it should be.
  const third = new EventRun({ runId: "third", history });
  const again = third.connect(back.lastEventId);
  await settle();
  assert.deepEqual(again.closed, [1]);
  assert.equal(again.of("window")[0]!.data.total_count, 7);
});

Deno.test("EventPublisher leaves no gap, whoever leaves, crashes or restarts at whatever moment (S-70)", async () => {
  for (let seed = 1; seed <= 40; seed++) {
    const random = new Mulberry32(seed);
    const chance = (probability: number) => random.next() < probability;
    /** What is durable, and what a crash leaves. */
    let savedCount = 0;
    let closedCount = 0;
    let history = new InMemoryHistory();
    let runNumber = 0;
    const start = () => new EventRun({ history, runId: `run${runNumber++}` });
    let run = start();
    let client: EventListener | undefined = run.connect();
    let lastEventId: string | undefined;
    /** The count of each window as the client knows it. */
    const known = new Map<number, number>();
    const learn = () => {
      if (client === undefined) return;
      if (client.lastEventId !== "") lastEventId = client.lastEventId;
      for (const { data } of client.of("window")) {
        if (data.state === "closed") known.set(Date.parse(data.start), data.total_count);
      }
      assert.deepEqual(client.of("reset"), [], `seed ${seed}`);
    };
    await settle();
    learn();
    for (let step = 0; step < 200; step++) {
      if (chance(0.5)) {
        run.close(nthWindow(closedCount++, { totalCount: 1000 * runNumber + step }));
      }
      if (chance(0.3)) await run.second();
      else if (chance(0.5)) {
        run.clock.advance(0);
        await settle();
      }
      if (chance(0.2)) savedCount = closedCount;
      if (client !== undefined && chance(0.1)) {
        learn();
        await client.leave();
        client = undefined;
      } else if (client === undefined && chance(0.3)) {
        client = run.connect(lastEventId);
        await settle();
      }
      if (chance(0.03)) {
        // Who stays away for more than a whole run may have been told what was taken back since.
        client ??= run.connect(lastEventId);
        await settle();
        learn();
        // It stops, or it crashes: then what was not saved closes once more, with other counts.
        if (chance(0.5)) {
          run.publisher.stop();
          savedCount = closedCount;
          await settle();
          learn();
        }
        client = undefined;
        closedCount = savedCount;
        history = new InMemoryHistory(history.windows.slice(0, savedCount));
        run = start();
      }
    }
    client ??= run.connect(lastEventId);
    await run.second();
    learn();
    run.publisher.stop();
    for (const { startMs, totalCount } of history.windows) {
      assert.equal(known.get(startMs), totalCount, `seed ${seed}, window ${startMs}`);
    }
  }
});

Deno.test("EventPublisher asks for one view a second also where the first one failed", async () => {
  const run = new EventRun();
  run.feed.view = liveView({ eventTimeMaxMs: START_MS });
  const { oldestStartMs } = run.history;
  run.history.oldestStartMs = () => {
    throw new Error("no such table");
  };
  run.connect();
  await settle();
  for (let i = 0; i < 3; i++) {
    run.connect();
    await settle();
  }
  assert.equal(run.clock.pendingCount, 1);
  run.history.oldestStartMs = oldestStartMs;
  const { viewCount } = run.feed;
  await run.second();
  assert.equal(run.feed.viewCount, viewCount + 1);
});

Deno.test("EventPublisher leaves nothing behind of a client that it could not take", async () => {
  const run = new EventRun();
  const client = run.connect();
  run.close(nthWindow(0));
  await run.second();
  await client.leave();
  for (const name of ["newestStartMs", "startsAfter"] as const) {
    const before = run.history[name];
    run.history[name] = () => {
      throw new Error("no such table");
    };
    assert.throws(() => run.connect(client.lastEventId), { message: "no such table" });
    assert.deepEqual([run.feed.listenerCount, run.clock.pendingCount], [0, 0]);
    Object.assign(run.history, { [name]: before });
  }
  const back = run.connect(client.lastEventId);
  run.close(nthWindow(1));
  await run.second();
  assert.deepEqual(back.closed, [1]);
});
