import assert from "node:assert/strict";
// @ts-types="@types/d3-dsv"
import { dsvFormat } from "d3-dsv";
import fc from "fast-check";
import {
  type LineFormat,
  type ParsedLine,
  type ParsedRecord,
  parseLine,
} from "../../../analyzer/decode/parse_line.ts";
import type { CsvLayout } from "../../../analyzer/decode/record_batch.ts";
import {
  BASE_MS,
  csvLineOf,
  jsonLine,
  jsonLineOf,
  logRecord,
  MALFORMED_LINES,
} from "../../support/log_lines.ts";

const encoder = new TextEncoder();

function parse(
  line: string | Uint8Array,
  format: LineFormat = "auto",
  layout?: CsvLayout,
): ParsedLine {
  return parseLine(typeof line === "string" ? encoder.encode(line) : line, format, layout);
}

function recordOf(line: string, format?: LineFormat, layout?: CsvLayout): ParsedRecord {
  const parsed = parse(line, format, layout);
  assert.ok(parsed.kind === "record", `${line} is ${JSON.stringify(parsed)}`);
  return parsed.record;
}

function assertMalformed(line: string | Uint8Array, reason: string): void {
  assert.deepEqual(parse(line), { kind: "malformed", reason }, String(line));
}

// S-3
Deno.test("parseLine() reads a JSON record in any key order, spacing and form of time", () => {
  const lines = logRecord().chain((record) => jsonLineOf(record).map((line) => ({ record, line })));
  fc.assert(fc.property(lines, ({ record, line }) => {
    const { eventTimeMs, ip, url, status, toJson } = recordOf(line);
    assert.equal(eventTimeMs, record.timestampMs);
    assert.deepEqual({ ip, url, status }, {
      ip: record.ip,
      url: record.url,
      status: record.status,
    });
    assert.equal(toJson(), line.trim().replaceAll("\r", " "));
  }));
});

// S-32
Deno.test("parseLine() leaves no carriage return that other readers take for the end of a line", () => {
  const inner = jsonLine({ status: 599, url: "/forged" });
  const line = jsonLine({ status: 404 }).replace("{", `{"x":\r${inner}\r,`);
  const { status, toJson } = recordOf(line);
  assert.equal(status, 404);
  assert.equal(toJson(), line.replaceAll("\r", " "));
  assert.deepEqual(JSON.parse(toJson()), JSON.parse(line));
});

// S-4, S-32
Deno.test("parseLine() reads a CSV record as d3-dsv does, and makes a JSON object of it", () => {
  const lines = logRecord().chain((record) => csvLineOf(record).map((line) => ({ record, line })));
  fc.assert(fc.property(lines, ({ record, line }) => {
    const { eventTimeMs, ip, url, status, toJson } = recordOf(line);
    assert.equal(eventTimeMs, record.timestampMs);
    assert.deepEqual({ ip, url, status }, {
      ip: record.ip,
      url: record.url,
      status: record.status,
    });
    const [timestamp, ipText, method, urlText] = dsvFormat(",").parseRows(line.trim())[0]!;
    assert.deepEqual(JSON.parse(toJson()), {
      timestamp,
      ip: ipText,
      method,
      url: urlText,
      status: record.status,
    });
    // What the error files keep means the same when it is read again.
    const again = recordOf(toJson());
    assert.deepEqual(
      [again.eventTimeMs, again.ip, again.url, again.status],
      [eventTimeMs, ip, url, status],
    );
  }));
});

// S-7
Deno.test("parseLine() names the reason for every line that is malformed", () => {
  for (const [reason, lines] of Object.entries(MALFORMED_LINES)) {
    for (const line of lines) assertMalformed(line, reason);
  }
});

// S-6
Deno.test("parseLine() accepts status 100 to 599 as number or three digits, and no other", () => {
  for (const status of [100, 599]) {
    assert.equal(recordOf(jsonLine({ status })).status, status);
    assert.equal(recordOf(jsonLine().replace("200", `"${status}"`)).status, status);
  }
  for (const status of [99, 600, -404, 0, 404.5]) {
    assertMalformed(jsonLine({ status }), "bad_status");
    assertMalformed(jsonLine().replace("200", `"${status}"`), "bad_status");
  }
  for (const status of ["", "0404", " 404", "404 ", "+404", "4e2", "٤٠٤"]) {
    assertMalformed(jsonLine().replace("200", `"${status}"`), "bad_status");
  }
});

// S-6
Deno.test("parseLine() accepts an address of 1 to 64 bytes of UTF-8", () => {
  for (const ip of ["a", "a".repeat(64), "é".repeat(32), "日".repeat(21), "😀".repeat(16)]) {
    assert.equal(recordOf(jsonLine({ ip })).ip, ip);
  }
  for (const ip of ["", "a".repeat(65), "é".repeat(33), "日".repeat(22), "😀".repeat(17)]) {
    assertMalformed(jsonLine({ ip }), "bad_ip");
  }
});

// S-6
Deno.test("parseLine() accepts an empty method and URL, as of a request that was none", () => {
  assert.equal(recordOf(jsonLine({ method: "", url: "", status: 400 })).url, "");
  assert.equal(recordOf(`${BASE_MS},192.0.2.1,,,400`).url, "");
});

// S-1
Deno.test("parseLine() ignores byte order mark, blanks and carriage return around a line", () => {
  for (const line of [jsonLine(), `${BASE_MS},192.0.2.1,GET,/,404`]) {
    for (const around of ["\uFEFF", "\uFEFF ", " \t", "\r"]) {
      assert.equal(recordOf(`${around}${line}`).eventTimeMs, BASE_MS);
    }
    assert.equal(recordOf(`${line} \t\r`).eventTimeMs, BASE_MS);
  }
  for (const line of ["", "\r", " ", "\uFEFF", "\uFEFF\r", "\t \r"]) {
    for (const format of ["auto", "json", "csv"] as const) {
      assert.deepEqual(parse(line, format), { kind: "empty" });
    }
  }
  // Other white space belongs to the line.
  assertMalformed("\u00A0", "csv_field_count");
});

// S-2
Deno.test("parseLine() keeps the format that it is told", () => {
  const csv = `${BASE_MS},192.0.2.1,GET,/,404`;
  assert.equal(recordOf(jsonLine(), "json").status, 200);
  assert.equal(recordOf(csv, "csv").status, 404);
  assert.deepEqual(parse(csv, "json"), { kind: "malformed", reason: "not_json" });
  assert.deepEqual(parse("[]", "json"), { kind: "malformed", reason: "not_json" });
  assert.deepEqual(parse("null", "json"), { kind: "malformed", reason: "not_json" });
  assert.deepEqual(parse("{}", "csv"), { kind: "malformed", reason: "csv_field_count" });
});

// S-4
Deno.test("parseLine() takes a row with all five names for a header, in any order and case", () => {
  assert.deepEqual(parse("timestamp,ip,method,url,status"), {
    kind: "header",
    layout: { fieldCount: 5, columns: [0, 1, 2, 3, 4] },
  });
  assert.deepEqual(parse('\uFEFFStatus,host," IP ",url,METHOD,"timestamp"\r'), {
    kind: "header",
    layout: { fieldCount: 6, columns: [5, 2, 4, 3, 0] },
  });
  assertMalformed("timestamp,ip,method,url,code", "bad_timestamp");
  assertMalformed("timestamp,ip,method,url", "csv_field_count");
});

// S-4
Deno.test("parseLine() reads CSV by the header in force", () => {
  const layout = { fieldCount: 6, columns: [5, 2, 4, 3, 0] };
  const record = recordOf(`404,example.org,192.0.2.1,"/a,b",GET,${BASE_MS}`, "auto", layout);
  assert.deepEqual(
    [record.eventTimeMs, record.ip, record.url, record.status],
    [BASE_MS, "192.0.2.1", "/a,b", 404],
  );
  assert.equal(
    record.toJson(),
    `{"timestamp":"${BASE_MS}","ip":"192.0.2.1","method":"GET","url":"/a,b","status":404}`,
  );
  const short = parse(`${BASE_MS},192.0.2.1,GET,/,404`, "auto", layout);
  assert.deepEqual(short, { kind: "malformed", reason: "csv_field_count" });
  assert.equal(recordOf(jsonLine(), "auto", layout).status, 200);
});

// S-3
Deno.test("parseLine() borrows no field from a prototype, and takes the last of equal keys", () => {
  const fields = '"ip":"a","method":"","url":"","status":404';
  assertMalformed(`{"__proto__":{"timestamp":0},${fields}}`, "missing_field");
  assert.equal(recordOf(`{"timestamp":0,${fields},"timestamp":1}`).eventTimeMs, 1000);
});

Deno.test("parseLine() takes time in proportion to the line, however it is made", () => {
  const length = 1 << 17;
  const startedAtMs = performance.now();
  for (const filling of [" ", "\t", "\r", '"', ",", "{", "[", "0", "0:", "-", "2025-", "é"]) {
    const run = filling.repeat(length / filling.length);
    for (const line of [`x${run}x`, `{${run}`, `${run}Z`, `2025-05-30T${run}x`]) parse(line);
  }
  // A linear reader takes 50 ms for these 6 MiB, a quadratic one minutes.
  assert.ok(performance.now() - startedAtMs < 5000);
});

Deno.test("parseLine() gives the five fields and nothing else where another address is to stand there", () => {
  const json = '{"remote_addr":"192.0.2.1","status":"404","url":"/\\u00e9","method":"GET",' +
    '"ip":"192.0.2.1","timestamp":1748631167.25}';
  const parsed = parseLine(encoder.encode(json), "auto", undefined);
  assert.ok(parsed.kind === "record");
  assert.equal(
    parsed.record.toJson("ip-x"),
    '{"timestamp":1748631167.25,"ip":"ip-x","method":"GET","url":"/é","status":404}',
  );
  assert.equal(parsed.record.toJson(), json);
});
