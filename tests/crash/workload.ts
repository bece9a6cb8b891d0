import assert from "node:assert/strict";
import { Mulberry32 } from "../support/mulberry32.ts";
import { PROJECT, taskArguments } from "../end_to_end/support.ts";

/** How lines reach the analyzer. */
export type Transport = "file" | "tcp";

/** What a campaign reads from its first line to its last. */
export interface Workload {
  /** Says what is particular about it, for messages. */
  readonly name: string;
  /** One or more inputs, whole lines each, as many bytes as the generator gave. */
  readonly inputs: readonly Uint8Array[];
  /** Lines of all inputs. */
  readonly lineCount: number;
  /** Options of the analyzer that belong to it. */
  readonly options: readonly string[];
}

/**
 * Random traffic; seeds that follow each other take all shapes in turn. Every shape crosses a
 * midnight, so that error files roll, and takes the analyzer about a second when nobody disturbs it,
 * and some forty runs when it is killed.
 */
export async function makeWorkload(transport: Transport, seed: number): Promise<Workload> {
  const shapes = SHAPES[transport];
  const shape = shapes[seed % shapes.length]!;
  const firstBlockSeed = new Mulberry32(seed).below(2 ** 31);
  const inputs = await Promise.all(shape.inputs.map((blocks, i) => {
    return generate(shape, blocks, firstBlockSeed + BLOCKS_MAX * i);
  }));
  return {
    name: shape.name,
    inputs,
    lineCount: inputs.reduce((sum, input) => sum + countLines(input), 0),
    options: shape.options,
  };
}

/** Lines of bytes that end with one. */
export function countLines(bytes: Uint8Array): number {
  let count = 0;
  for (let at = -1; (at = bytes.indexOf(NEWLINE, at + 1)) >= 0;) count++;
  return count;
}

type Format = "json" | "csv";

interface Shape {
  readonly name: string;
  /** Time of the first record. */
  readonly start: string;
  /** Records a second of event time, of each input. */
  readonly eventRate: number;
  /** Records of each input. */
  readonly count: number;
  readonly traffic: readonly string[];
  /** Of each input the formats of its blocks, which are equally long. */
  readonly inputs: readonly (readonly Format[])[];
  readonly options: readonly string[];
}

const MANY_WINDOWS: Shape = {
  name: "many small windows, JSON",
  start: "2025-05-30T23:58:45Z",
  eventRate: 1000,
  count: 150_000,
  traffic: ["--status-dist", "70,20,10", "--ips", "2000", "--urls", "50", "--late", "0.5%@20s"],
  inputs: [["json"]],
  options: ["--window", "100ms", "--lateness", "2s"],
};

/** The checkpoint holds registers in place of hashes, and URLs that were replaced by others. */
const LARGE_WINDOWS: Shape = {
  name: "windows beyond what is counted exactly, JSON",
  start: "2025-05-30T23:59:30Z",
  eventRate: 7000,
  count: 420_000,
  traffic: ["--status-dist", "10,60,30", "--urls", "5000", "--late", "0.5%@10s"],
  inputs: [["json"]],
  options: ["--window", "1s", "--lateness", "3s"],
};

const MIXED_FORMATS: Shape = {
  name: "JSON and CSV in turn",
  start: "2025-05-30T23:59:00Z",
  eventRate: 2000,
  count: 240_000,
  traffic: ["--status-dist", "80,15,5", "--ips", "20000", "--urls", "1500", "--late", "1%@3s"],
  inputs: [["json", "csv", "csv", "json", "csv", "json"]],
  options: ["--window", "250ms", "--lateness", "1s"],
};

/** More days than there are error files open at a time. */
const MANY_DAYS: Shape = {
  name: "a record every four seconds for five days, CSV",
  start: "2025-05-28T22:00:00Z",
  eventRate: 0.25,
  count: 120_000,
  traffic: ["--status-dist", "70,20,10", "--ips", "500", "--urls", "20", "--late", "20%@12h"],
  inputs: [["csv"]],
  options: ["--window", "4m", "--lateness", "40m"],
};

/** Late rows would depend on which file is read first, so there are none. */
const TWO_FILES: Shape = {
  name: "two files side by side, JSON and CSV",
  start: "2025-05-30T23:59:10Z",
  eventRate: 1000,
  count: 100_000,
  traffic: ["--status-dist", "70,20,10", "--ips", "2000", "--urls", "50"],
  inputs: [["json"], ["csv"]],
  options: ["--window", "100ms", "--lateness", "2s"],
};

const ONE_INPUT = [MANY_WINDOWS, LARGE_WINDOWS, MIXED_FORMATS, MANY_DAYS];

const SHAPES: Readonly<Record<Transport, readonly Shape[]>> = {
  file: [...ONE_INPUT, TWO_FILES],
  tcp: ONE_INPUT,
};

/** Seeds of two inputs are so far apart; no input has more blocks. */
const BLOCKS_MAX = 100;

const NEWLINE = 0x0a;

/** The lines of one input, each block in time right behind the one before. */
async function generate(
  shape: Shape,
  blocks: readonly Format[],
  seed: number,
): Promise<Uint8Array> {
  const { start, eventRate, count, traffic } = shape;
  const blockCount = count / blocks.length;
  const texts = await Promise.all(blocks.map((format, i) => {
    const startMs = Date.parse(start) + i * blockCount / eventRate * 1000;
    return generateBlock([
      ...["--rate", "max", "--start", new Date(startMs).toISOString()],
      ...["--event-rate", `${eventRate}`, "--count", `${blockCount}`, "--format", format],
      ...["--seed", `${seed + i}`, "--malformed", "0.1%", ...traffic],
    ]);
  }));
  return new Uint8Array(await new Blob(texts).arrayBuffer());
}

/** As bytes and not as text: some lines are no UTF-8. */
async function generateBlock(args: readonly string[]): Promise<Uint8Array<ArrayBuffer>> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [...taskArguments("gen"), ...args],
    cwd: PROJECT,
  }).output();
  assert.ok(success, new TextDecoder().decode(stderr));
  return stdout;
}
