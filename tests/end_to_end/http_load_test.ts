import assert from "node:assert/strict";
import { gzipSync } from "node:zlib";
import { runDeno } from "../architecture/checkout.ts";
import type { ProcessUsage } from "../soak/process_usage.ts";
import { Analyzer, beforeDeadline, closeQuietly, send, TemporaryDirectory } from "./support.ts";

const MIB = 1024 * 1024;

/** What HTTP alone is given to do. */
function listening(directory: TemporaryDirectory): string[] {
  return ["--source", "tcp-listen://127.0.0.1:0", ...directory.options()];
}

/** What a program holds; nothing on another system than Linux. */
async function usageOf({ program }: Analyzer): Promise<ProcessUsage | null> {
  const flags = ["--frozen", "--no-prompt", "--allow-all"];
  const args = ["tests/soak/process_usage.ts", String(program.pid)];
  return JSON.parse(await runDeno(["run", ...flags, ...args]));
}

function connect(analyzer: Analyzer): Promise<Deno.TcpConn> {
  const { hostname, port } = new URL(analyzer.url);
  return Deno.connect({ hostname, port: Number(port) });
}

/** Sends requests whose heads are as they are, and gives the beginnings of all answers. */
async function exchange(connection: Deno.TcpConn, ...parts: readonly (string | Uint8Array)[]) {
  for (const part of parts) await send(connection, part);
  const buffer = new Uint8Array(20);
  const length = await beforeDeadline(connection.read(buffer), () => "there is no answer");
  return new TextDecoder().decode(buffer.subarray(0, length ?? 0));
}

Deno.test("64 bodies that expand a thousandfold at a time take no more memory than log lines do", async () => {
  using directory = new TemporaryDirectory();
  await using analyzer = await Analyzer.start(listening(directory));
  const bomb = new Uint8Array(gzipSync(new Uint8Array(8 * MIB)));
  assert.ok(bomb.length < 10_000);
  const head = [
    ...["POST /logs HTTP/1.1", "Host: localhost", "Content-Type: application/x-ndjson"],
    ...["Content-Encoding: gzip", `Content-Length: ${bomb.length}`, "", ""],
  ].join("\r\n");
  const before = await usageOf(analyzer);
  const connections = await Promise.all(Array.from({ length: 64 }, () => connect(analyzer)));
  const answers = Promise.all(connections.map((connection) => exchange(connection, head, bomb)));
  let areAnswered = false;
  void answers.then(() => areAnswered = true);
  while (!areAnswered) {
    assert.equal((await (await analyzer.get("/healthz")).json()).status, "ok");
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  for (const answer of await answers) assert.match(answer, /^HTTP\/1\.1 200 /);
  connections.forEach(closeQuietly);
  const { totals } = await analyzer.metrics();
  assert.deepEqual([totals.lines, totals.oversized, totals.bytes], [64, 64, 64 * 8 * MIB]);
  const after = await usageOf(analyzer);
  if (before === null || after === null) return;
  // Some 110 MB, of which half is what any load takes.
  const grownMib = (after.peakBytes - before.residentBytes) / MIB;
  assert.ok(grownMib < 200, `${grownMib} MiB more`);
});

Deno.test("500 connections whose headers never end hold up nobody, and leave nothing", async () => {
  using directory = new TemporaryDirectory();
  await using analyzer = await Analyzer.start(listening(directory));
  const isServed = async () =>
    assert.equal((await (await analyzer.get("/healthz")).text())[0], "{");
  await isServed();
  const before = await usageOf(analyzer);
  const connections = await Promise.all(Array.from({ length: 500 }, () => connect(analyzer)));
  for (const text of ["GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: ", "a", "b"]) {
    for (const connection of connections) await send(connection, text);
    await isServed();
  }
  const meanwhile = await usageOf(analyzer);
  // What was begun can be ended: none of them was given up.
  assert.match(await exchange(connections[0]!, "\r\n\r\n"), /^HTTP\/1\.1 200 /);
  connections.forEach(closeQuietly);
  if (before === null || meanwhile === null) return;
  assert.ok(meanwhile.descriptors >= before.descriptors + 500);
  // 20 KB each.
  assert.ok(meanwhile.residentBytes - before.residentBytes < 50 * MIB);
  const wait = async () => {
    while ((await usageOf(analyzer))!.descriptors >= before.descriptors + 50);
  };
  await beforeDeadline(wait(), () => "their descriptors are still there");
});
