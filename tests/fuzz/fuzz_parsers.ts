import { parse as parseCsv } from "@std/csv/parse";
import assert from "node:assert/strict";
import type { Checkpoint } from "../../analyzer/checkpoint/checkpoint.ts";
import {
  CHECKPOINT_VERSION,
  decodeCheckpoint,
  encodeCheckpoint,
} from "../../analyzer/checkpoint/checkpoint_codec.ts";
import { analyzerConfig, analyzerOptions } from "../../analyzer/config.ts";
import { LineDecoder } from "../../analyzer/decode/line_decoder.ts";
import { parseLine } from "../../analyzer/decode/parse_line.ts";
import type { LineCounts } from "../../analyzer/decode/record_batch.ts";
import { DeliveryLedger } from "../../analyzer/delivery/delivery_ledger.ts";
import { keyOfRecord } from "../../analyzer/delivery/key_record.ts";
import { negotiate } from "../../analyzer/http/negotiate.ts";
import { decodePageCursor, encodePageCursor } from "../../analyzer/http/page_cursor.ts";
import { ALL_ROUTES } from "../../analyzer/http/api/all_routes.ts";
import type { RouteDescription } from "../../analyzer/http/api/route_description.ts";
import { parseTime, queryReader } from "../../analyzer/http/query_parameters.ts";
import { Refusal } from "../../analyzer/http/refusal.ts";
import { parseLimit } from "../../analyzer/limit_options.ts";
import { recoverErrorFiles } from "../../analyzer/sink/error_files.ts";
import { TotalsCounter } from "../../analyzer/sink/totals_counter.ts";
import { DISTINCT_EXACT_MAX, DistinctCounter } from "../../analyzer/sketch/distinct_counter.ts";
import { padBytes } from "../../analyzer/padded_bytes.ts";
import { HeavyHitters } from "../../analyzer/sketch/heavy_hitters.ts";
import { IdentifiedFile } from "../../analyzer/source/identified_file.ts";
import type { StreamElement } from "../../analyzer/stream/elements.ts";
import { TumblingWindowOperator } from "../../analyzer/window/tumbling_window_operator.ts";
import { WatermarkOperator } from "../../analyzer/window/watermark_operator.ts";
import { toWindowJson } from "../../analyzer/window/window_json.ts";
import { parseOptions } from "../../command_line/deno/parse_options.ts";
import { escapeText, toSafeJson } from "../../command_line/escape_text.ts";
import {
  formatBytes,
  formatDuration,
  formatHostPort,
  optionName,
  type OptionTable,
  parseBytes,
  parseCount,
  parseDuration,
  parseHostPort,
  parseInstant,
  parseNumber,
  parseShare,
  UsageException,
} from "../../command_line/options.ts";
import { generatorConfig, generatorOptions } from "../../generator/config.ts";
import { parseTimestamp } from "../../log_format/mod.ts";
import { FULL } from "../analyzer/checkpoint/full_checkpoint.ts";
import { testLimits } from "../support/limits.ts";
import { MutatedLines } from "../support/line_mutations.ts";
import { MemoryLogFiles } from "../support/memory_log_files.ts";
import { MemoryStorage } from "../support/memory_storage.ts";
import { Mulberry32 } from "../support/mulberry32.ts";
import { MutatedText } from "./mutated_text.ts";

/** What decides about a fuzzing run. */
export interface FuzzOptions {
  readonly seed: number;
  readonly cases: number;
}

/**
 * Gives every parser texts and bytes that are nearly right, `cases` in all. What is refused must be
 * so in the documented way; what is accepted must be in its range, and the same again where there
 * is a way back. Nothing may take long.
 *
 * @throws {Error} with the parser, and the seed from which the same comes again
 */
export async function fuzzParsers({ seed, cases }: FuzzOptions): Promise<void> {
  for (let i = 0; i < cases; i++) {
    // A seed of its own for each case, so that one that fails can be run again alone.
    const caseSeed = seed + i;
    const [name, target] = TARGETS[caseSeed % TARGETS.length]!;
    const random = new Mulberry32(caseSeed);
    const startedAtMs = performance.now();
    try {
      await target(new MutatedText(random), random);
    } catch (exception) {
      throw new Error(`parsers: ${name} fails: --only parsers --seed ${caseSeed} --cases 1`, {
        cause: exception,
      });
    }
    const elapsedMs = performance.now() - startedAtMs;
    assert.ok(elapsedMs < CASE_MS_MAX, `${name} takes ${elapsedMs} ms: seed ${caseSeed}`);
  }
}

/** Far more than any case takes, also on a machine that does something else. */
const CASE_MS_MAX = 5000;

type Target = (mutated: MutatedText, random: Mulberry32) => unknown;

/** Refuses by nothing but these classes. */
function accepted<T>(read: () => T, refusals: readonly (new (...args: never[]) => Error)[]) {
  try {
    return { value: read() };
  } catch (exception) {
    if (refusals.some((refusal) => exception instanceof refusal)) return undefined;
    throw exception;
  }
}

const TIMES = [
  ...[
    "2025-05-30T18:52:30Z",
    "2025-05-30t18:52:30.123456+05:30",
    "20250530T185230Z",
    "2025-150T18Z",
  ],
  ...["2025-W22-5 18:52,5-08", "2024-02-29T24:00:00Z", "1748631150", "1748631150123.5", "1e12"],
];

const LINES = [
  '{"timestamp":"2025-05-30T18:52:30Z","ip":"192.0.2.1","method":"GET","url":"/","status":404}',
  '2025-05-30T18:52:30Z,192.0.2.1,GET,"/a,""b""",404',
  "timestamp,ip,method,url,status",
];

/** Options by how their values are written; a mutation of one is tried with all of them. */
const VALUES = [
  ...[
    "30s",
    "500ms",
    "1.5m",
    "7d",
    "off",
    "0",
    "1000",
    "1_000",
    "1e3",
    "0.5",
    "-1",
    "max",
    "90,5,5",
  ],
  ...["404:50,500:50", "0.1%", "0.1%@45s", "500:x10@2m/20s", "127.0.0.1:8000", "[::1]:80", "json"],
  ...[
    "tcp://127.0.0.1:9999",
    "tcp-listen://[::]:0",
    "file:///var/log/a.log",
    "file:a",
    "-",
    "auto",
  ],
  ...["line-bytes=1MiB", "connections=50", "delivery-silence=10s", "2025-05-30T18:52:30Z", "64KiB"],
];

const TABLES: readonly [OptionTable, (args: readonly string[]) => unknown][] = [
  [analyzerOptions, (args) => analyzerConfig(parseOptions(analyzerOptions, args))],
  [generatorOptions, (args) => generatorConfig(parseOptions(generatorOptions, args))],
];

const TYPES = ["application/json", "application/openmetrics-text", "text/plain"] as const;

const TARGETS: readonly (readonly [string, Target])[] = [
  ["parseTimestamp", (mutated) => {
    const timeMs = parseTimestamp(mutated.text(TIMES));
    if (timeMs === undefined) return;
    assert.ok(Number.isSafeInteger(timeMs));
    assert.equal(parseTimestamp(new Date(timeMs).toISOString()), timeMs);
  }],
  ["parseLine", (mutated, random) => {
    const bytes = new TextEncoder().encode(mutated.text(LINES).replaceAll("\n", " "));
    const layout = random.pick([undefined, { fieldCount: 6, columns: [5, 0, 1, 2, 3] }]);
    const parsed = parseLine(bytes, random.pick(["auto", "json", "csv"]), layout);
    if (parsed.kind !== "record") return;
    const { record } = parsed;
    assert.ok(record.status >= 100 && record.status <= 599 && record.ip !== "");
    const json = record.toJson();
    assert.doesNotMatch(json, /[\r\n]/);
    assert.equal(JSON.parse(json).url, record.url);
  }],
  ["LineDecoder", (mutated, random) => {
    const lines = new MutatedLines(random.below(2 ** 32));
    const texts = Array.from({ length: 5 }, () => mutated.text(LINES));
    const parts = [...texts.map((text) => new TextEncoder().encode(`${text}\n`)), lines.next()];
    const decoder = new LineDecoder("input", {
      format: random.pick(["auto", "json", "csv"]),
      minStatus: 100,
      saves: true,
      windowLengthMs: 30_000,
      latenessMs: 5000,
      ...testLimits({ lineBytes: random.pick([256, 300, 65_536]), urlBytes: 16 }),
    });
    const counts: LineCounts[] = [];
    const times = { receivedAtMs: 0, futureLimitMs: random.pick([0, Infinity]) };
    const take = (batch: { readonly counts: LineCounts }) => void counts.push(batch.counts);
    let bytes = 0;
    for (const part of parts) {
      bytes += part.length;
      const at = random.below(part.length + 1);
      decoder.push(part.subarray(0, at), times, take);
      decoder.push(part.subarray(at), times, take);
    }
    decoder.end(times, { isCut: random.next() < 0.5 }, take);
    const sum = (of: (counts: LineCounts) => number) => counts.reduce((s, c) => s + of(c), 0);
    assert.equal(sum((c) => c.bytes), bytes);
    assert.equal(
      sum((c) => c.lines),
      sum((c) =>
        c.valid + c.oversized + c.empty + c.header + c.partial +
        c.malformed.reduce((total, count) => total + count, 0)
      ),
    );
  }],
  ["@std/csv", (mutated) => {
    const text = mutated.text([...LINES, 'a,b\r\n"c\nd",""\n', LINES.join("\n")]);
    const rows = accepted(() => parseCsv(text), [SyntaxError])?.value;
    if (rows === undefined) return;
    const length = rows.flat().reduce((sum, cell) => sum + cell.length, 0);
    assert.ok(length <= text.length && rows.flat().length <= text.length + 1);
  }],
  ["options", (mutated, random) => {
    const [table, read] = random.pick(TABLES);
    const names = Object.keys(table).map(optionName);
    const args = Array.from({ length: 1 + random.below(4) }, () => {
      const name = random.next() < 0.8 ? random.pick(names) : mutated.text(names);
      return random.next() < 0.7
        ? [`${name}=${mutated.text(VALUES)}`]
        : [name, mutated.text(VALUES)];
    }).flat();
    try {
      read(args);
    } catch (exception) {
      assert.ok(exception instanceof UsageException, `${JSON.stringify(args)}: ${exception}`);
      assert.ok([...exception.message].length < 600, exception.message);
      assert.equal(escapeText(exception.message), exception.message);
    }
  }],
  ["values of options", (mutated) => {
    const text = mutated.text(VALUES);
    const read = <T>(parse: (text: string) => T) =>
      accepted(() => parse(text), [RangeError])?.value;
    const durationMs = read(parseDuration);
    if (durationMs !== undefined) {
      assert.equal(parseDuration(formatDuration(durationMs)), durationMs);
    }
    const bytes = read(parseBytes);
    if (bytes !== undefined) assert.equal(parseBytes(formatBytes(bytes)), bytes);
    const address = read((text) => parseHostPort(text));
    if (address !== undefined) {
      assert.deepEqual(parseHostPort(formatHostPort(address)), address);
      assert.ok(address.port >= 0 && address.port <= 65_535);
    }
    const count = read(parseCount);
    assert.ok(count === undefined || (Number.isSafeInteger(count) && count >= 0));
    const share = read(parseShare);
    assert.ok(share === undefined || (share >= 0 && share <= 1));
    assert.ok(Number.isFinite(read(parseNumber) ?? 0) && Number.isFinite(read(parseInstant) ?? 0));
    const limit = read(parseLimit);
    assert.ok(limit === undefined || Number.isSafeInteger(limit.value));
  }],
  ["query parameters", (mutated) => {
    const text = mutated.text([
      ...[
        "from=2025-05-30T18:52:30%2B02:00&limit=10",
        "status=404&urls=0",
        "url=/a&url=/b&step=1h",
      ],
      ...["cursor=before.1&format=csv", "q=x&ip=192.0.2.1&to=99999", "cursor=before.1.2&from=-5"],
    ]);
    for (const { query: schema } of ALL_ROUTES as readonly RouteDescription[]) {
      const read = () => queryReader(schema)(new URLSearchParams(text)) as Record<string, unknown>;
      const query = accepted(read, [Refusal])?.value;
      if (query === undefined) continue;
      for (const [name, value] of Object.entries(query)) {
        assert.ok(Object.hasOwn(schema.entries, name), name);
        if (typeof value === "number") assert.ok(Number.isInteger(value), name);
      }
      const { status = 100, from = 0, to = from } = query as Record<string, number | undefined>;
      assert.ok(status >= 100 && status <= 599 && from <= to);
    }
  }],
  ["parseTime", (mutated) => {
    const timeMs = parseTime(mutated.text(TIMES));
    if (timeMs === undefined) return;
    assert.ok(!Number.isNaN(new Date(timeMs).getTime()));
    assert.equal(parseTime(new Date(timeMs).toISOString()) ?? timeMs, timeMs);
  }],
  ["page cursor", (mutated, random) => {
    const text = mutated.text([encodePageCursor(random.below(2 ** 32)), encodePageCursor(-30_000)]);
    const beforeMs = decodePageCursor(text);
    if (beforeMs !== undefined) assert.equal(encodePageCursor(beforeMs), text);
  }],
  ["Accept", (mutated) => {
    const samples = ["text/html,application/xhtml+xml;q=0.9,*/*;q=0.8", "text/plain;version=0.0.4"];
    const type = negotiate(mutated.text(samples), TYPES);
    assert.ok(type === undefined || TYPES.includes(type));
  }],
  ["escapes", (mutated) => {
    const text = mutated.text(VALUES);
    const escaped = escapeText(text);
    assert.equal(escapeText(escaped), escaped);
    assert.ok([...escapeText(text, { lengthMax: 50 })].length <= 50);
    assert.equal(JSON.parse(toSafeJson(text)), text);
  }],
  ["DistinctCounter.fromBytes", (mutated, random) => {
    const bytes = mutated.bytes(COUNTERS);
    const counter = accepted(() => DistinctCounter.fromBytes(bytes), [SyntaxError, RangeError])
      ?.value;
    if (counter === undefined) return;
    assert.deepEqual(counter.toBytes(), bytes);
    const before = counter.count();
    assert.ok(Number.isSafeInteger(before) && before >= 0);
    assert.ok(!counter.isExact || before <= DISTINCT_EXACT_MAX);
    counter.add(random.below(2 ** 32), random.below(2 ** 32));
    assert.ok(counter.count() >= before);
  }],
  ["HeavyHitters.fromBytes", (mutated, random) => {
    const bytes = mutated.bytes(HITTERS);
    const hitters = accepted(() => HeavyHitters.fromBytes(bytes), [SyntaxError, RangeError])?.value;
    if (hitters === undefined) return;
    useHitters(hitters, random);
    useHitters(HeavyHitters.fromBytes(hitters.toBytes()), random);
  }],
  ["checkpoint", async (mutated, random) => {
    // Text that is no JSON comes no farther than that.
    const payload = random.next() < 0.2
      ? mutated.text([CHECKPOINT_TEXT])
      : JSON.stringify(mutated.value(JSON.parse(CHECKPOINT_TEXT)));
    let checkpoint: Checkpoint;
    try {
      checkpoint = await decodeCheckpoint(await sealed(payload));
    } catch (exception) {
      assert.ok(exception instanceof SyntaxError, `${exception}`);
      assert.ok(exception.message.length < 1000);
      return;
    }
    await goOnFrom(checkpoint);
    const file = await encodeCheckpoint(checkpoint);
    assert.deepEqual(await encodeCheckpoint(await decodeCheckpoint(file)), file);
  }],
];

function useHitters(hitters: HeavyHitters, random: Mulberry32): void {
  const sizeMax = Math.min(hitters.capacity, hitters.size + 5);
  for (let i = 0; i < 5; i++) {
    hitters.add(random.below(9), random.below(9), padBytes(Uint8Array.of(1, i)), 0, 2);
  }
  assert.ok(hitters.size <= sizeMax);
  for (const { count, countErrorMax } of hitters.top(10)) {
    assert.ok(countErrorMax >= 0 && countErrorMax <= count);
  }
}

const COUNTERS = [0, 1, 20, DISTINCT_EXACT_MAX, DISTINCT_EXACT_MAX + 1].map((count) => {
  const random = new Mulberry32(count);
  const counter = new DistinctCounter();
  for (let i = 0; i < count; i++) counter.add(random.below(2 ** 32), random.below(2 ** 32));
  return counter.toBytes();
});

const HITTERS = [[1, 0], [5, 3], [5, 5], [5, 30]].map(([capacity, count]) => {
  const hitters = new HeavyHitters(capacity!);
  for (let i = 0; i < count!; i++) {
    hitters.add(i, i * 7, padBytes(new TextEncoder().encode(`/url/${i % 11}`)), 0, 5 + i % 2);
  }
  return hitters.toBytes();
});

/** The payload of a checkpoint that has everything which one may have. */
const CHECKPOINT_TEXT = new TextDecoder().decode(await encodeCheckpoint(FULL)).split("\n")[1]!;

/** A whole checkpoint file with any payload. */
async function sealed(payload: string): Promise<Uint8Array> {
  const bytes = new TextEncoder().encode(payload);
  const covered = new TextEncoder().encode(`vigie checkpoint ${CHECKPOINT_VERSION}\n${payload}`);
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", covered));
  const header = {
    format: "vigie checkpoint",
    version: CHECKPOINT_VERSION,
    bytes: bytes.length,
    sha256: digest.toHex(),
  };
  return new TextEncoder().encode(`${JSON.stringify(header)}\n${payload}`);
}

/** Everything that a start does with a checkpoint, but for what touches the outside. */
async function goOnFrom(checkpoint: Checkpoint): Promise<void> {
  const { identity: { windowLengthMs }, positions, sources } = checkpoint;
  const elements: StreamElement[] = [];
  const windows = new TumblingWindowOperator(
    { windowLengthMs, ...testLimits() },
    checkpoint.windows,
  );
  const replayableInputs = sources.map(({ name }) => name);
  const watermark = new WatermarkOperator(
    { latenessMs: 0, idleTimeoutMs: 1000, windowLengthMs, replayableInputs },
    checkpoint.watermark,
    0,
  );
  const push = (element: StreamElement) =>
    watermark.push(element, (passed) => windows.push(passed, (last) => elements.push(last)));
  push({ kind: "view-request" });
  push({ kind: "tick", monotonicMs: 1e9, wallMs: 1e9 });
  for (const element of elements) {
    if (element.kind === "window-closed") toWindowJson(element.window, { urlsMax: 10 });
    if (element.kind !== "view-request") continue;
    for (const window of element.open ?? []) toWindowJson(window, { urlsMax: 10 });
  }
  new TotalsCounter(checkpoint.totals).snapshot();
  const { deliveryKeys } = checkpoint;
  const ledger = new DeliveryLedger({ saves: true, keys: deliveryKeys, ...testLimits() });
  for (const text of deliveryKeys ?? []) ledger.find(keyOfRecord(text), 0);
  await recoverErrorFiles(new MemoryStorage(), checkpoint.errorFiles, { isLive: true, label: "x" });
  const files = new MemoryLogFiles(() => 0);
  files.create("/log");
  files.append("/log", "content");
  using file = (await IdentifiedFile.open(files, "/log"))!;
  for (const { file: identity } of [...sources, ...positions.values()]) {
    if (identity !== undefined) await file.beginsAs(identity);
  }
}
