import assert from "node:assert/strict";
import fc from "fast-check";
import { FairMerge } from "../../../analyzer/stream/fair_merge.ts";

/** Takes until all iterables have ended. */
async function drain<T>(merge: FairMerge<T>): Promise<T[]> {
  const taken: T[] = [];
  for (;;) {
    const element = merge.take();
    if (element !== undefined) taken.push(element);
    else if (merge.size === 0) return taken;
    else await merge.changed();
  }
}

Deno.test("FairMerge takes every element once, those of one iterable in their order", async () => {
  const lists = fc.array(fc.array(fc.nat(), { maxLength: 8 }), { maxLength: 5 });
  await fc.assert(fc.asyncProperty(lists, async (lists) => {
    const merge = new FairMerge<{ readonly lane: number; readonly value: number }>();
    lists.forEach((list, lane) =>
      merge.add(ReadableStream.from(list.map((value) => ({ lane, value }))))
    );
    const taken = await drain(merge);
    lists.forEach((list, lane) => {
      const ofLane = taken.filter((element) => element.lane === lane);
      assert.deepEqual(ofLane.map(({ value }) => value), list);
    });
    assert.equal(taken.length, lists.flat().length);
  }));
});

Deno.test("FairMerge takes turns among iterables that are always ready", async () => {
  async function* always(name: string) {
    for (;;) yield name;
  }
  const merge = new FairMerge<string>();
  for (const name of ["a", "b", "c"]) merge.add(always(name));
  const taken: (string | undefined)[] = [];
  while (taken.length < 30) {
    // Time enough for all of them to become ready again.
    for (let i = 0; i < 10; i++) await Promise.resolve();
    taken.push(merge.take());
  }
  for (const name of ["a", "b", "c"]) {
    assert.equal(taken.filter((element) => element === name).length, 10);
  }
  merge.close();
});

Deno.test("FairMerge holds one element of each iterable, and asks for the next once it is taken", async () => {
  let asked = 0;
  async function* counting() {
    for (;;) yield ++asked;
  }
  const merge = new FairMerge<number>();
  merge.add(counting());
  await merge.changed();
  assert.equal(asked, 1);
  assert.equal(merge.take(), 1);
  assert.equal(merge.take(), undefined);
  await merge.changed();
  assert.equal(asked, 2);
  merge.close();
});

Deno.test("FairMerge.take() throws what an iterable has thrown, again and again", async () => {
  const lost = new Error("lost");
  async function* failing() {
    yield 1;
    throw lost;
  }
  const merge = new FairMerge<number>();
  merge.add(failing());
  await merge.changed();
  assert.equal(merge.take(), 1);
  await merge.changed();
  assert.throws(() => merge.take(), lost);
  assert.throws(() => merge.take(), lost);
});

Deno.test("FairMerge.wake() ends the wait though nothing is ready", async () => {
  const merge = new FairMerge<number>();
  const changed = merge.changed();
  merge.wake();
  await changed;
  assert.equal(merge.take(), undefined);
});

Deno.test("FairMerge.close() ends the iterables that have not ended", async () => {
  const ended: string[] = [];
  const merge = new FairMerge<string>();
  const endings = ["a", "b"].map((name) => {
    const { promise, resolve } = Promise.withResolvers<void>();
    async function* endless() {
      try {
        for (;;) yield name;
      } finally {
        ended.push(name);
        resolve();
      }
    }
    merge.add(endless());
    return promise;
  });
  await merge.changed();
  merge.close();
  await Promise.all(endings);
  assert.deepEqual(ended.sort(), ["a", "b"]);
});
