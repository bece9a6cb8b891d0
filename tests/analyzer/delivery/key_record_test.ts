import assert from "node:assert/strict";
import {
  decodeKeyRecord,
  encodeKeyRecord,
  keyOfRecord,
  type KeyRecord,
  usedAtMsOfRecord,
} from "../../../analyzer/delivery/key_record.ts";
import { emptyTotals } from "../../../analyzer/sink/totals.ts";

const RECORD: KeyRecord = {
  key: 'a"[1,2]\\',
  usedAtMs: 1_748_631_150_000,
  isComplete: true,
  headHash: [0xffffffff, 1],
  csvLayout: { fieldCount: 7, columns: [6, 0, 1, 2, 3] },
  totals: {
    ...emptyTotals(),
    bytes: 1,
    lines: 2,
    valid: 3,
    malformed: { ...emptyTotals().malformed, nul_byte: 15, bad_status: 16 },
    oversized: 4,
    empty: 5,
    header: 6,
    partial: 7,
    inWindows: 8,
    late: 9,
    future: 10,
    errors: 11,
    errorsInWindows: 12,
    lateErrors: 13,
    futureErrors: 14,
    errorsByStatus: new Map([[404, 17], [500, 18]]),
  },
};

Deno.test("decodeKeyRecord() gives back what encodeKeyRecord() was given", () => {
  for (
    const record of [
      RECORD,
      { ...RECORD, isComplete: false, csvLayout: undefined, totals: emptyTotals() },
    ]
  ) {
    const text = encodeKeyRecord(record);
    assert.deepEqual(decodeKeyRecord(text), record);
    assert.equal(keyOfRecord(text), record.key);
    assert.equal(usedAtMsOfRecord(text), record.usedAtMs);
  }
});

Deno.test("decodeKeyRecord() reads a record that knew fewer counts", () => {
  const text = "k [5,0,[1,2],[],[9,8],[],[]]";
  const { totals } = decodeKeyRecord(text);
  assert.deepEqual(totals, { ...emptyTotals(), bytes: 9, lines: 8 });
});
