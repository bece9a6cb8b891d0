import assert from "node:assert/strict";
import fc from "fast-check";
import {
  flag,
  formatBytes,
  formatDuration,
  formatHostPort,
  oneOf,
  option,
  optionName,
  type OptionValues,
  parseBytes,
  parseCount,
  parseDuration,
  parseHostPort,
  parseInstant,
  parseNumber,
  parseShare,
  parseText,
  quoted,
  repeated,
} from "../../command_line/options.ts";

/** Every text is refused with a RangeError whose message begins with the quoted text. */
function assertRefused(parse: (text: string) => unknown, texts: readonly string[], what: string) {
  for (const text of texts) {
    assert.throws(() => parse(text), (exception) => {
      assert.ok(exception instanceof RangeError);
      assert.ok(
        exception.message.startsWith(`"${text}" is not ${what}: write `),
        exception.message,
      );
      return true;
    });
  }
}

Deno.test("option(), flag() and repeated() infer the types of the values", () => {
  const table = {
    format: option({ value: "NAME", parse: oneOf("json", "csv"), default: "json", help: "" }),
    count: option({ value: "N", parse: parseCount, default: undefined, help: "" }),
    quiet: flag({ help: "" }),
    sources: repeated({ value: "URL", parse: parseText, default: ["a"], help: "" }),
  };
  // Assignable both ways: the types are the same, and the compiler is the test.
  interface Expected {
    readonly format: "json" | "csv";
    readonly count: number | undefined;
    readonly quiet: boolean;
    readonly sources: readonly string[];
  }
  const values: OptionValues<typeof table> = {
    format: table.format.default,
    count: table.count.default,
    quiet: table.quiet.default,
    sources: table.sources.parse("b"),
  } satisfies Expected;
  const expected: Expected = values;
  assert.deepEqual(expected, { format: "json", count: undefined, quiet: false, sources: ["b"] });
});

Deno.test("optionName() is kebab-case", () => {
  assert.equal(optionName("rate"), "--rate");
  assert.equal(optionName("lineBytesMax"), "--line-bytes-max");
  assert.equal(optionName("noHttp"), "--no-http");
});

Deno.test("quoted() escapes and bounds", () => {
  assert.equal(quoted("a\x1b"), '"a\\x1b"');
  assert.equal(quoted("x".repeat(60)), `"${"x".repeat(60)}"`);
  assert.equal(quoted("x".repeat(61)), `"${"x".repeat(59)}…"`);
});

Deno.test("parseText() takes any text but none", () => {
  assert.equal(parseText(" "), " ");
  assert.throws(() => parseText(""), RangeError);
});

Deno.test("parseDuration() reads milliseconds, seconds, minutes, hours and days", () => {
  const durations = { "500ms": 500, "30s": 30_000, "5m": 300_000, "1h": 3_600_000 };
  for (const [text, durationMs] of Object.entries(durations)) {
    assert.equal(parseDuration(text), durationMs);
  }
  assert.equal(parseDuration("1d"), 86_400_000);
  assert.equal(parseDuration("1.1s"), 1100);
  assert.equal(parseDuration("0.001s"), 1);
});

Deno.test("formatDuration() writes what parseDuration() reads, in the largest unit that is exact", () => {
  for (const text of ["1ms", "999ms", "1s", "59s", "61s", "5m", "90m", "1h", "25h", "7d"]) {
    assert.equal(formatDuration(parseDuration(text)), text);
  }
  assert.equal(formatDuration(1500), "1500ms");
  assert.equal(formatDuration(300_000), "5m");
});

Deno.test("parseDuration() refuses all else", () => {
  const texts = [
    "",
    "abc",
    "30",
    "s",
    "0s",
    "0.4ms",
    "-1s",
    "1 s",
    " 1s",
    "1S",
    "1.s",
    ".5s",
    "1e3s",
  ];
  assertRefused(parseDuration, [...texts, "1s1s", "9999999999999d"], "a duration");
});

Deno.test("parseCount() reads whole numbers", () => {
  const counts = { "0": 0, "007": 7, "1000": 1000, "1_000_000": 1e6, "1e6": 1e6, "1.5e3": 1500 };
  for (const [text, count] of Object.entries(counts)) assert.equal(parseCount(text), count);
  assert.equal(parseCount("9007199254740991"), Number.MAX_SAFE_INTEGER);
});

Deno.test("parseCount() refuses all else", () => {
  const texts = [
    "",
    "abc",
    "1.5",
    "1e-1",
    "-1",
    "+1",
    "1_",
    "_1",
    "1__0",
    "0x10",
    "1e",
    "Infinity",
  ];
  assertRefused(parseCount, [...texts, "9007199254740992", " 1", "1,000"], "a count");
});

Deno.test("parseNumber() reads every finite number that JavaScript writes", () => {
  fc.assert(fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (number) => {
    assert.equal(parseNumber(String(number)), number === 0 ? 0 : number);
  }));
  assert.equal(parseNumber("+1_000.5"), 1000.5);
});

Deno.test("parseNumber() refuses all else", () => {
  const texts = ["", "-", "abc", "NaN", "Infinity", "1e999", "--1", "0x1", ".5", "1.", "1 "];
  assertRefused(parseNumber, texts, "a number");
});

Deno.test("parseShare() reads per cent as 0 to 1", () => {
  const shares = { "0%": 0, "0.1%": 0.001, "1%": 0.01, "50%": 0.5, "100%": 1 };
  for (const [text, share] of Object.entries(shares)) assert.equal(parseShare(text), share);
});

Deno.test("parseShare() refuses all else", () => {
  assertRefused(parseShare, ["", "%", "1", "0.01", "-1%", "100.1%", "1 %", "1%%"], "a share");
});

Deno.test("parseInstant() reads ISO 8601 with an offset", () => {
  const timeMs = Date.UTC(2025, 4, 30, 18, 52, 30);
  for (
    const text of [
      "2025-05-30T18:52:30Z",
      "2025-05-30T18:52:30.000Z",
      "2025-05-30T20:52:30+02:00",
      "2025-05-30T13:22:30-05:30",
    ]
  ) {
    assert.equal(parseInstant(text), timeMs);
  }
  assert.equal(parseInstant("2025-05-30T18:52Z"), timeMs - 30_000);
  assert.equal(parseInstant("2025-05-30T18:52:30.123456Z"), timeMs + 123);
  assert.equal(parseInstant("2024-02-29T23:59:59.999Z"), Date.UTC(2024, 2, 1) - 1);
});

Deno.test("parseInstant() refuses times without an offset, and days and times that do not exist", () => {
  const texts = [
    ..."|now|2025|2025-05-30|2025-05-30T18:52:30|2025-05-30 18:52:30Z|1748631150".split("|"),
    "2025-02-29T00:00:00Z",
    "2025-02-30T00:00:00Z",
    "2025-13-01T00:00:00Z",
    "2025-05-30T25:00:00Z",
    "2025-05-30T18:60:00Z",
    "2025-05-30T18:52:60Z",
    "2025-05-30T18:52:30+24:00",
    "2025-05-30T18:52:30+0200",
  ];
  assertRefused(parseInstant, texts, "a time");
});

Deno.test("parseInstant() reads what Date writes", () => {
  const date = fc.date({
    min: new Date("0000-01-01T00:00:00Z"),
    max: new Date("9999-12-31T23:59:59.999Z"),
    noInvalidDate: true,
  });
  fc.assert(fc.property(date, (day) => {
    assert.equal(parseInstant(day.toISOString()), day.getTime());
  }));
});

Deno.test("oneOf() takes the names and nothing else", () => {
  const parse = oneOf("json", "csv");
  assert.equal(parse("csv"), "csv");
  for (const text of ["", "CSV", "toString"]) {
    assert.throws(() => parse(text), new RangeError(`"${text}" is unknown: write json or csv`));
  }
});

Deno.test("parseHostPort() reads host and port, the host defaulting to loopback", () => {
  assert.deepEqual(parseHostPort("127.0.0.1:8000"), { hostname: "127.0.0.1", port: 8000 });
  assert.deepEqual(parseHostPort("[::1]:8000"), { hostname: "::1", port: 8000 });
  assert.deepEqual(parseHostPort("my-host.example:0"), { hostname: "my-host.example", port: 0 });
  assert.deepEqual(parseHostPort("65535"), { hostname: "127.0.0.1", port: 65_535 });
  assert.deepEqual(parseHostPort("9999", "::1"), { hostname: "::1", port: 9999 });
});

Deno.test("parseHostPort() refuses all else", () => {
  const texts = [
    "",
    "host",
    "host:",
    ":8000",
    "65536",
    "1:2:3",
    "::1:80",
    "[]:80",
    "[::1]",
    "a b:1",
  ];
  assertRefused(parseHostPort, [...texts, "-1", "host:-1", "http://h:1"], "HOST:PORT");
});

Deno.test("formatHostPort() writes what parseHostPort() reads, IPv6 in brackets", () => {
  for (const text of ["127.0.0.1:8000", "[::1]:0", "example.org:65535"]) {
    assert.equal(formatHostPort(parseHostPort(text)), text);
  }
});

Deno.test("parseBytes() reads sizes in bytes and in powers of 1024", () => {
  for (
    const [text, bytes] of [
      ["0", 0],
      ["65536", 65_536],
      ["1e6", 1_000_000],
      ["12B", 12],
      ["64KiB", 65_536],
      ["1.5 MiB", 1_572_864],
      ["2GiB", 2_147_483_648],
      ["1TiB", 2 ** 40],
    ] as const
  ) assert.equal(parseBytes(text), bytes, text);
  for (const text of ["", "-1", "1.5", "1.3B", "64KB", "64kib", "1PiB", "KiB", "9e99", "9e12TiB"]) {
    assert.throws(() => parseBytes(text), { name: "RangeError", message: /is not a size/ }, text);
  }
});

Deno.test("formatBytes() writes what parseBytes() reads back", () => {
  assert.deepEqual(
    [1, 1000, 1024, 1536, 3 * 2 ** 20, 2 ** 40].map(formatBytes),
    ["1", "1000", "1KiB", "1536", "3MiB", "1TiB"],
  );
  fc.assert(fc.property(fc.nat(), (bytes) => assert.equal(parseBytes(formatBytes(bytes)), bytes)));
});
