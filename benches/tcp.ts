/**
 * Measures the whole program over real sockets, beside a program that only reads the same socket in
 * the same run: `deno task bench:tcp --lines 20000000 --runs 5`. Every result is checked. Prints
 * the tables of docs/PERFORMANCE.md.
 *
 * @module
 */
import { analyzeCommand, inDirectory, type Mode } from "./harness/analyzer.ts";
import {
  checkWindows,
  type Dataset,
  expectedWindows,
  json,
  variants,
  windowsOfTables,
  writeDataset,
} from "./harness/dataset.ts";
import {
  compare,
  type Contender,
  fitLine,
  median,
  quantile,
  type Result,
  runOverTcp,
  table,
  verdict,
} from "./harness/measure.ts";
import { type BenchOptions, runSections } from "./harness/options.ts";
import { denoCommand, freePort, MeasuredProcess, nowMs, vigieCommand } from "./harness/process.ts";

const SECTIONS = {
  throughput,
  layouts,
  errors,
  scale,
  http,
  idle,
  latency,
} as const;

function tcp(port: number): string {
  return `tcp://127.0.0.1:${port}`;
}

async function analyzerOf(dataset: Dataset, options: BenchOptions, mode: Mode): Promise<Contender> {
  const path = await writeDataset(dataset, options.data);
  const expected = expectedWindows(dataset);
  return {
    name: `${dataset.name}, ${mode}`,
    run: () =>
      inDirectory(async (directory) => {
        const run = await runOverTcp(
          path,
          (port) => analyzeCommand(tcp(port), { mode, directory }),
        );
        checkWindows(windowsOfTables(run.stdout), expected);
        return run;
      }),
  };
}

async function readerOf(dataset: Dataset, options: BenchOptions): Promise<Contender> {
  const path = await writeDataset(dataset, options.data);
  const { size } = await Deno.stat(path);
  return {
    name: `${dataset.name}, read only`,
    run: async () => {
      const run = await runOverTcp(
        path,
        (port) => denoCommand("benches/harness/read_only.ts", port),
      );
      if (JSON.parse(run.stdout).bytes !== size) throw new Error("Wrong result: bytes are missing");
      return run;
    },
  };
}

function row(result: Result, { lines }: BenchOptions, bytes: number, ...more: string[]): string[] {
  return [
    result.name,
    result.seconds.toFixed(2),
    `${result.fastest.toFixed(2)} to ${result.slowest.toFixed(2)}`,
    (lines / result.seconds / 1e6).toFixed(1),
    (bytes / result.seconds / 1e6).toFixed(0),
    (result.seconds / lines * 1e9).toFixed(0),
    (result.peakBytes / 1e6).toFixed(0),
    ...more,
  ];
}

const COLUMNS = ["program", "s", "spread", "M lines/s", "MB/s", "ns/line", "peak MB"];

async function sizeOf(dataset: Dataset, options: BenchOptions): Promise<number> {
  return (await Deno.stat(await writeDataset(dataset, options.data))).size;
}

async function throughput(options: BenchOptions): Promise<string> {
  const dataset = json(options.lines);
  const bytes = await sizeOf(dataset, options);
  const [read, counting, everything] = await compare([
    await readerOf(dataset, options),
    await analyzerOf(dataset, options, "counting"),
    await analyzerOf(dataset, options, "everything"),
  ], options.runs) as [Result, Result, Result];
  return table([
    [...COLUMNS, "of the read-only rate"],
    row(read, options, bytes, "1"),
    row(counting, options, bytes, verdict(read.seconds / counting.seconds, 0.65)),
    row(everything, options, bytes, verdict(read.seconds / everything.seconds, 0.4)),
  ]);
}

async function layouts(all: BenchOptions): Promise<string> {
  // So many that all of these logs stay in the memory of the machine.
  const options = { ...all, lines: Math.ceil(0.4 * all.lines) };
  const { lines } = options;
  const own = json(lines);
  const csv = variants.csv(lines);
  const others = [
    { dataset: variants.otherSpacing(lines), beside: own, atLeast: 0.8, in: "lines" },
    { dataset: variants.otherOrder(lines), beside: own, atLeast: 0.8, in: "lines" },
    { dataset: variants.tenMoreKeys(lines), beside: own, atLeast: 0.6, in: "bytes" },
    { dataset: variants.twoLayouts(lines), beside: own, atLeast: 0.5, in: "lines" },
    { dataset: variants.escapedJson(lines), beside: own, atLeast: 0.5, in: "lines" },
    { dataset: variants.malformed(lines), beside: own, atLeast: 0.5, in: "lines" },
    { dataset: variants.quotedCsv(lines), beside: csv, atLeast: 0.5, in: "lines" },
  ] as const;
  const datasets = [own, csv, ...others.map(({ dataset }) => dataset)];
  const contenders = [];
  for (const dataset of datasets) contenders.push(await analyzerOf(dataset, options, "counting"));
  const results = await compare(contenders, options.runs);
  const sizes = await Promise.all(datasets.map((dataset) => sizeOf(dataset, options)));
  const rate = (dataset: Dataset, unit: "lines" | "bytes") => {
    const i = datasets.indexOf(dataset);
    return (unit === "lines" ? lines : sizes[i]!) / results[i]!.seconds;
  };
  return table([
    [...COLUMNS, "of the plain input's rate"],
    row(results[0]!, options, sizes[0]!, "1"),
    row(results[1]!, options, sizes[1]!, "1"),
    ...others.map(({ dataset, beside, atLeast, in: unit }, i) => {
      const ratio = rate(dataset, unit) / rate(beside, unit);
      return row(results[i + 2]!, options, sizes[i + 2]!, `${verdict(ratio, atLeast)}, ${unit}`);
    }),
  ]);
}

async function errors(options: BenchOptions): Promise<string> {
  const { lines } = options;
  const [own, all, distinct] = [
    json(lines),
    variants.allErrors(lines),
    variants.manyDistinct(lines),
  ];
  const allPath = await writeDataset(all, options.data);
  const [plain, read, saved, manyDistinct, disk] = await compare([
    await analyzerOf(own, options, "everything"),
    await readerOf(all, options),
    await analyzerOf(all, options, "everything"),
    await analyzerOf(distinct, options, "everything"),
    {
      name: "the disk alone, with fsync every 256 MiB",
      run: () => inDirectory((directory) => writeAndSync(allPath, `${directory}/copy`)),
    },
  ], options.runs) as [Result, Result, Result, Result, Result];
  const bytes = await sizeOf(all, options);
  const [ofRead, ofDisk] = [read.seconds / saved.seconds, disk.seconds / saved.seconds];
  return table([
    [...COLUMNS, "ratio"],
    row(plain, options, await sizeOf(own, options), ""),
    row(read, options, bytes, ""),
    row(disk, options, bytes, ""),
    row(
      saved,
      options,
      bytes,
      `${verdict(ofRead, 0.2)} of reading; or ${verdict(ofDisk, 0.8)} of the disk`,
    ),
    row(
      manyDistinct,
      options,
      await sizeOf(distinct, options),
      `${verdict(plain.seconds / manyDistinct.seconds, 0.5)} of json, everything; ` +
        `${(manyDistinct.peakBytes / 1e6).toFixed(0)} MB (at most 250)`,
    ),
  ]);
}

/** What the disk can do at best with as many bytes, if they are to be there after a power cut. */
async function writeAndSync(from: string, to: string): Promise<{ readonly seconds: number }> {
  using source = await Deno.open(from);
  using target = await Deno.open(to, { write: true, create: true });
  const startedAtMs = nowMs();
  const buffer = new Uint8Array(1024 * 1024);
  for (let i = 1;; i++) {
    const read = await source.read(buffer);
    if (read === null) break;
    await target.write(buffer.subarray(0, read));
    if (i % 256 === 0) await target.syncData();
  }
  await target.syncData();
  return { seconds: (nowMs() - startedAtMs) / 1000 };
}

/** Time and memory against lines: the same log, more and more of it. */
async function scale(options: BenchOptions): Promise<string> {
  const dataset = json(5 * options.lines);
  const path = await writeDataset(dataset, options.data);
  // A share so small that all of its time is start-up: what is compiled at the first use, files.
  const shares = [1e-5, 0.1, 0.2, 0.5, 1];
  const results = await compare(
    shares.map((share) => ({
      name: `${(share * dataset.lines / 1e6)} M lines, everything`,
      run: () =>
        inDirectory((directory) =>
          runOverTcp(
            path,
            (port) => analyzeCommand(tcp(port), { mode: "everything", directory }),
            share,
          )
        ),
    })),
    options.runs,
  );
  const linesOf = (i: number) => shares[i]! * dataset.lines;
  const perLine = (i: number) => (results[i]!.seconds - results[0]!.seconds) / linesOf(i);
  // What the compiler takes until it is warm belongs to no number of lines: it is the line's start.
  const fitted = fitLine(
    results.map(({ seconds }, i) => [linesOf(i), seconds] as const).slice(1),
  );
  const expected = (i: number) => fitted.start + fitted.slope * linesOf(i);
  const rows = table([
    ["lines", "s", "spread", "ns/line less start-up", "beside 10 %", "off the line", "peak MB"],
    ...results.map((result, i) => [
      result.name,
      result.seconds.toFixed(2),
      `${result.fastest.toFixed(2)} to ${result.slowest.toFixed(2)}`,
      (perLine(i) * 1e9).toFixed(1),
      (perLine(i) / perLine(1)).toFixed(2),
      i === 0 ? "" : `${(100 * (result.seconds / expected(i) - 1)).toFixed(1)} %`,
      (result.peakBytes / 1e6).toFixed(0),
    ]),
  ]);
  return `${rows}\nThe line: ${fitted.start.toFixed(2)} s and ${
    (fitted.slope * 1e9).toFixed(1)
  } ns a line.`;
}

/** How long an answer takes while the analyzer has more to read than it can. */
async function http(options: BenchOptions): Promise<string> {
  const dataset = json(options.lines);
  const path = await writeDataset(dataset, options.data);
  const latenciesMs: number[] = [];
  const longestMs: number[] = [];
  for (let i = 0; i < options.runs; i++) {
    await inDirectory(async (directory) => {
      const httpPort = freePort();
      const running = runOverTcp(
        path,
        (port) => analyzeCommand(tcp(port), { mode: "everything", directory, httpPort }),
      );
      let isRunning = true;
      running.finally(() => isRunning = false);
      const own: number[] = [];
      while (isRunning) {
        const startedAtMs = performance.now();
        // Before the start and after the end there is nobody to answer.
        const response = await fetch(`http://127.0.0.1:${httpPort}/metrics`).catch(() => undefined);
        const answer = await response?.json().catch(() => undefined);
        if (answer?.totals?.lines > 0) own.push(performance.now() - startedAtMs);
        await sleep(10);
      }
      await running;
      latenciesMs.push(...own);
      longestMs.push(Math.max(...own));
    });
  }
  return table([
    ["GET /metrics while saturated", "answers", "median ms", "99 % within ms", "longest ms"],
    [
      `json, everything`,
      String(latenciesMs.length),
      quantile(latenciesMs, 0.5).toFixed(1),
      `${quantile(latenciesMs, 0.99).toFixed(1)} (at most 50)`,
      median(longestMs).toFixed(1),
    ],
  ]);
}

/** What the program costs while next to nothing happens. */
async function idle({ seconds }: BenchOptions): Promise<string> {
  const generatorPort = freePort();
  const generator = new MeasuredProcess(
    vigieCommand("gen", "--rate", 10, "--listen", generatorPort),
  );
  return await inDirectory(async (directory) => {
    const port = freePort();
    const process = new MeasuredProcess(
      vigieCommand(
        "analyze",
        ...["--source", `tcp://127.0.0.1:${generatorPort}`, "--http", `127.0.0.1:${port}`],
        ...["--output", directory, "--checkpoint", `${directory}/cp`],
      ),
    );
    await firstLines(port);
    const rows: string[][] = [];
    const startedAtMs = nowMs();
    // Code that seldom runs is compiled late: until then it costs half as much again.
    for (const fromSeconds of [seconds, 18 * seconds]) {
      await sleep(1000 * fromSeconds - (nowMs() - startedAtMs));
      const before = process.cpuSeconds() ?? NaN;
      await sleep(1000 * seconds);
      const share = ((process.cpuSeconds() ?? NaN) - before) / seconds;
      rows.push([`${fromSeconds} s`, `${seconds} s`, `${(100 * share).toFixed(2)} %`]);
    }
    process.kill();
    await process.finished;
    generator.kill();
    await generator.finished;
    rows.at(-1)![2] += " (at most 1 %)";
    return table([["10 lines/s, everything, HTTP up, from", "for", "of a core"], ...rows]);
  });
}

/** From the moment at which a line is sent to the first answer over HTTP that counts it. */
async function latency({ seconds }: BenchOptions): Promise<string> {
  const rate = 1000;
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return await inDirectory(async (directory) => {
    const port = freePort();
    const process = new MeasuredProcess(
      vigieCommand(
        "analyze",
        ...["--source", `tcp://127.0.0.1:${listener.addr.port}`, "--http", `127.0.0.1:${port}`],
        ...["--window", "24h", "--output", directory, "--checkpoint", `${directory}/cp`],
      ),
    );
    using connection = await listener.accept();
    listener.close();
    const sentAtMs: number[] = [];
    const send = async () => {
      const startedAtMs = nowMs();
      while (sentAtMs.length < rate * seconds) {
        const due = Math.min(rate * seconds, (nowMs() - startedAtMs) * rate / 1000);
        while (sentAtMs.length < due) {
          const line = { timestamp: new Date().toISOString(), ip: "192.0.2.1", method: "GET" };
          sentAtMs.push(nowMs());
          await connection.write(
            new TextEncoder().encode(JSON.stringify({ ...line, url: "/", status: 404 }) + "\n"),
          );
        }
        await sleep(1);
      }
    };
    const sending = send();
    const latenciesMs: number[] = [];
    while (latenciesMs.length < rate * seconds) {
      const counted = await fetch(`http://127.0.0.1:${port}/windows/current`)
        .then((response) => response.json())
        .then(({ windows }) =>
          windows.reduce(
            (sum: number, window: { total_count: number }) => sum + window.total_count,
            0,
          )
        );
      const seenAtMs = nowMs();
      while (latenciesMs.length < counted) {
        latenciesMs.push(seenAtMs - sentAtMs[latenciesMs.length]!);
      }
      await sleep(1);
    }
    await sending;
    process.kill();
    await process.finished;
    return table([
      [`line to GET /windows/current, ${rate} lines/s`, "lines", "median ms", "99 % within ms"],
      [
        "everything",
        String(latenciesMs.length),
        quantile(latenciesMs, 0.5).toFixed(1),
        `${quantile(latenciesMs, 0.99).toFixed(1)} (at most 100)`,
      ],
    ]);
  });
}

/** Waits until an analyzer has counted something. */
async function firstLines(port: number): Promise<void> {
  for (let i = 0; i < 100; i++) {
    const totals = await fetch(`http://127.0.0.1:${port}/metrics`)
      .then((response) => response.json())
      .then((metrics) => metrics.totals, () => undefined);
    if (totals?.lines > 0) return;
    await sleep(100);
  }
  throw new Error("Wrong result: nothing was counted in ten seconds");
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

if (import.meta.main) await runSections(SECTIONS, Deno.args);
