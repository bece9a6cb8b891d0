import assert from "node:assert/strict";
import fc from "fast-check";
import { IP_BYTES_MAX } from "../../../../log_format/log_record.ts";
import { packedErrors, packErrors } from "../../../../analyzer/decode/scan/error_packer.ts";
import {
  ERROR_BYTES,
  ErrorField,
  ERRORS_MAX,
  memoryBytes,
  memoryView,
  memoryWords,
  Place,
  TEXT_BYTES_MAX,
} from "../../../../analyzer/decode/scan/scan_memory.ts";
import { hashBytes } from "../../../../analyzer/sketch/hash.ts";

/** An error row as a scan leaves it, but for what the packer does not look at. */
interface Row {
  readonly status: number;
  readonly ip: Uint8Array;
  readonly url: Uint8Array;
  readonly hasEscapedUrl: boolean;
  /** What stands behind the line. */
  readonly lineEnd: "\n" | "\r\n";
  /** Lines before it that are no errors. */
  readonly gap: boolean;
}

const row: fc.Arbitrary<Row> = fc.record({
  status: fc.integer({ min: 100, max: 599 }),
  ip: fc.uint8Array({ minLength: 1, maxLength: IP_BYTES_MAX, size: "max" }),
  url: fc.uint8Array({ maxLength: 70, size: "max" }),
  hasEscapedUrl: fc.boolean(),
  lineEnd: fc.constantFrom("\n", "\n", "\r\n"),
  gap: fc.boolean(),
});
/** Nothing but rows that can be packed. */
const plainRow = row.map((row): Row => ({ ...row, hasEscapedUrl: false, lineEnd: "\n" }));

/** Writes rows and their text to the memory. Returns the place behind the rows. */
function write(rows: readonly Row[]): number {
  let position: number = Place.text;
  const put = (bytes: Uint8Array) => {
    memoryBytes.set(bytes, position);
    position += bytes.length;
    return [position - bytes.length, position] as const;
  };
  rows.forEach(({ status, ip, url, hasEscapedUrl, lineEnd, gap }, i) => {
    const at = (Place.errors + i * ERROR_BYTES) / 4;
    const set = (field: keyof typeof ErrorField, value: number) =>
      memoryWords[at + ErrorField[field]] = value;
    if (gap) put(encoder.encode("no error\n"));
    set("lineStart", position);
    for (const [name, bytes] of [["ip", ip], ["url", url]] as const) {
      put(encoder.encode(name));
      const [start, end] = put(bytes);
      set(`${name}Start`, start);
      set(`${name}End`, end);
    }
    set("lineEnd", position);
    set("status", status);
    set("hasEscapedUrl", hasEscapedUrl ? 1 : 0);
    put(encoder.encode(lineEnd));
  });
  return Place.errors + rows.length * ERROR_BYTES;
}

/** What the columns should hold, made row by row. */
function expectedOf(rows: readonly Row[], hasLines: boolean) {
  const hash = new Uint32Array(2);
  const hashOf = (at: number, name: "ip" | "url") => {
    const [start, end] = [at + ErrorField[`${name}Start`], at + ErrorField[`${name}End`]];
    hashBytes(memoryView, memoryWords[start]!, memoryWords[end]!, hash);
    return [...new Int32Array(hash.buffer)];
  };
  return rows.map(({ status, url }, i) => {
    const at = (Place.errors + i * ERROR_BYTES) / 4;
    const start = memoryWords[at + ErrorField.lineStart]!;
    const end = memoryWords[at + ErrorField.lineEnd]! + 1;
    return {
      status,
      ipHash: hashOf(at, "ip"),
      urlHash: hashOf(at, "url"),
      url: [...url],
      line: hasLines ? [...memoryBytes.subarray(start, end)] : [],
    };
  });
}

function packed(count: number) {
  const { statuses, ipHashes, urlHashes, urlEnds, urls, lineEnds } = packedErrors;
  const { lineRuns, lineRunCount, text } = packedErrors;
  const lines: number[] = [];
  for (let run = 0; run < 2 * lineRunCount; run += 2) {
    for (let i = lineRuns[run]!; i < lineRuns[run + 1]!; i++) lines.push(text.getUint8(i));
  }
  assert.equal(lines.length, count === 0 ? 0 : lineEnds[count - 1]);
  return Array.from({ length: count }, (_, i) => ({
    status: statuses[i],
    ipHash: [...ipHashes.subarray(2 * i, 2 * i + 2)],
    urlHash: [...urlHashes.subarray(2 * i, 2 * i + 2)],
    url: Array.from(
      { length: urlEnds[i]! - (urlEnds[i - 1] ?? 0) },
      (_, at) => urls.getUint8((urlEnds[i - 1] ?? 0) + at),
    ),
    line: lines.slice(lineEnds[i - 1] ?? 0, lineEnds[i]),
  }));
}

const encoder = new TextEncoder();

Deno.test("packErrors() makes of plain rows what is made of them one by one", () => {
  fc.assert(
    fc.property(
      fc.array(plainRow, { maxLength: 30, size: "max" }),
      fc.boolean(),
      (rows, hasLines) => {
        const end = write(rows);
        assert.equal(packErrors(Place.errors, end, { urlBytesMax: 1000, hasLines }), end);
        assert.deepEqual(packed(rows.length), expectedOf(rows, hasLines));
      },
    ),
  );
});

Deno.test("packErrors() stops before a row that needs more thought", () => {
  fc.assert(
    fc.property(fc.array(row, { maxLength: 12, size: "max" }), fc.boolean(), (rows, hasLines) => {
      const urlBytesMax = 60;
      const end = write(rows);
      const rest = rows.findIndex(({ hasEscapedUrl, url, lineEnd }) =>
        hasEscapedUrl || url.length > urlBytesMax || (hasLines && lineEnd !== "\n")
      );
      const count = rest < 0 ? rows.length : rest;
      const next = packErrors(Place.errors, end, { urlBytesMax, hasLines });
      assert.equal(next, Place.errors + count * ERROR_BYTES);
      assert.deepEqual(packed(count), expectedOf(rows, hasLines).slice(0, count));
    }),
  );
});

Deno.test("packErrors() hashes pieces of every length", () => {
  const bytes = Uint8Array.from({ length: 70 }, (_, i) => 255 - 3 * i);
  const rows = Array.from(bytes, (_, i): Row => ({
    status: 500,
    ip: bytes.subarray(0, 1 + i % IP_BYTES_MAX),
    url: bytes.subarray(i),
    hasEscapedUrl: false,
    lineEnd: "\n",
    gap: false,
  }));
  const end = write(rows);
  assert.equal(packErrors(Place.errors, end, { urlBytesMax: 1000, hasLines: true }), end);
  assert.deepEqual(packed(rows.length), expectedOf(rows, true));
  assert.equal(packedErrors.lineRunCount, 1, "lines that follow each other are one piece");
});

Deno.test("packErrors() has room for as many rows, and as much of them, as a scan may find", () => {
  // All of the text is short rows, and all of it is one URL but for what its line needs.
  for (const count of [ERRORS_MAX, 1]) {
    const urlBytes = Math.floor(TEXT_BYTES_MAX / count) - 20;
    const rows = Array.from({ length: count }, (_, i): Row => ({
      status: 404,
      ip: Uint8Array.of(i, i >> 8),
      url: new Uint8Array(urlBytes).fill(i),
      hasEscapedUrl: false,
      lineEnd: "\n",
      gap: false,
    }));
    const end = write(rows);
    const text = memoryBytes.slice(Place.text);
    const urlBytesMax = TEXT_BYTES_MAX;
    assert.equal(packErrors(Place.errors, end, { urlBytesMax, hasLines: true }), end);
    assert.deepEqual(memoryBytes.subarray(Place.text), text);
    assert.deepEqual(packed(rows.length), expectedOf(rows, true));
  }
});
