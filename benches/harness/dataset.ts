import { parseOptions } from "../../command_line/deno/parse_options.ts";
import { type GeneratorConfig, generatorConfig, generatorOptions } from "../../generator/config.ts";
import { generatorStream } from "../../generator/generator_stream.ts";
import { RecordColumns, TrafficModel } from "../../generator/traffic_model.ts";

/** A log whose every line is known: the generator's traffic, written in one way or another. */
export interface Dataset {
  readonly name: string;
  readonly lines: number;
  /** Options of the generator besides those that all have. */
  readonly options?: readonly string[];
  /** Writes whole lines in another way; what they say stays the same. */
  readonly rewrite?: (text: string) => string;
}

/** Event time of the first line. */
const START = "2025-05-30T18:52:30Z";
/** Lines a second of event time: 200,000 lines a window of 30 s. */
const EVENT_RATE = 20_000 / 3;
const SEED = 7;

export const WINDOW_MS = 30_000;

function configOf({ lines, options = [] }: Dataset): GeneratorConfig {
  const common = ["--rate", "max", "--seed", SEED, "--count", lines, "--start", START];
  const urls = options.includes("--urls") ? [] : ["--urls", 1000];
  const all = [...common, "--event-rate", EVENT_RATE, ...urls, ...options];
  return generatorConfig(parseOptions(generatorOptions, all.map(String)));
}

/** Writes the log to a file below the directory, unless it is there. Returns its path. */
export async function writeDataset(dataset: Dataset, directory: string): Promise<string> {
  const path = `${directory}/${dataset.name}-${dataset.lines}.log`;
  if (await Deno.stat(path).then(() => true, () => false)) return path;
  await Deno.mkdir(directory, { recursive: true });
  let lines: ReadableStream<Uint8Array> = generatorStream(configOf(dataset));
  const { rewrite } = dataset;
  if (rewrite !== undefined) {
    // Invalid UTF-8 of spoiled lines becomes valid, so those datasets are never rewritten.
    const decoder = new TextDecoder("utf-8", { fatal: true });
    const encoder = new TextEncoder();
    lines = lines.pipeThrough(
      new TransformStream({
        transform: (chunk, controller) =>
          controller.enqueue(encoder.encode(rewrite(decoder.decode(chunk)))),
      }),
    );
  }
  const file = await Deno.open(`${path}.new`, { write: true, create: true, truncate: true });
  await lines.pipeTo(file.writable);
  await Deno.rename(`${path}.new`, path);
  return path;
}

/** Rows and errors of one window. */
export interface ExpectedWindow {
  total: number;
  readonly errors: Map<number, number>;
}

/** What is to be counted, by the start of the window: from the generator's records, not its lines. */
export function expectedWindows(dataset: Dataset): Map<number, ExpectedWindow> {
  const { traffic, startMs, eventRecordsPerSecond: recordsPerSecond } = configOf(dataset);
  const model = new TrafficModel(traffic);
  const columns = new RecordColumns(10_000);
  const windows = new Map<number, ExpectedWindow>();
  for (let firstIndex = 0; firstIndex < dataset.lines; firstIndex += columns.rowsMax) {
    const rowCount = Math.min(columns.rowsMax, dataset.lines - firstIndex);
    model.fill(columns, { firstIndex, rowCount, originUs: startMs! * 1000, recordsPerSecond });
    for (let row = 0; row < rowCount; row++) {
      if (columns.malformation[row] !== 0) continue;
      const eventTimeMs = Math.floor(columns.timeUs[row]! / 1000);
      const start = Math.floor(eventTimeMs / WINDOW_MS) * WINDOW_MS;
      let window = windows.get(start);
      if (window === undefined) windows.set(start, window = { total: 0, errors: new Map() });
      window.total++;
      const status = STATUSES_BY_INDEX[columns.statusIndex[row]!]!;
      if (status >= 400) window.errors.set(status, (window.errors.get(status) ?? 0) + 1);
    }
  }
  return windows;
}

/** By the index that the traffic model writes. */
const STATUSES_BY_INDEX = [200, 404, 500];

/** A window as a program has printed it. */
export interface PrintedWindow {
  readonly start: string;
  readonly total_count: number;
  readonly statuses: readonly { readonly status: number; readonly error_count: number }[];
}

/** The windows of a program that prints one a line, as JSON. */
export function windowsOfJson(printed: string): PrintedWindow[] {
  return printed.trimEnd().split("\n").map((line) => JSON.parse(line));
}

/** The windows of the analyzer's tables. */
export function windowsOfTables(printed: string): PrintedWindow[] {
  return printed.split(/^\+-+\+-+\+-+\+-+\+\n\|window /m).slice(1).map((table) => {
    const rows = [...table.matchAll(/^\|\{(\S+) (\S+), [^}]*\}\|(\d+) *\|(\d+) *\|/gm)];
    const [, date, time] = rows[0] ?? [];
    return {
      start: `${date}T${time}Z`,
      total_count: Number(/^(\d+) rows/m.exec(table)?.[1]),
      statuses: rows.map(([, , , status, count]) => ({
        status: Number(status),
        error_count: Number(count),
      })),
    };
  });
}

/**
 * Compares the windows that a program has printed with what they should be.
 *
 * @throws {Error} where they differ
 */
export function checkWindows(
  windows: readonly PrintedWindow[],
  expected: ReadonlyMap<number, ExpectedWindow>,
): void {
  if (windows.length !== expected.size) {
    throw new Error(`Wrong result: ${windows.length} windows, must be ${expected.size}`);
  }
  for (const { start, total_count, statuses } of windows) {
    const window = expected.get(Date.parse(start));
    const found = JSON.stringify([
      total_count,
      statuses.map(({ status, error_count }) => [status, error_count]),
    ]);
    const wanted = JSON.stringify([
      window?.total,
      [...window?.errors ?? []].sort(([a], [b]) => a - b),
    ]);
    if (found !== wanted) throw new Error(`Wrong result: ${start}: ${found}, must be ${wanted}`);
  }
}

/** The generator's own layout. */
export const json = (lines: number): Dataset => ({ name: "json", lines });

/** Ways to write the same records that are not the generator's. */
export const variants = {
  csv: (lines: number): Dataset => ({ name: "csv", lines, options: ["--format", "csv"] }),
  otherSpacing: (lines: number): Dataset => ({
    name: "json-spacing",
    lines,
    rewrite: (text) => text.replaceAll(": ", ":").replaceAll(", ", ","),
  }),
  otherOrder: (lines: number): Dataset => ({
    name: "json-order",
    lines,
    rewrite: (text) =>
      text.replaceAll(
        /\{("timestamp": "[^"]*"), ("ip": "[^"]*"), ("method": "[^"]*"), ("url": "[^"]*"), ("status": \d+)\}/g,
        "{$5, $4, $2, $1, $3}",
      ),
  }),
  tenMoreKeys: (lines: number): Dataset => ({
    name: "json-nginx",
    lines,
    rewrite: (text) => {
      let i = 0;
      return text.replaceAll("}\n", () => NGINX_TAILS[i++ % NGINX_TAILS.length]!);
    },
  }),
  allErrors: (lines: number): Dataset => ({
    name: "json-errors",
    lines,
    options: ["--status-dist", "0,0,100"],
  }),
  quotedCsv: (lines: number): Dataset => ({
    name: "csv-quoted",
    lines,
    options: ["--format", "csv"],
    rewrite: (text) => text.replaceAll(/[^,\n]+/g, '"$&"'),
  }),
  escapedJson: (lines: number): Dataset => ({
    name: "json-escaped",
    lines,
    rewrite: (text) => text.replaceAll("/resource/", "\\/resource\\/"),
  }),
  malformed: (lines: number): Dataset => ({
    name: "json-malformed",
    lines,
    options: ["--malformed", "1%"],
  }),
  twoLayouts: (lines: number): Dataset => ({
    name: "json-two-layouts",
    lines,
    rewrite: (text) =>
      text.replaceAll(
        /(.*\n)(.*)\n/g,
        (_, first, second) => `${first}${second.replaceAll(": ", ":")}\n`,
      ),
  }),
  manyDistinct: (lines: number): Dataset => ({
    name: "json-distinct",
    lines,
    options: ["--urls", "1000000", "--ips", "2000000"],
  }),
};

/** What the log_format of the README writes behind the five fields, for some requests. */
const NGINX_TAILS = ["Mozilla/5.0 (X11; Linux x86_64) Firefox/128.0", "curl/8.5.0", "-"].flatMap(
  (agent, i) =>
    ["", "https://example.org/start?page=2"].map((referer, j) =>
      `, "bytes": ${(i + 1) * (j + 1) * 743}, "seconds": 0.0${i}${j}, "host": "www.example.org", ` +
      `"referer": "${referer}", "agent": "${agent}", "protocol": "HTTP/1.1", "scheme": "https", ` +
      `"request_bytes": ${391 + i}, "upstream": "10.0.0.${i}:8080", ` +
      `"id": "5f0c${i}d3b7a9e4c1f8${j}02b6d4e8f1a3c5"}\n`
    ),
);
