import assert from "node:assert/strict";
import {
  inPieces,
  PIECE_BYTES,
  PieceMeter,
  type Pieces,
} from "../../../analyzer/history/pieces.ts";

Deno.test("inPieces() gives others their turn between two pieces, and not behind the last", async () => {
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
  assert.deepEqual(log, ["1", "turn", "2", "turn", "3"]);
});

Deno.test("PieceMeter.isDue() says so once a piece is full, and begins anew", () => {
  const meter = new PieceMeter();
  assert.ok(!meter.isDue(PIECE_BYTES - 1));
  assert.ok(meter.isDue(1));
  assert.ok(!meter.isDue(PIECE_BYTES - 1));
  assert.ok(meter.isDue(PIECE_BYTES));
});
