/**
 * Measures the whole program on files beside other programs that do the same, decoding alone
 * beside `JSON.parse`, and the generator beside a sketch: `deno task bench:peers --lines 20000000
 * --runs 5`. Every result is checked. A peer that is not installed is left out, with a line that
 * says so (benches/peers/README.md tells how to install it). Prints the tables of
 * docs/PERFORMANCE.md.
 *
 * @module
 */
import { analyzeCommand, inDirectory, type Mode } from "./harness/analyzer.ts";
import {
  checkWindows,
  type Dataset,
  type ExpectedWindow,
  expectedWindows,
  json,
  type PrintedWindow,
  variants,
  windowsOfJson,
  windowsOfTables,
  writeDataset,
} from "./harness/dataset.ts";
import { compare, type Contender, type Result, table, verdict } from "./harness/measure.ts";
import { type BenchOptions, runSections } from "./harness/options.ts";
import { denoCommand, freePort, MeasuredProcess, nowMs, vigieCommand } from "./harness/process.ts";

const SECTIONS = { files, memory, workers, generator, pacing } as const;

const PEERS = new URL("peers/", import.meta.url).pathname;

/** A program that prints the windows of a file. */
function analyzes(
  name: string,
  command: readonly string[],
  expected: ReadonlyMap<number, ExpectedWindow>,
  read: (printed: string) => readonly PrintedWindow[] = windowsOfJson,
): Contender {
  return {
    name,
    run: async () => {
      const run = await new MeasuredProcess(command).finished;
      checkWindows(read(run.stdout), expected);
      return run;
    },
  };
}

function vigie(
  dataset: Dataset,
  path: string,
  mode: Mode,
  expected: ReadonlyMap<number, ExpectedWindow>,
): Contender {
  return {
    name: `vigie, ${dataset.name}, ${mode}`,
    run: () =>
      inDirectory((directory) =>
        analyzes(
          "",
          analyzeCommand(`file:${path}`, { mode, directory }),
          expected,
          windowsOfTables,
        ).run()
      ),
  };
}

/** A program that prints one number that has to be right. */
function counts(name: string, command: readonly string[], expected: number): Contender {
  return {
    name,
    run: async () => {
      const run = await new MeasuredProcess(command).finished;
      if (parseInt(run.stdout) !== expected) throw new Error(`${name}: ${run.stdout}`);
      return run;
    },
  };
}

async function files(options: BenchOptions): Promise<string> {
  const [own, csv] = [json(options.lines), variants.csv(options.lines)];
  const [jsonPath, csvPath] = [
    await writeDataset(own, options.data),
    await writeDataset(csv, options.data),
  ];
  const expected = expectedWindows(own);
  const errorCount = [...expected.values()].flatMap(({ errors }) => [...errors.values()])
    .reduce((a, b) => a + b);
  const contenders = [
    vigie(own, jsonPath, "everything", expected),
    vigie(own, jsonPath, "counting", expected),
    vigie(csv, csvPath, "counting", expected),
  ];
  if (await exists(`${PEERS}node_modules/@duckdb`)) {
    const duckdb = (name: string, path: string, format: string, threads: number) =>
      analyzes(
        `DuckDB, ${name}, ${threads} threads`,
        ["node", `${PEERS}duckdb.mjs`, path, format, String(threads)],
        expected,
      );
    contenders.push(duckdb("read_json", jsonPath, "json", 2));
    contenders.push(duckdb("read_csv", csvPath, "csv", 2));
  } else {
    leaveOut("DuckDB");
  }
  contenders.push(
    analyzes(
      "Deno, JSON.parse",
      denoCommand("benches/peers/json_parse.ts", jsonPath),
      expected,
    ),
    counts("wc -l (only newlines)", ["wc", "-l", jsonPath], options.lines),
  );
  if (await isProgram("rg")) {
    const pattern = '"status": [45]';
    contenders.push(
      counts("ripgrep (only counts errors)", ["rg", "-c", pattern, jsonPath], errorCount),
    );
  } else {
    leaveOut("ripgrep");
  }
  const results = await compare(contenders, options.runs);
  const secondsOf = (part: string) => results.find(({ name }) => name.includes(part))?.seconds;
  const goals: Record<string, readonly [peer: string, atLeast: number]> = {
    "vigie, json, everything": ["read_json", 1.5],
    "vigie, json, counting": ["read_json", 2.5],
    "vigie, csv, counting": ["read_csv", 2.5],
  };
  return table([
    ["program, on a file", "s", "spread", "M lines/s", "peak MB", "times as fast as DuckDB"],
    ...results.map((result) => {
      const [peer, atLeast] = goals[result.name] ?? [];
      const peerSeconds = peer === undefined ? undefined : secondsOf(peer);
      return [
        ...rowOf(result, options.lines),
        peerSeconds === undefined ? "" : verdict(peerSeconds / result.seconds, atLeast!),
      ];
    }),
  ]);
}

function rowOf(result: Result, lines: number): string[] {
  return [
    result.name,
    result.seconds.toFixed(2),
    `${result.fastest.toFixed(2)} to ${result.slowest.toFixed(2)}`,
    (lines / result.seconds / 1e6).toFixed(1),
    (result.peakBytes / 1e6).toFixed(0),
  ];
}

async function memory(options: BenchOptions): Promise<string> {
  const dataset = json(Math.min(options.lines, 1_000_000));
  const path = await writeDataset(dataset, options.data);
  const found: string[] = [];
  let lines = 0;
  const results = await compare(
    ["decoder", "json-parse"].map((how) => ({
      name: how,
      run: async () => {
        const command = denoCommand("benches/harness/decode_in_memory.ts", path, how);
        const { stdout } = await new MeasuredProcess(command).finished;
        const { seconds, ...result } = JSON.parse(stdout);
        found.push(JSON.stringify(result));
        lines = result.lines;
        return { seconds };
      },
    })),
    options.runs,
  );
  if (new Set(found).size !== 1) throw new Error(`Wrong result: ${found.join("; ")}`);
  const [decoder, parse] = results as [Result, Result];
  const perLine = (result: Result) => (result.seconds / lines * 1e9).toFixed(1);
  return table([
    ["decoding, data in memory", "ns/line", "times as fast"],
    ["JSON.parse of each line", perLine(parse), "1"],
    ["LineDecoder", perLine(decoder), verdict(parse.seconds / decoder.seconds, 10)],
  ]);
}

/** Two sources on one thread, beside two that are each decoded in a Worker. */
async function workers(options: BenchOptions): Promise<string> {
  const { lines, runs } = options;
  const paths = [
    await writeDataset(json(lines), options.data),
    await writeDataset({ ...json(lines), name: "json-again" }, options.data),
  ];
  const found = new Set<string>();
  const results = await compare(
    ["one-thread", "workers"].map((how) => ({
      name: `two files, ${how}`,
      run: async () => {
        const command = denoCommand("benches/harness/two_files.ts", how, ...paths);
        const run = await new MeasuredProcess(command).finished;
        found.add(run.stdout);
        return run;
      },
    })),
    runs,
  );
  if (found.size !== 1) throw new Error(`Wrong result: ${[...found].join("; ")}`);
  const [one, two] = results as [Result, Result];
  return table([
    ["decode and count", "s", "spread", "M lines/s", "peak MB", "times as fast"],
    [...rowOf(one, 2 * lines), "1"],
    [...rowOf(two, 2 * lines), (one.seconds / two.seconds).toFixed(2)],
  ]);
}

async function generator(options: BenchOptions): Promise<string> {
  const { lines, runs } = options;
  const sketch = (...args: string[]) =>
    denoCommand("benches/peers/generator_sketch.ts", lines, ...args);
  const vigieGen = (...args: (string | number)[]) =>
    vigieCommand(
      "gen",
      "--rate",
      "max",
      "--count",
      lines,
      "--start",
      "2025-05-30T18:52:30Z",
      ...args,
    );
  const intoPipe = (name: string, command: readonly string[]): Contender => ({
    name: `${name}, into a pipe`,
    run: async () => {
      // The pipe is one between two programs, as for netcat.
      const shell = ["sh", "-c", '"$@" | wc -l', "sh", ...command];
      const run = await new MeasuredProcess(shell).finished;
      if (parseInt(run.stdout) !== lines) throw new Error(`${name}: ${run.stdout} lines`);
      return run;
    },
  });
  const intoSocket = (name: string, command: (port: number) => readonly string[]): Contender => ({
    name: `${name}, into a socket`,
    run: async () => {
      const port = freePort();
      const server = new MeasuredProcess(command(port));
      const reader = new MeasuredProcess(denoCommand("benches/harness/read_only.ts", port));
      const { stdout } = await reader.finished;
      await server.finished;
      return JSON.parse(stdout);
    },
  });
  const [ownPipe, sketchPipe, ownSocket, sketchSocket] = await compare([
    intoPipe("gen --rate max", vigieGen()),
    intoPipe("sketch", sketch()),
    intoSocket("gen --rate max", (port) => vigieGen("--listen", port)),
    intoSocket("sketch", (port) => sketch(String(port))),
  ], runs) as [Result, Result, Result, Result];
  return table([
    ["generator", "s", "spread", "M lines/s", "peak MB", "of the sketch's rate"],
    [...rowOf(ownPipe, lines), verdict(sketchPipe.seconds / ownPipe.seconds, 0.7)],
    [...rowOf(sketchPipe, lines), "1"],
    [...rowOf(ownSocket, lines), verdict(sketchSocket.seconds / ownSocket.seconds, 0.7)],
    [...rowOf(sketchSocket, lines), "1"],
  ]);
}

/** Whether lines come when they are due: each carries the time at which it is, in µs. */
async function pacing({ seconds }: BenchOptions): Promise<string> {
  const rows = [];
  for (const rate of [1, 1000, 100_000, 1_000_000]) {
    const { count, linesByLateness } = await paced(rate, seconds);
    rows.push([
      String(rate),
      `${count} (${rate * seconds} ± 1)`,
      latenessMs(linesByLateness, 0.5),
      `${latenessMs(linesByLateness, 0.99)} (at most 10)`,
    ]);
  }
  return table([
    ["gen --rate", `lines in ${seconds} s`, "median ms late", "99 % within ms"],
    ...rows,
  ]);
}

async function paced(rate: number, seconds: number) {
  const [program, ...args] = vigieCommand("gen", "--rate", rate, "--duration", `${seconds}s`);
  const child = new Deno.Command(program!, { args, stdin: "null", stdout: "piped" }).spawn();
  // As little as possible while lines come: a reader that is late would make them late.
  const chunks: { arrivedAtMs: number; lines: number; first: string; last: string }[] = [];
  const decoder = new TextDecoder();
  let carry = "";
  for await (const chunk of child.stdout) {
    const arrivedAtMs = nowMs();
    const end = chunk.lastIndexOf(NEWLINE);
    const head = carry + decoder.decode(chunk.subarray(0, Math.min(HEAD_BYTES, end + 1)));
    carry = (end < 0 ? carry : "") + decoder.decode(chunk.subarray(end + 1));
    if (end < 0) continue;
    const lastStart = chunk.lastIndexOf(NEWLINE, end - 1) + 1;
    const last = lastStart === 0
      ? head
      : decoder.decode(chunk.subarray(lastStart, lastStart + HEAD_BYTES));
    let lines = 0;
    for (let at = -1; (at = chunk.indexOf(NEWLINE, at + 1)) >= 0;) lines++;
    chunks.push({ arrivedAtMs, lines, first: head.slice(15, 42), last: last.slice(15, 42) });
  }
  await child.status;

  const linesByLateness = new Float64Array(LATENESS_STEPS);
  let count = 0;
  for (const { arrivedAtMs, lines, first, last } of chunks) {
    const [firstMs, lastMs] = [parseUs(first), parseUs(last)];
    // Lines are due evenly between the first and the last of a chunk.
    for (let i = 0; i < lines; i++) {
      const dueMs = lines === 1 ? firstMs : firstMs + (lastMs - firstMs) * i / (lines - 1);
      const step = Math.floor(Math.abs(arrivedAtMs - dueMs) * STEPS_A_MS);
      linesByLateness[Math.min(step, LATENESS_STEPS - 1)]!++;
    }
    count += lines;
  }
  return { count, linesByLateness };
}

/** A time with microseconds, in ms since the epoch. */
function parseUs(timestamp: string): number {
  return Date.parse(`${timestamp.slice(0, 19)}Z`) + Number(timestamp.slice(20, 26)) / 1000;
}

const NEWLINE = 0x0a;
/** A line's beginning, up to its time. */
const HEAD_BYTES = 60;

/** Lateness is told in steps of 0.1 ms. */
const STEPS_A_MS = 10;
const LATENESS_STEPS = 100_000;

/** The lateness that this share of the lines does not exceed. */
function latenessMs(linesByLateness: Float64Array, share: number): string {
  const total = linesByLateness.reduce((sum, lines) => sum + lines, 0);
  let step = 0;
  for (let lines = linesByLateness[0]!; lines < share * total; lines += linesByLateness[step]!) {
    step++;
  }
  return ((step + 1) / STEPS_A_MS).toFixed(1);
}

function leaveOut(peer: string): void {
  console.error(`${peer} is left out: it is not installed (see benches/peers/README.md)`);
}

async function exists(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false);
}

async function isProgram(name: string): Promise<boolean> {
  const command = new Deno.Command(name, { args: ["--version"], stdout: "null", stderr: "null" });
  return await command.output().then(({ success }) => success, () => false);
}

if (import.meta.main) await runSections(SECTIONS, Deno.args);
