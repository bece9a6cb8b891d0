import assert from "node:assert/strict";
import {
  inPieces,
  oneAtATime,
  PIECE_BYTES,
  PieceMeter,
  type Pieces,
} from "../../../analyzer/history/pieces.ts";

Deno.test("inPieces() gives others their turn before each piece, and not behind the last", async () => {
  const log: string[] = [];
  function* work(): Pieces<string> {
    log.push("1");
    yield;
    log.push("2");
    yield;
    log.push("3");
    return "done";
  }
  const turn = () => {
    log.push("turn");
    return Promise.resolve();
  };
  assert.equal(await inPieces(work(), turn), "done");
  assert.deepEqual(log, ["turn", "1", "turn", "2", "turn", "3"]);
});

Deno.test("oneAtATime() lets a piece of one answer come between two turns, however many there are", async () => {
  const log: string[] = [];
  function* work(name: string): Pieces<void> {
    log.push(name);
    yield;
    log.push(name);
  }
  let turns = 0;
  const turn = oneAtATime(async () => {
    await Promise.resolve();
    log.push(`turn ${++turns}`);
  });
  await Promise.all(["a", "b"].map((name) => inPieces(work(name), turn)));
  assert.deepEqual(log, ["turn 1", "a", "turn 2", "b", "turn 3", "a", "turn 4", "b"]);
});

Deno.test("PieceMeter.isDue() says so once a piece is full, and begins anew", () => {
  const meter = new PieceMeter();
  assert.ok(!meter.isDue(PIECE_BYTES - 1));
  assert.ok(meter.isDue(1));
  assert.ok(!meter.isDue(PIECE_BYTES - 1));
  assert.ok(meter.isDue(PIECE_BYTES));
});
