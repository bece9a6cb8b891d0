import assert from "node:assert/strict";
import fc from "fast-check";
import { headerLine, LineWriter } from "../../generator/line_templates.ts";
import { MALFORMATIONS, RecordColumns, TrafficModel } from "../../generator/traffic_model.ts";
import { formatCsvLine } from "../../log_format/csv_line.ts";
import { formatJsonLine } from "../../log_format/json_line.ts";
import { configOf, linesOf } from "./test_config.ts";

const FORMATS = { json: formatJsonLine, csv: formatCsvLine } as const;
const decoder = new TextDecoder("utf-8", { fatal: true });

for (const format of ["json", "csv"] as const) {
  Deno.test(`LineWriter.write() writes what the slow ${format} formatter writes`, () => {
    const options = fc.record({
      seed: fc.maxSafeNat(),
      urls: fc.constantFrom(1, 9, 10, 999, 1000, 1001, 10_000, 1_000_000, 999_999_999),
      ips: fc.constantFrom("", "--ips 3", "--ips 1000"),
      late: fc.constantFrom("", "--late 30%@45s"),
      burst: fc.constantFrom("", "--burst 404:x3@10s/4s"),
      rate: fc.constantFrom(0.1, 1, 3, 1000, 1e6, Infinity),
      startMs: fc.integer({ min: Date.UTC(1971, 0), max: Date.UTC(2200, 0) }),
      firstIndex: fc.constantFrom(0, 123_456, 100_000_000),
    });
    fc.assert(
      fc.property(options, ({ seed, urls, ips, late, burst, ...options }) => {
        const { traffic } = configOf(`--seed ${seed} --urls ${urls} ${ips} ${late} ${burst}`);
        const model = new TrafficModel(traffic);
        const columns = new RecordColumns(100);
        const time = { originUs: options.startMs * 1000, recordsPerSecond: options.rate };
        model.fill(columns, { ...time, firstIndex: options.firstIndex, rowCount: 100 });
        const writer = new LineWriter(format);
        const target = new Uint8Array(writer.targetBytes(100));
        const bytes = target.subarray(0, writer.write(columns, 100, target));
        const expected = Array.from(
          { length: 100 },
          (_, i) => FORMATS[format](model.recordAt(options.firstIndex + i, time)),
        );
        assert.deepEqual(linesOf(decoder.decode(bytes)), expected);
        assert(expected.every((line) => line.length < writer.lineBytesMax));
      }),
      { numRuns: 60 },
    );
  });

  Deno.test(`LineWriter.write() reaches lineBytesMax and no further (${format})`, () => {
    const columns = longestLine();
    const writer = new LineWriter(format);
    const target = new Uint8Array(writer.targetBytes(1));
    assert.equal(writer.write(columns, 1, target), writer.lineBytesMax);
  });

  Deno.test(`LineWriter.write() writes lines of each malformation that no reader takes (${format})`, () => {
    const { traffic } = configOf("--malformed 50% --urls 2000");
    const columns = new RecordColumns(5000);
    const range = { firstIndex: 0, originUs: 1.7e15, recordsPerSecond: 1000, rowCount: 5000 };
    new TrafficModel(traffic).fill(columns, range);
    const writer = new LineWriter(format);
    const target = new Uint8Array(writer.targetBytes(5000));
    const lines = splitLines(target.subarray(0, writer.write(columns, 5000, target)));
    assert.equal(lines.length, 5000);
    const seen = new Set<number>();
    lines.forEach((line, row) => {
      const kind = columns.malformation[row]!;
      seen.add(kind);
      assert.equal(isRecord(line, format), kind === 0, `row ${row}: ${MALFORMATIONS[kind - 1]}`);
    });
    assert.equal(seen.size, 1 + MALFORMATIONS.length);
  });
}

Deno.test("LineWriter.write() refuses a target that is too small, by one byte", () => {
  const writer = new LineWriter("json");
  const columns = longestLine();
  const size = writer.targetBytes(1);
  assert.throws(() => writer.write(columns, 1, new Uint8Array(size - 1)), RangeError);
  assert.equal(writer.write(columns, 1, new Uint8Array(size)), writer.lineBytesMax);
  assert.equal(writer.write(columns, 0, new Uint8Array(size)), 0);
});

Deno.test("headerLine() is there for CSV only", () => {
  assert.equal(decoder.decode(headerLine("csv")), "timestamp,ip,method,url,status\n");
  assert.equal(headerLine("json").length, 0);
});

/** One row with the most bytes: three digits an octet, DELETE, nine digits of URL. */
function longestLine(): RecordColumns {
  const columns = new RecordColumns(1);
  columns.timeUs[0] = 1.7e15;
  columns.address[0] = 0xdfffffff;
  columns.methodIndex[0] = 3;
  columns.urlNumber[0] = 999_999_999;
  return columns;
}

function splitLines(bytes: Uint8Array): Uint8Array[] {
  const lines = [];
  let start = 0;
  while (start < bytes.length) {
    const end = bytes.indexOf(0x0a, start);
    lines.push(bytes.subarray(start, end));
    start = end + 1;
  }
  return lines;
}

/** A strict reader of our own lines. */
function isRecord(line: Uint8Array, format: "json" | "csv"): boolean {
  try {
    const text = decoder.decode(line);
    const [timestamp, ip, method, url, status] = format === "csv"
      ? text.split(",")
      : Object.values(JSON.parse(text)).map(String);
    return !Number.isNaN(Date.parse(timestamp!)) && /^[\d.]+$/.test(ip!) &&
      /^[A-Z]+$/.test(method!) && /^\/resource\/\d+$/.test(url!) && Number(status) < 600;
  } catch {
    return false;
  }
}
