import assert from "node:assert/strict";
import { type Connection, TcpSource } from "../../../analyzer/source/tcp_source.ts";
import type { InputElement, SourceChanged } from "../../../analyzer/stream/elements.ts";
import { jsonLine } from "../../support/log_lines.ts";
import { ByteStream, sourceContext } from "./byte_streams.ts";

const LINE = jsonLine({ status: 404 });
const REFUSED = "nothing is listening there";

/** Connects to each of these in turn; a text is why it fails; after the last it fails for ever. */
function start(script: readonly (ByteStream | string)[], { once = false } = {}) {
  const { clock, controller, context } = sourceContext();
  const rest = [...script];
  let attempts = 0;
  const source = new TcpSource("tcp://x", {
    connect: (): Promise<Connection> => {
      attempts++;
      const next = rest.shift() ?? REFUSED;
      return typeof next === "string" ? Promise.reject(new Error(next)) : Promise.resolve(next);
    },
    once,
    nowMs: () => clock.wallMs(),
    random: () => 0,
  });
  const elements = source.open(context)[Symbol.asyncIterator]();
  const next = async (): Promise<InputElement | undefined> => {
    const { done, value } = await elements.next();
    return done === true ? undefined : value;
  };
  /** The next change of the source, whatever it reads in between. */
  const nextChange = async (): Promise<SourceChanged> => {
    for (;;) {
      const element = await next();
      assert.ok(element !== undefined, "the source has ended");
      if (element.kind === "source-changed") return element;
    }
  };
  /** The next element, which comes only after a wait; and how long that was, in ms. */
  const nextAfterWait = async () => {
    const pending = next();
    await clock.whenWaiting();
    const waitMs = clock.nextDelayMs!;
    clock.advance(waitMs);
    return { waitMs, element: await pending };
  };
  return {
    clock,
    controller,
    elements,
    next,
    nextChange,
    nextAfterWait,
    attempts: () => attempts,
  };
}

Deno.test("TcpSource.prepare() keeps what was saved, and else begins now", async () => {
  const source = new TcpSource("tcp://x", {
    connect: () => Promise.reject(new Error(REFUSED)),
    once: false,
    nowMs: () => 7,
    random: () => 0,
  });
  const saved = await source.prepare(undefined);
  assert.deepEqual(saved, { name: "tcp://x", firstStartedAtMs: 7, file: undefined });
  const earlier = { ...saved, firstStartedAtMs: 1 };
  assert.equal(await source.prepare(earlier), earlier);
});

Deno.test("TcpSource tries again for ever, ever less often, and says so once", async () => {
  const { next, nextAfterWait, elements } = start([]);
  assert.deepEqual(await next(), {
    kind: "source-changed",
    source: "tcp://x",
    phase: "waiting",
    connectionsDelta: 0,
    reason: REFUSED,
    notice: `tcp://x: ${REFUSED}; trying again until it answers`,
  });
  const waitsMs: number[] = [];
  for (let i = 0; i < 9; i++) {
    const { waitMs, element } = await nextAfterWait();
    assert.ok(element?.kind === "source-changed" && element.notice === "");
    waitsMs.push(waitMs);
  }
  assert.deepEqual(waitsMs, [50, 100, 200, 400, 800, 1600, 2500, 2500, 2500]);
  await elements.return?.();
});

// S-17
Deno.test("TcpSource reads each connection as an input, and connects again when it is lost", async () => {
  const streams = [new ByteStream([`${LINE}\n${LINE}`]), new ByteStream([`${LINE}\n`])];
  const { next, nextAfterWait, elements } = start(streams);
  const kinds: string[] = [];
  let element = await next();
  for (; element !== undefined && kinds.length < 6; element = await next()) {
    kinds.push(element.kind);
    if (element.kind === "source-changed" && element.phase === "waiting") break;
    if ("inputId" in element) assert.equal(element.inputId, "tcp://x#1");
  }
  assert.deepEqual(kinds, [
    "source-changed",
    "input-opened",
    "batch",
    "batch",
    "input-closed",
    "source-changed",
  ]);
  assert.deepEqual(element, {
    kind: "source-changed",
    source: "tcp://x",
    phase: "waiting",
    connectionsDelta: -1,
    reason: "closed by the other side",
    notice: "tcp://x: closed by the other side; connecting again until it answers",
  });
  assert.equal(streams[0]!.isClosed, true);
  const { waitMs, element: connected } = await nextAfterWait();
  assert.equal(waitMs, 50);
  assert.ok(connected?.kind === "source-changed");
  assert.deepEqual(
    [connected.phase, connected.connectionsDelta, connected.notice],
    ["connected", 1, "tcp://x: connected"],
  );
  assert.deepEqual(await next(), { kind: "input-opened", inputId: "tcp://x#2", isLive: true });
  await elements.return?.();
});

Deno.test("TcpSource says why a connection was lost, and counts its last line as partial", async () => {
  const stream = new ByteStream([LINE], { end: new Error("connection reset") });
  const { next, nextChange, elements } = start([stream]);
  assert.equal((await nextChange()).notice, "");
  await next();
  const batch = await next();
  assert.ok(batch?.kind === "batch" && batch.counts.partial === 1);
  assert.equal((await nextChange()).reason, "connection reset");
  assert.equal(stream.isClosed, true);
  await elements.return?.();
});

Deno.test("TcpSource takes a server that hangs up at once for one outage, until one is of use", async () => {
  const useful = () => new ByteStream([`${LINE}\n`]);
  const useless = () => new ByteStream([]);
  const script = [useless(), useless(), useless(), useful(), REFUSED, useful()];
  const { clock, nextChange, elements } = start(script);
  const notices: string[] = [];
  const waitsMs: number[] = [];
  for (let changes = 0; changes < 11; changes++) {
    const change = nextChange();
    if (changes > 0 && notices.at(-1)?.startsWith("waiting")) {
      await clock.whenWaiting();
      waitsMs.push(clock.nextDelayMs!);
      clock.advance(clock.nextDelayMs!);
    }
    const { phase, notice } = await change;
    notices.push(`${phase} ${notice.replace("tcp://x: ", "")}`.trim());
  }
  const closed = "closed by the other side; connecting again until it answers";
  assert.deepEqual(notices, [
    "connected",
    `waiting ${closed}`,
    "connected",
    "waiting",
    "connected",
    "waiting",
    "connected",
    `waiting ${closed}`,
    "waiting",
    "connected connected",
    `waiting ${closed}`,
  ]);
  assert.deepEqual(waitsMs, [50, 100, 200, 50, 100]);
  await elements.return?.();
});

Deno.test("TcpSource takes a connection that lasted for more than 5 s for one of use", async () => {
  for (const [lastedMs, waitMs] of [[5000, 100], [5001, 50]] as const) {
    const stream: ByteStream = new ByteStream([], { onRead: () => clock.advance(lastedMs) });
    const { clock, elements, nextChange, nextAfterWait } = start([REFUSED, stream]);
    await nextChange();
    await nextAfterWait();
    await nextChange();
    assert.equal((await nextAfterWait()).waitMs, waitMs);
    await elements.return?.();
  }
});

Deno.test("TcpSource with once tries until the first success, and ends at the first close", async () => {
  const stream = new ByteStream([LINE]);
  const { next, nextAfterWait, attempts } = start([REFUSED, stream, REFUSED], { once: true });
  await next();
  await nextAfterWait();
  assert.equal((await next())?.kind, "input-opened");
  const batch = await next();
  assert.ok(batch?.kind === "batch" && batch.counts.valid === 1);
  assert.deepEqual(await next(), { kind: "input-closed", inputId: "tcp://x#1", isComplete: true });
  const ended = await next();
  assert.ok(ended?.kind === "source-changed" && ended.phase === "ended");
  assert.equal(ended.notice, "tcp://x: closed by the other side");
  assert.equal(await next(), undefined);
  assert.equal(attempts(), 2);
  assert.equal(stream.isClosed, true);
});

Deno.test("TcpSource ends when the signal is aborted while it waits", async () => {
  const { clock, controller, next } = start([]);
  await next();
  const pending = next();
  await clock.whenWaiting();
  controller.abort();
  assert.equal(await pending, undefined);
  assert.equal(clock.pendingCount, 0);
});

Deno.test("TcpSource ends when the signal is aborted while it reads or connects", async () => {
  const stream = new ByteStream([`${LINE}\n`], { end: "open" });
  const { controller, next, nextChange } = start([stream]);
  await nextChange();
  await next();
  await next();
  const pending = nextChange();
  controller.abort();
  const { phase, notice, connectionsDelta } = await pending;
  assert.deepEqual([phase, notice, connectionsDelta], ["ended", "", -1]);
  assert.equal(await next(), undefined);
  assert.equal(stream.isClosed, true);

  const other = start([]);
  const connecting = other.next();
  other.controller.abort();
  assert.equal(await connecting, undefined);
  assert.equal(other.attempts(), 1);
});

Deno.test("TcpSource closes its connection when nobody wants its elements any more", async () => {
  const stream = new ByteStream([`${LINE}\n`], { end: "open" });
  const { elements, next } = start([stream]);
  await next();
  await next();
  await next();
  await elements.return?.();
  assert.deepEqual([stream.isCancelled, stream.isClosed], [true, true]);
});
