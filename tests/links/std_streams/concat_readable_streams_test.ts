import { concatReadableStreams } from "@std/streams/concat-readable-streams";
import fc from "fast-check";
import assert from "node:assert/strict";

Deno.test("concatReadableStreams() gives the chunks of each stream in turn", async () => {
  await fc.assert(fc.asyncProperty(
    fc.array(fc.array(fc.integer()), { minLength: 1 }),
    async (chunks) => {
      const streams = chunks.map((part) => ReadableStream.from(part));
      assert.deepEqual(await Array.fromAsync(concatReadableStreams(...streams)), chunks.flat());
    },
  ));
});

Deno.test("concatReadableStreams() gives the same bytes wherever they were cut into streams", async () => {
  const bytes = new TextEncoder().encode("aé😀\r\n");
  for (let i = 0; i <= bytes.length; i++) {
    const joined = concatReadableStreams(
      ReadableStream.from([bytes.slice(0, i)]),
      ReadableStream.from([bytes.slice(i)]),
    );
    assert.deepEqual(new Uint8Array(await new Response(joined).arrayBuffer()), bytes);
  }
});

Deno.test("concatReadableStreams() reads one chunk ahead, and from one stream at a time", async () => {
  const first = new CountedSource(3);
  const second = new CountedSource(1);
  const reader = concatReadableStreams(first.stream, second.stream).getReader();
  await settled();
  assert.deepEqual([first.pullCount, second.pullCount], [1, 0]);
  await reader.read();
  await settled();
  assert.deepEqual([first.pullCount, second.pullCount], [2, 0]);
  await reader.read();
  await settled();
  assert.deepEqual([first.pullCount, second.pullCount], [3, 0]);
  await reader.read();
  await settled();
  // The fourth pull finds the end of the first stream.
  assert.deepEqual([first.pullCount, second.pullCount], [4, 1]);
  assert.equal((await reader.read()).done, false);
  assert.equal((await reader.read()).done, true);
});

Deno.test("concatReadableStreams() cancels the inputs that are not at their end", async () => {
  const sources = [new CountedSource(1), new CountedSource(9), new CountedSource(9)];
  const reader = concatReadableStreams(...sources.map((source) => source.stream)).getReader();
  await reader.read();
  await reader.read();
  await reader.cancel("enough");
  assert.deepEqual(sources.map((source) => source.cancelReason), [undefined, "enough", "enough"]);
  assert.equal(sources[2].pullCount, 0);
});

Deno.test("concatReadableStreams() cancels before anything is read", async () => {
  const sources = [new CountedSource(1), new CountedSource(1)];
  await concatReadableStreams(...sources.map((source) => source.stream)).cancel("enough");
  assert.deepEqual(sources.map((source) => source.cancelReason), ["enough", "enough"]);
});

Deno.test("concatReadableStreams() cancels an input that it waits for, and moves on to no other", async () => {
  const reasons: unknown[] = [];
  const silent = new ReadableStream<number>({ cancel: (reason) => void reasons.push(reason) });
  const behind = new CountedSource(1);
  const reader = concatReadableStreams(silent, behind.stream).getReader();
  const pending = reader.read();
  await settled();
  await reader.cancel("enough");
  assert.equal((await pending).done, true);
  assert.deepEqual([...reasons, behind.cancelReason], ["enough", "enough"]);
  await settled();
  assert.deepEqual([behind.pullCount, behind.stream.locked], [0, false]);
});

Deno.test("concatReadableStreams() resolves its cancellation even where an input's cancellation fails", async () => {
  const stubborn = new ReadableStream<number>({ cancel: () => Promise.reject(new Error("no")) });
  const behind = new CountedSource(1);
  await concatReadableStreams(stubborn, behind.stream).cancel("enough");
  assert.equal(behind.cancelReason, "enough");
});

Deno.test("concatReadableStreams() passes an exception on behind the chunks that came before it", async () => {
  const broken = new ReadableStream<number>({
    pull: (controller) => controller.error(new RangeError("broken")),
  });
  const reader = concatReadableStreams(new CountedSource(1).stream, broken).getReader();
  assert.deepEqual(await reader.read(), { done: false, value: 1 });
  await assert.rejects(reader.read(), new RangeError("broken"));
});

Deno.test("concatReadableStreams() errors where there is nothing to join", async () => {
  await assert.rejects(concatReadableStreams().getReader().read(), TypeError);
});

/** A stream of the numbers 1 to `chunkCount`, which pulls only what is read. */
class CountedSource {
  pullCount = 0;
  cancelReason: unknown;
  readonly stream: ReadableStream<number>;

  constructor(chunkCount: number) {
    this.stream = new ReadableStream<number>({
      pull: (controller) => {
        this.pullCount++;
        if (this.pullCount > chunkCount) controller.close();
        else controller.enqueue(this.pullCount);
      },
      cancel: (reason) => {
        this.cancelReason = reason;
      },
    }, { highWaterMark: 0 });
  }
}

/** Lets everything run that waits for promises only. */
async function settled(): Promise<void> {
  for (let i = 0; i < 100; i++) await Promise.resolve();
}
