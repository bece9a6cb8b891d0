import assert from "node:assert/strict";
import { csvParse } from "d3-dsv";
import fc from "fast-check";
import { CSV_HEADER, formatCsvLine } from "../../log_format/csv_line.ts";

Deno.test("formatCsvLine() writes the fields in the order of the header", () => {
  assert.equal(CSV_HEADER, "timestamp,ip,method,url,status");
  assert.equal(
    formatCsvLine({
      timestampMs: 1748631167123.456,
      ip: "1.2.3.4",
      method: "GET",
      url: "/resource/42",
      status: 404,
    }),
    "2025-05-30T18:52:47.123456Z,1.2.3.4,GET,/resource/42,404",
  );
});

Deno.test("formatCsvLine() is read back by another parser, quotes and separators included", () => {
  // A bare carriage return is left out: the published package does not quote it.
  const text = fc.string({ unit: fc.constantFrom("a", '"', ",", " ", "\n", "é", ";") });
  fc.assert(fc.property(text, text, text, (ip, method, url) => {
    const line = formatCsvLine({ timestampMs: 0, ip, method, url, status: 200 });
    const [row] = csvParse(`${CSV_HEADER}\n${line}\n`);
    const timestamp = "1970-01-01T00:00:00.000000Z";
    assert.deepEqual({ ...row }, { timestamp, ip, method, url, status: "200" });
  }));
});
