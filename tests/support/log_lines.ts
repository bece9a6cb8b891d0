import fc from "fast-check";
import type { MalformedReason } from "../../analyzer/decode/malformed_reason.ts";
import type { LogRecord } from "../../log_format/log_record.ts";

/** 2025-05-30T18:52:30Z, the start of a window of 30 s. */
export const BASE_MS: number = Date.UTC(2025, 4, 30, 18, 52, 30);

const encoder = new TextEncoder();

/** Lines as the bytes of a log, each with a newline. */
export function toBytes(lines: readonly (string | Uint8Array)[]): Uint8Array {
  return concatBytes(lines.flatMap((line) => [
    typeof line === "string" ? encoder.encode(line) : line,
    encoder.encode("\n"),
  ]));
}

/** All parts in one array. */
export function concatBytes(parts: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let end = 0;
  for (const part of parts) {
    all.set(part, end);
    end += part.length;
  }
  return all;
}

/** A JSON line in our own key order, for tests that care about one or two fields only. */
export function jsonLine(record: Partial<LogRecord> = {}): string {
  const { timestampMs = BASE_MS, ip = "192.0.2.1", method = "GET", url = "/", status = 200 } =
    record;
  const timestamp = new Date(timestampMs).toISOString();
  return JSON.stringify({ timestamp, ip, method, url, status });
}

/** Event times in whole ms around {@linkcode BASE_MS}, over several windows and in any order. */
export const disorderedTimeMs: fc.Arbitrary<number> = fc
  .integer({ min: -60_000, max: 150_000 })
  .map((offsetMs) => BASE_MS + offsetMs);

/** Records with few clients and URLs, so that they repeat, and some strange ones. */
export function logRecord(timeMs: fc.Arbitrary<number> = disorderedTimeMs): fc.Arbitrary<
  LogRecord
> {
  return fc.record({
    timestampMs: timeMs,
    ip: fc.oneof(
      { weight: 6, arbitrary: fc.integer({ min: 1, max: 5 }).map((i) => `192.0.2.${i}`) },
      fc.constantFrom("2001:db8::1", "client.example", "é".repeat(32)),
    ),
    method: fc.constantFrom("GET", "POST", "PUT", "DELETE", ""),
    url: fc.oneof(
      { weight: 6, arbitrary: fc.integer({ min: 1, max: 4 }).map((i) => `/resource/${i}`) },
      fc.constantFrom("", '/a?q="x,y"', "/ü/日本", "/\\u0041\\", "/{}", "timestamp"),
      fc.string({ unit: "grapheme", maxLength: 12 }).map((text) => `/${text}`),
    ),
    status: fc.oneof(
      fc.constantFrom(100, 200, 301, 399, 400, 404, 500, 599),
      fc.integer({ min: 100, max: 599 }),
    ),
  });
}

/** A record as a JSON line: any key order and spacing, unknown keys, status as text or number. */
export function jsonLineOf(record: LogRecord): fc.Arbitrary<string> {
  const unknown = fc.uniqueArray(
    fc.tuple(fc.constantFrom("host", "request_time", "Status", "__proto__", "é"), fc.jsonValue()),
    { selector: ([key]) => key, maxLength: 3 },
  );
  const blank = fc.constantFrom("", "", " ", "\t", "  ", "\r");
  return fc.tuple(timestampOf(record.timestampMs), fc.boolean(), unknown, blank, blank).chain(
    ([timestamp, isText, extra, outer, inner]) =>
      fc.shuffledSubarray([
        ["timestamp", timestamp],
        ["ip", record.ip],
        ["method", record.method],
        ["url", record.url],
        ["status", isText ? String(record.status) : record.status],
        ...extra,
      ] as [string, unknown][], { minLength: 5 + extra.length }).map((pairs) => {
        const members = pairs.map(([key, value]) =>
          `${inner}${JSON.stringify(key)}${inner}:${inner}${JSON.stringify(value)}${inner}`
        );
        return `${outer}{${members.join(",")}}${outer}`;
      }),
  );
}

/** A record as a CSV line in the default order of fields, with more quotes than it needs or not. */
export function csvLineOf(record: LogRecord): fc.Arbitrary<string> {
  const { ip, method, url, status } = record;
  return fc.tuple(
    timestampOf(record.timestampMs),
    fc.array(fc.boolean(), { minLength: 5, maxLength: 5 }),
    fc.constantFrom("", "\r"),
  ).map(([timestamp, quoted, end]) =>
    [timestamp, ip, method, url, status].map((value, i) => {
      const text = String(value);
      // Blanks at the ends of a line are not part of it; quotes keep them.
      const mustQuote = /[",\s]/.test(text) || (i === 0 && text.startsWith("{"));
      return quoted[i] || mustQuote ? `"${text.replaceAll('"', '""')}"` : text;
    }).join(",") + end
  );
}

/** A time in one of the forms that loggers write, as a JSON value: text or number. */
export function timestampOf(timeMs: number): fc.Arbitrary<string | number> {
  const iso = new Date(timeMs).toISOString();
  const east = new Date(timeMs + 5.5 * 3_600_000).toISOString();
  const west = new Date(timeMs - 8 * 3_600_000).toISOString();
  const seconds = `${Math.floor(timeMs / 1000)}.${iso.slice(20, 23)}`;
  return fc.constantFrom<string | number>(
    iso,
    iso.replace("Z", "456Z"),
    iso.replace("Z", "+00:00"),
    iso.replace(".", ",").replace("T", " "),
    iso.toLowerCase(),
    iso.replaceAll(/[:-]/g, ""),
    east.replace("Z", "+05:30"),
    west.replace("Z", "-0800"),
    west.replace("Z", "-08"),
    seconds,
    Number(seconds),
    String(timeMs),
    timeMs,
  );
}

/** A record as a line of either format, as UTF-8. */
export function validLine(timeMs?: fc.Arbitrary<number>): fc.Arbitrary<Uint8Array> {
  return logRecord(timeMs)
    .chain((record) => fc.oneof(jsonLineOf(record), csvLineOf(record)))
    .map((text) => encoder.encode(text));
}

/** For every reason lines that are malformed for it and for no other. */
export const MALFORMED_LINES: Readonly<Record<MalformedReason, readonly (string | Uint8Array)[]>> =
  {
    invalid_utf8: [
      Uint8Array.of(0xff),
      Uint8Array.of(0x7b, 0xc3, 0x7d),
      // Cut in the middle of a character, a surrogate, an overlong form.
      Uint8Array.of(0x61, 0xe2, 0x82),
      Uint8Array.of(0xed, 0xa0, 0x80),
      Uint8Array.of(0xc0, 0x80),
    ],
    nul_byte: ["\0", "{\0}", `2025-05-30T18:52:30Z,192.0.2.1,GET,/\0,404`],
    not_json: ["{", "{}}", "{'a': 1}", `${jsonLine()},`, jsonLine().slice(0, -1), "{NaN}"],
    csv_syntax: [
      `2025-05-30T18:52:30Z,192.0.2.1,GET,"/a,404`,
      `2025-05-30T18:52:30Z,192.0.2.1,GET,/a"b,404`,
      `"2025-05-30T18:52:30Z"x,192.0.2.1,GET,/,404`,
      '"',
    ],
    csv_field_count: [
      "hello",
      "[1]",
      ",",
      "<190>Nov 23 21:26:48 host tag: text",
      "2025-05-30T18:52:30Z,192.0.2.1,GET,/",
      "2025-05-30T18:52:30Z,192.0.2.1,GET,/,404,",
    ],
    missing_field: [
      "{}",
      '{"timestamp":1748631150,"ip":"192.0.2.1","method":"GET","url":"/"}',
      '{"Timestamp":1748631150,"ip":"192.0.2.1","method":"GET","url":"/","status":404}',
      '{"__proto__":{"timestamp":1748631150,"ip":"a","method":"GET","url":"/","status":404}}',
    ],
    wrong_type: [
      '{"timestamp":null,"ip":"192.0.2.1","method":"GET","url":"/","status":404}',
      '{"timestamp":1748631150,"ip":7,"method":"GET","url":"/","status":404}',
      '{"timestamp":1748631150,"ip":"192.0.2.1","method":null,"url":"/","status":404}',
      '{"timestamp":1748631150,"ip":"192.0.2.1","method":"GET","url":["/"],"status":404}',
      '{"timestamp":1748631150,"ip":"192.0.2.1","method":"GET","url":"/","status":true}',
    ],
    bad_timestamp: [
      "2025-05-30T18:52:30,192.0.2.1,GET,/,404",
      "2025-02-30T18:52:30Z,192.0.2.1,GET,/,404",
      ",192.0.2.1,GET,/,404",
      '{"timestamp":1e300,"ip":"192.0.2.1","method":"GET","url":"/","status":404}',
      '{"timestamp":"now","ip":"192.0.2.1","method":"GET","url":"/","status":404}',
    ],
    bad_ip: [
      "2025-05-30T18:52:30Z,,GET,/,404",
      `2025-05-30T18:52:30Z,${"a".repeat(65)},GET,/,404`,
      `2025-05-30T18:52:30Z,${"é".repeat(33)},GET,/,404`,
    ],
    bad_status: [
      "2025-05-30T18:52:30Z,192.0.2.1,GET,/,99",
      "2025-05-30T18:52:30Z,192.0.2.1,GET,/,600",
      "2025-05-30T18:52:30Z,192.0.2.1,GET,/,",
      "2025-05-30T18:52:30Z,192.0.2.1,GET,/, 404",
      "2025-05-30T18:52:30Z,192.0.2.1,GET,/,0x194",
      '{"timestamp":1748631150,"ip":"192.0.2.1","method":"GET","url":"/","status":404.5}',
      '{"timestamp":1748631150,"ip":"192.0.2.1","method":"GET","url":"/","status":"4e2"}',
    ],
  };

/** Lines that are malformed for a reason that is known, as UTF-8 or worse. */
export const malformedLine: fc.Arbitrary<Uint8Array> = fc
  .constantFrom(...Object.values(MALFORMED_LINES).flat())
  .map((line) => typeof line === "string" ? encoder.encode(line) : line);

/**
 * Anything that a stranger may send as one line, without a newline: good lines of both formats,
 * headers, malformed, empty and oversized lines, byte order marks, bytes at random.
 *
 * @param options.lineBytesMax some lines are one byte shorter, as long, or longer than this
 */
export function hostileLine(
  options: { readonly lineBytesMax: number; readonly timeMs?: fc.Arbitrary<number> },
): fc.Arbitrary<Uint8Array> {
  const { lineBytesMax, timeMs } = options;
  const text = fc.oneof(
    fc.constantFrom("", "\r", " \t\r", "\uFEFF", "\uFEFF\r"),
    fc.constantFrom(
      "timestamp,ip,method,url,status",
      "Timestamp, IP ,method,url,status\r",
      "status,url,host,method,ip,timestamp",
      "timestamp,ip,method,url",
    ),
    logRecord(timeMs).map(({ timestampMs, ip, method, status }) =>
      `${status},/swapped,host,${method},${ip},${timestampMs}`
    ),
    logRecord(timeMs).chain(jsonLineOf).map((line) => `\uFEFF${line}\r`),
    fc.integer({ min: lineBytesMax - 2, max: lineBytesMax + 2 }).map((bytes) => {
      const line = jsonLine({ status: 404 });
      return line.padEnd(bytes, " ");
    }),
    fc.string({ unit: "binary", maxLength: 30 }).map((line) => line.replaceAll("\n", "")),
  ).map((line) => encoder.encode(line));
  return fc.oneof(
    { weight: 5, arbitrary: validLine(timeMs) },
    { weight: 2, arbitrary: malformedLine },
    { weight: 3, arbitrary: text },
    fc.uint8Array({ maxLength: 20 }).map((bytes) => bytes.filter((byte) => byte !== 0x0a)),
    fc.constant(new Uint8Array(3 * lineBytesMax).fill(0x61)),
  );
}
