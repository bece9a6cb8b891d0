import assert from "node:assert/strict";
import { freeBatch } from "../../../analyzer/decode/free_batch.ts";
import { RecordBatchBuilder } from "../../../analyzer/decode/record_batch_builder.ts";
import { padBytes } from "../../../analyzer/padded_bytes.ts";

const TEXT = new TextEncoder().encode("/a/b/c");
const PADDED = padBytes(TEXT);
const ORIGIN = {
  inputId: "a",
  receivedAtMs: 0,
  position: { offsetBytes: 0, csvLayout: undefined },
};

function build(builder: RecordBatchBuilder, errors: number, saves: boolean) {
  for (let i = 0; i < errors; i++) {
    builder.addError(0, 404, PADDED, 0, TEXT.length, PADDED, 0, TEXT.length);
    if (saves) builder.addLineOfError(PADDED, 0, TEXT.length);
  }
  return builder.build(ORIGIN);
}

Deno.test("freeBatch() gives back all columns, and leaves those of other batches alone", () => {
  const builder = new RecordBatchBuilder({ windowLengthMs: 1000 });
  // Also batches without errors or saved lines: theirs must not be what the next one is built in.
  for (
    const [errors, saves] of [[0, true], [3, false], [100, true], [0, false], [2, true]] as const
  ) {
    const batch = build(builder, errors, saves);
    const next = build(builder, 1, true);
    freeBatch(batch);
    for (const column of Object.values(batch.errors)) {
      if (typeof column !== "number") assert.equal(column.length, 0);
    }
    assert.equal(next.errors.statuses[0], 404);
    assert.deepEqual(next.errors.urlBytes.slice(), TEXT);
    assert.deepEqual(build(builder, 1, true).errors.lineBytes.slice(), TEXT);
  }
});
