import { denoCommand, type Finished, MeasuredProcess } from "./process.ts";

/** One way to do a job, of several that are compared. */
export interface Contender {
  readonly name: string;
  /** Does it once; checks the result. */
  run(): Promise<Run>;
}

/** What one run has taken. */
export interface Run {
  readonly seconds: number;
  readonly peakBytes?: number | undefined;
}

/** The runs of one contender. */
export interface Result {
  readonly name: string;
  /** Medians. */
  readonly seconds: number;
  readonly fastest: number;
  readonly slowest: number;
  /** Largest of all runs. */
  readonly peakBytes: number;
}

/** Runs all contenders in turn, so many times each, so that what disturbs one disturbs all. */
export async function compare(contenders: readonly Contender[], runs: number): Promise<Result[]> {
  const all = contenders.map(() => [] as Run[]);
  for (let i = 0; i < runs; i++) {
    for (const [j, contender] of contenders.entries()) {
      await settleDisk();
      all[j]!.push(await contender.run());
    }
  }
  return contenders.map(({ name }, j) => {
    const seconds = all[j]!.map((run) => run.seconds).sort((a, b) => a - b);
    return {
      name,
      seconds: median(seconds),
      fastest: seconds[0]!,
      slowest: seconds.at(-1)!,
      peakBytes: Math.max(...all[j]!.map((run) => run.peakBytes ?? 0)),
    };
  });
}

/** What the run before has left to the disk, its removed files included, is no part of the next one. */
async function settleDisk(): Promise<void> {
  try {
    await new Deno.Command("sync").output();
  } catch (exception) {
    if (!(exception instanceof Deno.errors.NotFound)) throw exception;
  }
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** The value below which that share of the values lies. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const at = share * (sorted.length - 1);
  const below = sorted[Math.floor(at)]!;
  return below + (at - Math.floor(at)) * (sorted[Math.ceil(at)]! - below);
}

/** A straight line: `y = start + slope × x`. */
export interface Line {
  readonly start: number;
  readonly slope: number;
}

/** The line from which the points are off least, each as a share of its own `y` (least squares). */
export function fitLine(points: readonly (readonly [x: number, y: number])[]): Line {
  let [w, wx, wy, wxx, wxy] = [0, 0, 0, 0, 0];
  for (const [x, y] of points) {
    const weight = 1 / y ** 2;
    w += weight;
    wx += weight * x;
    wy += weight * y;
    wxx += weight * x * x;
    wxy += weight * x * y;
  }
  const slope = (w * wxy - wx * wy) / (w * wxx - wx * wx);
  return { start: (wy - slope * wx) / w, slope };
}

/**
 * Sends a file to a program that connects to it. The time runs from the moment at which it has
 * connected, so that no program's start counts, to its end, at which all that it does is done.
 *
 * @param command the program that reads from a port
 * @param share how much of the file is sent
 */
export async function runOverTcp(
  path: string,
  command: (port: number) => readonly string[],
  share = 1,
): Promise<Run & Finished & { readonly bytes: number }> {
  const sender = new MeasuredProcess(denoCommand("benches/harness/sender.ts", path, share));
  const { port } = JSON.parse(await sender.firstLine);
  const [reader, { stdout }] = await Promise.all([
    new MeasuredProcess(command(port)).finished,
    sender.finished,
  ]);
  const { acceptedAtMs, bytes } = JSON.parse(stdout.trimEnd().split("\n").at(-1)!);
  return { ...reader, seconds: (reader.endedAtMs - acceptedAtMs) / 1000, bytes };
}

/** A table for a document and for the screen; the first row names the columns. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]!.map((_, i) => Math.max(...rows.map((row) => row[i]!.length)));
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, i) => cell.padEnd(widths[i]!)).join(" | ")} |`;
  const [head, ...body] = rows;
  return [line(head!), line(widths.map((width) => "-".repeat(width))), ...body.map(line)]
    .join("\n");
}

/** A ratio beside what it has to be at least. */
export function verdict(ratio: number, atLeast: number): string {
  return `${ratio.toFixed(2)} (${ratio >= atLeast ? "at least" : "BELOW"} ${atLeast})`;
}
