import assert from "node:assert/strict";
import {
  checkWindows,
  expectedWindows,
  json,
  windowsOfTables,
  writeDataset,
} from "../../benches/harness/dataset.ts";
import { fitLine, quantile } from "../../benches/harness/measure.ts";
import { runDeno, withTemporaryDirectory } from "../architecture/checkout.ts";

// Each benchmark checks its results and fails where they are wrong; how fast it was is not tested.

/** Runs sections of a benchmark on a log that takes no time. Returns what it prints. */
async function bench(file: string, sections: string): Promise<string> {
  return await withTemporaryDirectory((directory) =>
    runDeno([
      "run",
      "--frozen",
      "--no-prompt",
      "--allow-all",
      `benches/${file}`,
      ...[
        "--lines",
        "20000",
        "--runs",
        "1",
        "--seconds",
        "1",
        "--data",
        directory,
        "--only",
        sections,
      ],
    ])
  );
}

Deno.test("bench:tcp measures every layout over a socket, and finds the right counts", async () => {
  const printed = await bench("tcp.ts", "throughput,layouts,errors,scale,http,idle,latency");
  for (
    const row of [
      "read only",
      "json, everything",
      "csv-quoted",
      "json-distinct",
      "the disk",
      "of a core",
    ]
  ) {
    assert.ok(printed.includes(row), `${row} is missing:\n${printed}`);
  }
});

Deno.test("bench:peers measures files, decoding and the generator, and finds the right counts", async () => {
  const printed = await bench("peers.ts", "files,memory,workers,generator,pacing");
  // Elsewhere a peer that is not installed is left out, with a line that says so.
  if (Deno.env.get("CI") === "true") {
    for (const peer of ["DuckDB, read_csv", "ripgrep"]) assert.ok(printed.includes(peer), printed);
  }
  for (
    const row of [
      "vigie, csv, counting",
      "Deno, JSON.parse",
      "LineDecoder",
      "two files, workers",
      "into a socket",
      "1000000 ",
    ]
  ) {
    assert.ok(printed.includes(row), `${row} is missing:\n${printed}`);
  }
});

Deno.test("deno bench runs what it finds", async () => {
  const printed = await runDeno([
    ...["bench", "--frozen", "--no-prompt", "--allow-read=.", "benches"],
  ]);
  assert.ok(printed.includes("HeavyHitters.add(), every key new"), printed);
});

Deno.test("checkWindows() refuses a result that is wrong by one", async () => {
  const dataset = json(1000);
  const table = (rows: number, errors: number) =>
    [
      "+--+--+--+--+",
      "|window |status|error_count|unique_ips|",
      "+--+--+--+--+",
      ...[404, 500].map((status) =>
        `|{2025-05-30 18:52:30, 2025-05-30 18:53:00}|${status}   |${errors}   |1   |`
      ),
      "+--+--+--+--+",
      `${rows} rows, ${2 * errors} errors`,
    ].join("\n") + "\n";
  const [start, { errors }] = [...expectedWindows(dataset)][0]!;
  assert.equal(start, Date.UTC(2025, 4, 30, 18, 52, 30));
  const same = new Map([[start, {
    total: 1000,
    errors: new Map([...errors.keys()].map((status) => [status, 50])),
  }]]);
  checkWindows(windowsOfTables(table(1000, 50)), same);
  for (const wrong of [table(999, 50), table(1000, 51), ""]) {
    assert.throws(() => checkWindows(windowsOfTables(wrong), same), /Wrong result/);
  }
  await withTemporaryDirectory(async (directory) => {
    const text = await Deno.readTextFile(
      await writeDataset(dataset, new URL(`../../${directory}`, import.meta.url).pathname),
    );
    const lines = text.trimEnd().split("\n").map((line) => JSON.parse(line));
    assert.equal(lines.length, 1000);
    for (const [status, count] of errors) {
      assert.equal(lines.filter((line) => line.status === status).length, count);
    }
  });
});

Deno.test("quantile() finds values between two, and the first and the last", () => {
  const values = [4, 1, 3, 2];
  assert.deepEqual([0, 0.5, 1].map((share) => quantile(values, share)), [1, 2.5, 4]);
});

Deno.test("fitLine() finds the line through points, and is off by equal shares elsewhere", () => {
  const { start, slope } = fitLine([[1, 5], [2, 7], [10, 23]]);
  assert.ok(Math.abs(start - 3) < 1e-9 && Math.abs(slope - 2) < 1e-9, `${start} ${slope}`);
  const fitted = fitLine([[1, 1], [1, 1.1], [10, 10], [10, 11]]);
  const off = (x: number, y: number) => (fitted.start + fitted.slope * x) / y - 1;
  assert.ok(Math.abs(off(1, 1.1) - off(10, 11)) < 1e-9);
});

Deno.test("bench:history measures ranges and stored errors, and finds the right sums", async () => {
  const printed = await bench("history.ts", "ranges,errors");
  assert.match(printed, /^\| summary, all /m);
  assert.match(printed, /^\| step=6h, all, urls=0 /m);
  // Seven errors in each window of the day.
  assert.match(printed, /^\| one window, 1,000 .* 7 +\|$/m);
  assert.match(printed, /^\| newest 100 .* 100 +\|$/m);
});
