import assert from "node:assert/strict";
import { streamText } from "../../../analyzer/http/stream_text.ts";

const reportNothing = (exception: unknown) => assert.fail(String(exception));

Deno.test("streamText() makes each piece when it is asked for, with a turn before all and at each pause", async () => {
  const log: string[] = [];
  function* pieces() {
    for (const piece of ["", "a", "", "", "b", "c"]) {
      log.push(piece);
      yield piece;
    }
  }
  const turn = () => {
    log.push("turn");
    return Promise.resolve();
  };
  const body = await streamText(pieces(), { turn, reportException: reportNothing });
  assert.deepEqual(log, ["turn", "", "turn", "a"]);
  assert.equal(await new Response(body).text(), "abc");
  assert.deepEqual(log, ["turn", "", "turn", "a", "", "turn", "", "turn", "b", "c"]);
});

Deno.test("streamText() throws what the first piece throws, and cuts the answer off later", async () => {
  const turn = () => Promise.resolve();
  const failure = new Error("first");
  const pieces: string[] = [];
  await assert.rejects(
    streamText(
      (function* () {
        if (pieces.length === 0) throw failure;
        yield* pieces;
      })(),
      { turn, reportException: reportNothing },
    ),
    failure,
  );
  const reported: unknown[] = [];
  const body = await streamText(
    (function* () {
      yield "a";
      throw failure;
    })(),
    { turn, reportException: (exception) => reported.push(exception) },
  );
  await assert.rejects(new Response(body).text(), /could not be completed/);
  assert.deepEqual(reported, [failure]);
});

Deno.test("streamText() makes nothing more for a client that has gone", async () => {
  let isEnded = false;
  function* pieces() {
    try {
      for (;;) yield "a";
    } finally {
      isEnded = true;
    }
  }
  const options = { turn: () => Promise.resolve(), reportException: reportNothing };
  const reader = (await streamText(pieces(), options)).getReader();
  await reader.read();
  await reader.cancel();
  assert.ok(isEnded);
});
