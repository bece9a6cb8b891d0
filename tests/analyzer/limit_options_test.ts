import assert from "node:assert/strict";
import { limitLabel, limitRows, limitsOf, parseLimit } from "../../analyzer/limit_options.ts";
import {
  DEFAULT_LIMITS,
  LIMIT_NAMES,
  LIMIT_TABLE,
  LimitCounter,
  type LimitDefinition,
} from "../../analyzer/limits.ts";
import { formatBytes, formatDuration } from "../../command_line/options.ts";

const FORMATS = { count: String, bytes: formatBytes, "bytes/s": formatBytes, ms: formatDuration };

Deno.test("LIMIT_TABLE has defaults within their bounds, and names that differ", () => {
  for (const name of LIMIT_NAMES) {
    const definition: LimitDefinition = LIMIT_TABLE[name];
    assert.ok(definition.min <= definition.default && definition.default <= definition.max, name);
    assert.equal(DEFAULT_LIMITS[name], definition.default);
  }
  assert.equal(new Set(LIMIT_NAMES.map(limitLabel)).size, LIMIT_NAMES.length);
});

for (const name of LIMIT_NAMES) {
  const { min, max, unit }: LimitDefinition = LIMIT_TABLE[name];
  if (min === max) {
    Deno.test(`parseLimit() does not change ${limitLabel(name)}`, () => {
      assert.throws(() => parseLimit(`${limitLabel(name)}=${min}`), /cannot be changed/);
    });
  } else {
    Deno.test(`parseLimit() takes ${limitLabel(name)} from end to end of its range`, () => {
      for (const value of [min, max]) {
        const text = `${limitLabel(name)}=${FORMATS[unit](value)}`;
        assert.deepEqual(parseLimit(text), { name, value });
      }
      for (const value of [min - 1, max + 1].filter((value) => unit !== "ms" || value > 0)) {
        const text = `${limitLabel(name)}=${FORMATS[unit](value)}`;
        assert.throws(() => parseLimit(text), {
          name: "RangeError",
          message: /is not from .+ to /,
        });
      }
    });
  }
}

Deno.test("parseLimit() says what is wrong, and what to write", () => {
  for (
    const [text, message] of [
      ["line-byte=1", 'there is no limit "line-byte": did you mean line-bytes?'],
      ["zzzzzzzzz=1", 'there is no limit "zzzzzzzzz": --help limits lists them'],
      ["__proto__=1", 'there is no limit "__proto__": --help limits lists them'],
      ["lineBytes=300", 'there is no limit "lineBytes": did you mean line-bytes?'],
      ["line-bytes", "write line-bytes=VALUE, from 256 to 16MiB"],
      ["line-bytes=", '"" is not a size: write bytes such as 65536, 64KiB or 1GiB'],
      ["connections=1.5", '"1.5" is not a count: write a whole number such as 1000 or 1e6'],
      ["delivery-silence=30", '"30" is not a duration: write 500ms, 30s, 5m or 1h'],
      ["statuses=10", "statuses is 500 and cannot be changed"],
    ] as const
  ) assert.throws(() => parseLimit(text), { name: "RangeError", message }, text);
});

Deno.test("limitsOf() changes what was set, and takes nothing twice", () => {
  const limits = limitsOf([parseLimit("line-bytes=1MiB"), parseLimit("delivery-silence=2s")]);
  assert.deepEqual(limits, { ...DEFAULT_LIMITS, lineBytes: 1_048_576, deliverySilence: 2000 });
  assert.throws(() => limitsOf([parseLimit("deliveries=1"), parseLimit("deliveries=1")]), {
    name: "UsageException",
    message: "--limit deliveries is given more than once: write it once",
  });
});

Deno.test("limitRows() lists every limit with its default and range", () => {
  const rows = new Map(limitRows());
  assert.equal(rows.size, LIMIT_NAMES.length);
  assert.match(rows.get("line-bytes=BYTES")!, /\(default: 64KiB; 256 to 16MiB\)$/);
  assert.match(rows.get("delivery-silence=DURATION")!, /\(default: 30s; 100ms to 1d\)$/);
  assert.match(rows.get("statuses=N")!, /\(500, fixed\)$/);
});

Deno.test("LimitCounter counts by limit", () => {
  const counter = new LimitCounter();
  counter.reach("lineBytes");
  counter.reach("lineBytes", 2);
  assert.deepEqual([counter.count("lineBytes"), counter.count("urlBytes")], [3, 0]);
});
