import assert from "node:assert/strict";
import { BodyHead } from "../../../analyzer/delivery/body_head.ts";
import { type CountedBody, DeliveryBody } from "../../../analyzer/delivery/delivery_body.ts";
import { TurnLock } from "../../../analyzer/delivery/turn_lock.ts";
import { ManualClock } from "../../support/manual_clock.ts";
import { Mulberry32 } from "../../support/mulberry32.ts";
import { bodyOf, gzip } from "./delivery_run.ts";

const SILENCE_MAX_MS = 30_000;

function open(
  stream: ReadableStream<Uint8Array> | null,
  options: {
    readonly isGzip?: boolean;
    readonly counted?: CountedBody;
    readonly bodyBytesMax?: number;
    readonly turns?: TurnLock;
  } = {},
) {
  const { isGzip = false, counted, bodyBytesMax = Infinity } = options;
  const clock = new ManualClock();
  return {
    clock,
    body: new DeliveryBody(stream, {
      ...{ clock, isGzip, counted, bodyBytesMax },
      turns: options.turns ?? new TurnLock(clock, () => 20),
      silenceMaxMs: SILENCE_MAX_MS,
    }),
  };
}

/** What can be read of it, and whether it came to its end or broke. */
async function read(body: DeliveryBody): Promise<string> {
  const reader = body.bytes.getReader({ mode: "byob" });
  const decoder = new TextDecoder();
  let text = "";
  try {
    for (;;) {
      const { done, value } = await reader.read(new Uint8Array(7));
      if (done) return text;
      text += decoder.decode(value, { stream: true });
    }
  } catch {
    return `${text} (${body.failure})`;
  }
}

function countedOf(text: string, isComplete = false): CountedBody {
  const bytes = new TextEncoder().encode(text);
  const head = new BodyHead();
  head.add(bytes);
  return { bytes: bytes.length, headHash: head.hash(bytes.length), isComplete };
}

Deno.test("DeliveryBody gives the bytes of a body, however they come", async () => {
  for (const chunks of [["hello world, hello"], ["hello", " world, ", "", "hello"], []]) {
    const { body, clock } = open(bodyOf(chunks));
    assert.equal(await read(body), chunks.join(""));
    assert.deepEqual([body.isAtEnd, body.byteCount, body.failure], [
      true,
      chunks.join("").length,
      undefined,
    ]);
    assert.equal(clock.pendingCount, 0);
  }
  const { body } = open(null);
  assert.equal(await read(body), "");
  assert.equal(body.isAtEnd, true);
});

Deno.test("DeliveryBody expands gzip, a few bytes at a time", async () => {
  const text = "0123456789".repeat(100_000);
  const bytes = await gzip(text);
  for (const chunks of [[bytes], [bytes.subarray(0, 3), bytes.subarray(3)]]) {
    const { body } = open(bodyOf(chunks), { isGzip: true });
    assert.ok(await read(body) === text);
    assert.equal(body.isAtEnd, true);
  }
});

Deno.test("DeliveryBody says that gzip is cut, damaged, or followed by something", async () => {
  const bytes = await gzip("hello world");
  const damaged = bytes.slice();
  damaged[damaged.length - 6]! ^= 1;
  for (
    const chunks of [
      [bytes.subarray(0, -1)],
      [bytes.subarray(0, 5)],
      [],
      [damaged],
      ["plain text, no gzip at all"],
      [bytes, "more"],
    ]
  ) {
    const { body } = open(bodyOf(chunks), { isGzip: true });
    assert.match(await read(body), /\(encoding\)$/);
    assert.deepEqual([body.isAtEnd, body.failure], [false, "encoding"]);
  }
});

Deno.test("DeliveryBody says that its sender is gone, compressed or not", async () => {
  const gone = new Error("connection reset");
  const { body } = open(bodyOf(["hello"], gone));
  assert.equal(await read(body), "hello (lost)");
  const { body: compressed } = open(bodyOf([await gzip("hello")], gone), { isGzip: true });
  await read(compressed);
  assert.deepEqual([compressed.failure, compressed.isAtEnd], ["lost", false]);
});

Deno.test("DeliveryBody gives up on a sender that is silent for too long, not a moment earlier", async () => {
  for (const isGzip of [false, true]) {
    const { body, clock } = open(bodyOf(isGzip ? [] : ["hello"], "open"), { isGzip });
    const text = read(body);
    await clock.whenWaiting();
    for (let i = 0; i < 20; i++) await null;
    clock.advance(SILENCE_MAX_MS - 1);
    for (let i = 0; i < 20; i++) await null;
    assert.equal(body.failure, undefined);
    clock.advance(1);
    assert.equal(await text, isGzip ? " (silent)" : "hello (silent)");
    assert.equal(body.isAtEnd, false);
  }
});

Deno.test("DeliveryBody expands a little at a time, also where zeros come behind what grows little", async () => {
  const random = new Mulberry32(5);
  const noise = Array.from({ length: 20_000 }, () => random.next().toString(36)).join("\n");
  const text = noise + "0".repeat(3_000_000);
  const { body } = open(bodyOf([await gzip(text)]), { isGzip: true });
  const sizes: number[] = [];
  for await (const piece of body.bytes) sizes.push(piece.length);
  assert.equal(sizes.reduce((sum, size) => sum + size, 0), text.length);
  const large = sizes.filter((size) => size > 70_000);
  assert.ok(large.length <= 1 && sizes.every((size) => size < 1.1 * 1024 * 1024), `${large}`);
});

// S-57
Deno.test("DeliveryBody cuts a body off at the limit, however it comes, and not one of that length", async () => {
  const text = "a line\nanother line\n";
  for (const isGzip of [false, true]) {
    for (const bodyBytesMax of [0, 1, 7, text.length - 1, text.length, text.length + 1]) {
      const bytes = isGzip ? await gzip(text) : new TextEncoder().encode(text);
      for (const chunks of [[bytes], Array.from(bytes, (byte) => Uint8Array.of(byte))]) {
        const { body } = open(bodyOf(chunks), { isGzip, bodyBytesMax });
        const isWhole = bodyBytesMax >= text.length;
        const expected = isWhole ? text : `${text.slice(0, bodyBytesMax)} (too-long)`;
        assert.equal(await read(body), expected);
        assert.deepEqual([body.isAtEnd, body.byteCount], [
          isWhole,
          Math.min(text.length, bodyBytesMax),
        ]);
      }
    }
  }
});

// S-57
Deno.test("DeliveryBody.drain() cuts a body off at the limit too", async () => {
  const options = { counted: countedOf("a line\n", true), bodyBytesMax: 6 };
  const { body } = open(bodyOf(["a line\n"]), options);
  await body.drain(new AbortController().signal);
  assert.deepEqual([body.isAtEnd, body.failure, body.byteCount], [false, "too-long", 6]);
});

Deno.test("DeliveryBody has its bytes dealt with while no other body's are, and waits for nobody's sender", async () => {
  for (const isGzip of [false, true]) {
    const turns = new TurnLock(new ManualClock(), () => Infinity);
    const bytes = isGzip ? await gzip("hello") : new TextEncoder().encode("hello");
    const readers = [1, 2].map(() =>
      open(bodyOf([bytes], "open"), { isGzip, turns }).body.bytes.getReader()
    );
    const given: string[] = [];
    const ask = (i: number) =>
      void readers[i]!.read().then(({ done }) => given.push(`${i} ${done}`));
    ask(0);
    ask(1);
    await new Promise((resolve) => setTimeout(resolve));
    assert.deepEqual(given, ["0 false"], "the first is being dealt with");
    ask(0);
    await new Promise((resolve) => setTimeout(resolve));
    assert.deepEqual(given, ["0 false", "1 false"], "the sender of the first is waited for");
    // Whoever is given up while it has the lock gives it back.
    await readers[1]!.cancel();
    await turns.acquire();
    await readers[0]!.cancel();
  }
});

Deno.test("DeliveryBody that is given up breaks at once, though its sender is waited for", async () => {
  for (const isGzip of [false, true]) {
    const { body, clock } = open(bodyOf(isGzip ? [] : ["hello"], "open"), { isGzip });
    const text = read(body);
    await clock.whenWaiting();
    for (let i = 0; i < 20; i++) await null;
    body.giveUp();
    assert.equal(await text, isGzip ? " (too-slow)" : "hello (too-slow)");
    assert.deepEqual([body.isAtEnd, clock.pendingCount], [false, 0]);
  }
});

Deno.test("DeliveryBody leaves out what was counted before", async () => {
  const text = "a line\nanother line\n";
  for (let counted = 0; counted <= text.length; counted++) {
    for (const chunks of [[text], [...text]]) {
      const { body } = open(bodyOf(chunks), { counted: countedOf(text.slice(0, counted)) });
      assert.equal(await read(body), text.slice(counted));
      assert.equal(body.isAtEnd, true);
      assert.equal(body.byteCount, text.length);
    }
  }
});

Deno.test("DeliveryBody gives nothing of a body that is another one", async () => {
  for (
    const [text, counted] of [
      ["b line\n", countedOf("a line\n")],
      ["a li", countedOf("a line\n")],
      ["", countedOf("a line\n")],
      ["a line\nmore", countedOf("a line\n", true)],
      ["a", countedOf("", true)],
    ] as const
  ) {
    const { body } = open(bodyOf([text]), { counted });
    assert.equal(await read(body), " (other-body)");
    assert.equal(body.isAtEnd, false);
  }
});

Deno.test("DeliveryBody.drain() reads to the end, and compares", async () => {
  const { signal } = new AbortController();
  const same = open(bodyOf(["a li", "ne\n"]), { counted: countedOf("a line\n", true) }).body;
  await same.drain(signal);
  assert.equal(same.isAtEnd, true);
  const other = open(bodyOf(["a line!\n"]), { counted: countedOf("a line\n", true) }).body;
  await other.drain(signal);
  assert.deepEqual([other.isAtEnd, other.failure], [false, "other-body"]);
});

Deno.test("DeliveryBody.drain() ends where the program stops", async () => {
  const controller = new AbortController();
  const { body, clock } = open(bodyOf(["hello"], "open"), { counted: countedOf("hello!", true) });
  const drained = body.drain(controller.signal);
  await clock.whenWaiting();
  controller.abort();
  await drained;
  assert.deepEqual([body.isAtEnd, body.failure], [false, undefined]);
});

Deno.test("DeliveryBody that is cancelled is not at its end", async () => {
  const { body, clock } = open(bodyOf(["hello"], "open"));
  const reader = body.bytes.getReader({ mode: "byob" });
  assert.equal((await reader.read(new Uint8Array(9))).value!.length, 5);
  const pending = reader.read(new Uint8Array(9));
  await clock.whenWaiting();
  await reader.cancel();
  assert.equal((await pending).done, true);
  assert.equal(body.isAtEnd, false);
  assert.equal(clock.pendingCount, 0);
});
