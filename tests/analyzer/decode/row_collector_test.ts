import assert from "node:assert/strict";
import { IP_KEY_BYTES, IpMask } from "../../../analyzer/decode/ip_mask.ts";
import { parseLine } from "../../../analyzer/decode/parse_line.ts";
import { FUTURE_WINDOW } from "../../../analyzer/decode/record_batch.ts";
import { RecordBatchBuilder } from "../../../analyzer/decode/record_batch_builder.ts";
import { RowCollector, type RowOptions } from "../../../analyzer/decode/row_collector.ts";
import { DEFAULT_LIMITS } from "../../../analyzer/limits.ts";
import {
  ERROR_BYTES,
  ErrorField,
  Exit,
  memoryBytes,
  memoryWords,
  Place,
} from "../../../analyzer/decode/scan/scan_memory.ts";
import { testLimits } from "../../support/limits.ts";

const OPTIONS = {
  format: "auto",
  minStatus: 400,
  ...testLimits({ lineBytes: 1000 }),
  saves: true,
  windowLengthMs: 10_000,
  latenessMs: 2000,
} as const;

const ORIGIN = {
  inputId: "input",
  receivedAtMs: 0,
  position: { offsetBytes: 0, csvLayout: undefined },
};

function setUp(more: Pick<RowOptions, "ipMask"> = {}) {
  const options = { ...OPTIONS, ...more };
  const builder = new RecordBatchBuilder(options);
  const rows = new RowCollector(builder, options);
  const place = (timeMs: number) => rows.place(timeMs);
  const build = () => {
    // Not a line of it matters here, but a batch without any would be none.
    builder.addLine(0);
    const batch = builder.build(ORIGIN);
    rows.startBatch();
    return batch;
  };
  return { rows, place, build };
}

/** What a scanner leaves in the memory, as far as a test cares. */
interface Scanned {
  readonly rowCount?: number;
  readonly fractionMaxMs?: number;
  /** Event time of a row that has to be placed, in ms of the second. */
  readonly placedMs?: number;
  /** Its fields, if it is an error. */
  readonly error?: Readonly<Record<"line" | "timestamp" | "ip" | "method" | "url", string>>;
  readonly hasEscapedUrl?: boolean;
}

function scanned(result: Scanned): void {
  const { rowCount = 0, fractionMaxMs = 0, placedMs, error, hasEscapedUrl = false } = result;
  memoryWords[Place.rowCount / 4] = rowCount;
  memoryWords[Place.fractionMaxMs / 4] = fractionMaxMs;
  memoryWords[Place.errorCount / 4] = 0;
  memoryWords[Place.exit / 4] = placedMs === undefined ? Exit.line : Exit.place;
  memoryWords[Place.fractionMs / 4] = placedMs ?? 0;
  const at = Place.errors / 4;
  memoryWords.fill(0, at, at + ERROR_BYTES / 4);
  if (error === undefined) return;
  memoryWords[at + ErrorField.status] = 500;
  memoryWords[at + ErrorField.hasEscapedUrl] = hasEscapedUrl ? 1 : 0;
  let end: number = Place.text;
  for (const name of ["line", "timestamp", "ip", "method", "url"] as const) {
    const field = at + ErrorField[`${name}Start`];
    memoryWords[field] = end;
    end += new TextEncoder().encodeInto(error[name], memoryBytes.subarray(end)).written;
    memoryWords[field + 1] = end;
  }
}

const EMPTY = new Uint8Array();

const NO_ERROR = { line: "", timestamp: "", ip: "::1", method: "", url: "/" };

// S-23
Deno.test("RowCollector ends the batch at the row that lifts the watermark to a window's end", () => {
  const { rows, place, build } = setUp();
  place(5000);
  assert.equal(rows.isStopped, true, "the first row sets the watermark");
  build();
  for (const timeMs of [9000, 11_999, 3000]) {
    place(timeMs);
    assert.equal(rows.isStopped, false, String(timeMs));
  }
  place(12_000);
  assert.equal(rows.isStopped, true);
  assert.deepEqual([...build().windowRowCounts], [2, 2]);
  // Once reached, it is reached.
  place(12_000);
  assert.equal(rows.isStopped, false);
});

// S-26
Deno.test("RowCollector gives rows beyond the limit no window, and those at it one", () => {
  const { rows, place, build } = setUp();
  rows.futureLimitMs = 50_000;
  assert.equal(place(50_001), FUTURE_WINDOW);
  assert.equal(place(50_000), 0);
  const { counts, eventTimeMaxMs } = build();
  assert.deepEqual([counts.valid, counts.future, eventTimeMaxMs], [2, 1, 50_000]);
});

Deno.test("RowCollector adds what a scanner has counted to the window that it was counted in", () => {
  const { rows, place, build } = setUp();
  place(5000);
  build();
  place(5000);
  scanned({ rowCount: 4, fractionMaxMs: 800, placedMs: 999 });
  rows.take("json", 9000, 99);
  const batch = build();
  assert.deepEqual([...batch.windowStartsMs], [0]);
  assert.deepEqual([...batch.windowRowCounts], [6]);
  const { lines, valid, bytes } = batch.counts;
  assert.deepEqual([lines, valid, bytes, batch.eventTimeMaxMs], [6, 6, 99, 9999]);
});

Deno.test("RowCollector takes nothing of a scan that has read nothing", () => {
  const { rows, build } = setUp();
  scanned({ rowCount: 4, placedMs: 999 });
  rows.take("json", 9000, 0);
  assert.equal(build().counts.valid, 0);
});

Deno.test("RowCollector.prepare() gives the part of a second that lies in the window of the row before", () => {
  const { rows, place, build } = setUp();
  const prepared = (secondMs: number) => {
    rows.prepare(secondMs);
    return [memoryWords[Place.fromMs / 4], memoryWords[Place.spanMs / 4]];
  };
  assert.deepEqual(prepared(5000)[1], 0, "no window");
  place(5000);
  assert.deepEqual(prepared(NaN)[1], 0, "no second");
  assert.deepEqual(prepared(5000), [0, 1000]);
  assert.deepEqual(prepared(9500), [0, 500]);
  assert.deepEqual(prepared(-300), [300, 700]);
  assert.deepEqual([prepared(10_000)[1], prepared(-1000)[1]], [0, 0]);
  // S-26
  rows.futureLimitMs = 7200;
  assert.deepEqual(prepared(7000), [0, 201]);
  rows.futureLimitMs = Infinity;
  // S-23: a row that moves the watermark past the end of a window has to be placed.
  place(11_000);
  assert.deepEqual(prepared(11_500), [0, 500]);
  build();
  assert.deepEqual(prepared(11_500)[1], 0, "a new batch");
});

// S-32
Deno.test("RowCollector writes an error row of CSV as JSON.stringify() writes the five fields", () => {
  const { rows, build } = setUp();
  const error = {
    line: "",
    timestamp: "2025-05-30T18:52:47Z",
    ip: "::1",
    method: "",
    url: "/a?b=c&d",
  };
  scanned({ placedMs: 0, error });
  rows.take("csv", 5000, 1);
  const { timestamp, ip, method, url } = error;
  assert.equal(
    new TextDecoder().decode(build().errors.lineBytes),
    JSON.stringify({ timestamp, ip, method, url, status: 500 }) + "\n",
  );
});

// S-16
Deno.test("RowCollector cuts URLs that are too long, however they were read", () => {
  const url = "/" + "é".repeat(DEFAULT_LIMITS.urlBytes);
  const { rows, build } = setUp();
  rows.addRecord({ eventTimeMs: 5000, ip: "::1", url, status: 404, toJson: () => "{}" }, EMPTY);
  scanned({ placedMs: 0, error: { ...NO_ERROR, line: url, url } });
  rows.take("json", 5000, 1);
  const { urlBytes, urlOffsets, lineBytes, lineOffsets } = build().errors;
  const [first, second] = [0, 1].map((i) =>
    new TextDecoder().decode(urlBytes.subarray(urlOffsets[i], urlOffsets[i + 1]))
  );
  assert.equal(first, second);
  assert.match(first!, /^\/é+…$/);
  assert.ok(
    urlOffsets[1]! <= DEFAULT_LIMITS.urlBytes && urlOffsets[1]! > DEFAULT_LIMITS.urlBytes - 4,
  );
  const line = new TextDecoder().decode(lineBytes.subarray(lineOffsets[1], lineOffsets[2]));
  assert.equal(line, `${url}\n`, "the line is kept whole");
});

Deno.test("RowCollector counts an escaped URL as what it stands for, and keeps its line", () => {
  const urls = ["/a", "/\u20ac", "/" + "\u00e9".repeat(DEFAULT_LIMITS.urlBytes)];
  for (const url of urls) {
    const { rows, build } = setUp();
    const escaped = JSON.stringify(url).slice(1, -1).replace("/", "\\/").replace(
      "\u20ac",
      "\\u20ac",
    );
    scanned({
      placedMs: 0,
      error: { ...NO_ERROR, line: escaped, url: escaped },
      hasEscapedUrl: true,
    });
    rows.take("json", 5000, 1);
    rows.addRecord({ eventTimeMs: 5000, ip: "\\", url, status: 404, toJson: () => "{}" }, EMPTY);
    const { urlHashes, urlBytes, urlOffsets, lineBytes, lineOffsets } = build().errors;
    const [first, second] = [0, 1].map((i) => urlBytes.subarray(urlOffsets[i], urlOffsets[i + 1]));
    assert.deepEqual(first, second);
    assert.deepEqual(urlHashes.subarray(0, 2), urlHashes.subarray(2, 4));
    assert.equal(new TextDecoder().decode(lineBytes.subarray(0, lineOffsets[1])), `${escaped}\n`);
  }
});

Deno.test("RowCollector keeps the five fields with a masked address, byte for byte as the parser does", () => {
  const ipMask = new IpMask(new Uint8Array(IP_KEY_BYTES));
  const fields = { timestamp: "2025-05-30T18:52:45Z", ip: "192.0.2.1" };
  for (const [method, url] of [["GET", "\\/a\\u00e9\ufeff"], ["G\\u0045T", "/\ufeff"], ["", ""]]) {
    const line = `{"host":"192.0.2.1","timestamp":"${fields.timestamp}","ip":"${fields.ip}",` +
      `"method":"${method}","url":"${url}","status":500}`;
    const { rows, build } = setUp({ ipMask });
    scanned({
      placedMs: 0,
      error: { ...fields, line, method: method!, url: url! },
      hasEscapedUrl: url!.includes("\\"),
    });
    rows.take("json", 5000, 1);
    const parsed = parseLine(new TextEncoder().encode(line), "auto", undefined);
    assert.ok(parsed.kind === "record");
    rows.addRecord(parsed.record, EMPTY);
    const { lineBytes, lineOffsets, ipHashes } = build().errors;
    const [first, second] = [0, 1].map((i) =>
      new TextDecoder().decode(lineBytes.subarray(lineOffsets[i], lineOffsets[i + 1]))
    );
    assert.equal(first, second);
    const masked = `ip-${new Uint8Array(ipHashes.slice(0, 2).reverse().buffer).toHex()}`;
    assert.ok(JSON.parse(first!).ip.startsWith(masked), "the address is counted by its mask");
    assert.ok(!first!.includes(fields.ip), first);
    assert.deepEqual(ipHashes.subarray(0, 2), ipHashes.subarray(2, 4));
  }
});
