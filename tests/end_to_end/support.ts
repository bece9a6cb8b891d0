import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { SourceJson, TotalsJson } from "../../analyzer/http/live_json.ts";
import type { WindowJson } from "../../analyzer/window/window_json.ts";
import denoJson from "../../deno.json" with { type: "json" };
import { type NaiveAnalysis, naiveAnalysis, type NaiveOptions } from "../support/naive_analysis.ts";

/** The project's own directory, where its tasks run. */
export const PROJECT = fileURLToPath(new URL("../../", import.meta.url));

/** Nothing here takes so long; a test that gets there fails with what the program said. */
const DEADLINE_MS = 30_000;

/** The commands of the program. */
export type CommandName = "gen" | "analyze" | "demo";

/** What a test wants to be different about the child process. */
export interface ProgramOptions {
  /** Added to the environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** Whether the test writes to its standard input; otherwise that is empty. */
  readonly hasInput?: boolean;
  /** Whether its standard output is read only from {@linkcode Output.resume} on. */
  readonly isOutputPaused?: boolean;
}

/** How a program came to its end. */
export interface Ended {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** The flags with which the task in deno.json runs a command, `main.ts` and its name included. */
export function taskArguments(command: CommandName): string[] {
  const [deno, ...args] = denoJson.tasks[command].command.split(" ");
  assert.equal(deno, "deno");
  assert.deepEqual(args.slice(-2), ["main.ts", command]);
  return args;
}

/** Starts a command of the program as its task does. */
export function start(
  command: CommandName,
  args: readonly string[],
  options: ProgramOptions = {},
): Program {
  return new Program(Deno.execPath(), [...taskArguments(command), ...args], options);
}

/** Runs a whole command line, the command's name included, as the task of the analyzer would. */
export async function runCommandLine(args: readonly string[]): Promise<Ended> {
  const flags = taskArguments("analyze").slice(0, -1);
  await using program = new Program(Deno.execPath(), [...flags, ...args]);
  return await program.ended();
}

/** Runs a command of the program to its end. */
export async function run(
  command: CommandName,
  args: readonly string[],
  options: ProgramOptions = {},
): Promise<Ended> {
  await using program = start(command, args, options);
  return await program.ended();
}

/** A running child process. One that is still there at the end of the test is killed. */
export class Program implements AsyncDisposable {
  /** Its output so far. */
  readonly stdout: Output;
  /** Its messages so far. */
  readonly stderr: Output;
  readonly #child: Deno.ChildProcess;
  readonly #name: string;
  readonly #input: WritableStreamDefaultWriter<Uint8Array> | undefined;
  #isOver = false;

  constructor(path: string, args: readonly string[], options: ProgramOptions = {}) {
    this.#name = [path, ...args].join(" ");
    this.#child = new Deno.Command(path, {
      args: [...args],
      cwd: PROJECT,
      env: { NO_COLOR: "", ...options.env },
      stdin: options.hasInput ? "piped" : "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.#input = options.hasInput ? this.#child.stdin.getWriter() : undefined;
    this.stdout = new Output(this.#child.stdout, this.#name, options.isOutputPaused);
    this.stderr = new Output(this.#child.stderr, this.#name);
    this.#child.status.then(() => this.#isOver = true);
  }

  /** Its process id. */
  get pid(): number {
    return this.#child.pid;
  }

  /** Writes to its standard input. */
  async write(text: string): Promise<void> {
    await this.writeBytes(new TextEncoder().encode(text));
  }

  /** The same with bytes. */
  async writeBytes(bytes: Uint8Array): Promise<void> {
    await this.#input!.write(bytes);
  }

  /** Ends its standard input. */
  async closeInput(): Promise<void> {
    await this.#input!.close();
  }

  /** Sends a signal; one that has ended meanwhile is left in peace. */
  kill(signal: Deno.Signal): void {
    if (this.#isOver) return;
    try {
      this.#child.kill(signal);
    } catch (exception) {
      // It has ended, and its status is on its way.
      if (!(exception instanceof TypeError)) throw exception;
    }
  }

  /** Waits until it has ended. */
  async ended(): Promise<Ended> {
    const { code } = await beforeDeadline(this.#child.status, () => `${this.#name} does not end`);
    this.stdout.resume();
    const closed = Promise.all([this.stdout.closed, this.stderr.closed]);
    await beforeDeadline(closed, () => `${this.#name} has ended, but not its output`);
    return { status: code, stdout: this.stdout.text, stderr: this.stderr.text };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.kill("SIGKILL");
    // It may have gone on its own with input that nobody read.
    await this.#input?.close().catch(() => {});
    await this.ended();
  }
}

/** One output stream of a program, collected. */
export class Output {
  /** Resolves once the stream has ended. */
  readonly closed: Promise<void>;
  readonly #name: string;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  #text = "";
  #isClosed = false;
  #changed = Promise.withResolvers<void>();
  readonly #resumed = Promise.withResolvers<void>();

  constructor(bytes: ReadableStream<Uint8Array>, name: string, isPaused = false) {
    this.#name = name;
    this.#reader = bytes.getReader();
    this.closed = this.#resumed.promise.then(() => this.#collect());
    if (!isPaused) this.resume();
  }

  /** Everything so far. */
  get text(): string {
    return this.#text;
  }

  /** Waits for a match in everything that is written, before and after the call. */
  async match(pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const match = pattern.exec(this.#text);
      if (match !== null) return match;
      const facts = () => `${this.#name}: no ${pattern} in ${JSON.stringify(this.#text)}`;
      if (this.#isClosed) throw new Error(facts());
      await beforeDeadline(this.#changed.promise, facts);
    }
  }

  /** Waits for so many lines, and gives all that are whole by then. */
  async lines(countMin: number): Promise<string[]> {
    await this.match(new RegExp(`(?:.*\\n){${countMin}}`));
    return linesOf(this.#text);
  }

  /** Begins to read, where it was paused. */
  resume(): void {
    this.#resumed.resolve();
  }

  /** Goes away, as the reader of a pipe does. */
  async close(): Promise<void> {
    await this.#reader.cancel();
    this.resume();
    await this.closed;
  }

  async #collect(): Promise<void> {
    const decoder = new TextDecoder();
    for (let chunk; (chunk = (await this.#reader.read()).value) !== undefined;) {
      this.#text += decoder.decode(chunk, { stream: true });
      this.#wake();
    }
    this.#isClosed = true;
    this.#wake();
  }

  #wake(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }
}

/** What `GET /metrics` answers. */
export interface Metrics {
  readonly totals: TotalsJson;
  readonly sources: readonly SourceJson[];
  readonly open: readonly WindowJson[];
  readonly closed: readonly WindowJson[];
}

/** An analyzer that serves HTTP on a free port. */
export class Analyzer implements AsyncDisposable {
  readonly program: Program;
  /** Where it serves, such as `http://127.0.0.1:34567`. */
  readonly url: string;

  constructor(program: Program, url: string) {
    this.program = program;
    this.url = url;
  }

  /** Starts one and waits until it serves. */
  static async start(args: readonly string[], options: ProgramOptions = {}): Promise<Analyzer> {
    const program = start("analyze", [...args, "--http", "127.0.0.1:0"], options);
    try {
      const [, url] = await program.stderr.match(/^Results: (http:\S+)\/metrics/m);
      return new Analyzer(program, url!);
    } catch (exception) {
      await program[Symbol.asyncDispose]();
      throw exception;
    }
  }

  async get(path: string, headers: Record<string, string> = {}): Promise<Response> {
    const request = fetch(`${this.url}${path}`, { headers });
    return await beforeDeadline(request, () => `${this.url}${path} does not answer`);
  }

  async metrics(): Promise<Metrics> {
    return await (await this.get("/metrics")).json();
  }

  /** All closed windows with all their URLs, oldest first. */
  async windows(): Promise<WindowJson[]> {
    const { windows } = await (await this.get("/windows?limit=1000&urls=1000")).json();
    return windows.reverse();
  }

  /** Asks for the metrics again and again until they are as wanted. */
  async until(isReached: (metrics: Metrics) => boolean): Promise<Metrics> {
    const startedAtMs = performance.now();
    for (;;) {
      const metrics = await this.metrics();
      if (isReached(metrics)) return metrics;
      if (performance.now() - startedAtMs > DEADLINE_MS) {
        const { stdout, stderr } = this.program;
        const facts = { metrics, stdout: stdout.text, stderr: stderr.text };
        throw new Error(`Not reached: ${isReached}: ${JSON.stringify(facts)}`);
      }
      // Leaves the processor to the program for a moment.
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  /** Waits until everything that was sent to it is counted. */
  async untilLines(count: number): Promise<Metrics> {
    return await this.until(({ totals }) => totals.lines >= count);
  }

  /** Stops it and waits for its end. */
  async stop(signal: Deno.Signal = "SIGTERM"): Promise<Ended> {
    this.program.kill(signal);
    return await this.program.ended();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.program[Symbol.asyncDispose]();
  }
}

/** A directory for one test, below the ignored `output/`, where the tasks may read and write. */
export class TemporaryDirectory implements Disposable {
  readonly path: string;

  constructor() {
    this.path = Deno.makeTempDirSync({ dir: join(PROJECT, "output"), prefix: "e2e-" });
  }

  /** The absolute path of something in it. */
  join(...names: string[]): string {
    return join(this.path, ...names);
  }

  /** Writes a file of lines, and gives its absolute path. */
  write(name: string, text: string | Uint8Array): string {
    const path = this.join(name);
    Deno.writeFileSync(path, typeof text === "string" ? new TextEncoder().encode(text) : text);
    return path;
  }

  /** Options that keep all results and state of a run in it. */
  options(name = "run"): string[] {
    return ["--output", this.join(name, "output"), "--checkpoint", this.join(name, "checkpoint")];
  }

  /** The lines of all error files of such a run, in the order in which they were written. */
  errorLines(name = "run"): string[] {
    const errors = this.join(name, "output", "errors");
    return filesBelow(errors)
      .sort((a, b) => partNumber(a) - partNumber(b))
      .flatMap((path) => linesOf(Deno.readTextFileSync(path)));
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.path, { recursive: true });
  }
}

/** A server that sends what the test tells it to, as netcat would. */
export class LineServer implements AsyncDisposable {
  readonly port: number;
  readonly #listener: Deno.TcpListener;
  readonly #connections: Deno.TcpConn[] = [];

  /** @param port by default a free one */
  constructor(port = 0) {
    this.#listener = Deno.listen({ hostname: "127.0.0.1", port });
    this.port = this.#listener.addr.port;
  }

  /** The source that connects to it. */
  get source(): string {
    return `tcp://127.0.0.1:${this.port}`;
  }

  /** Waits for the next connection. */
  async accept(): Promise<Deno.TcpConn> {
    const connection = await beforeDeadline(
      this.#listener.accept(),
      () => `Nobody connects to ${this.port}`,
    );
    this.#connections.push(connection);
    return connection;
  }

  /** Goes away for good, connections and all. */
  close(): void {
    closeQuietly(this.#listener);
    for (const connection of this.#connections) closeQuietly(connection);
  }

  // deno-lint-ignore require-await -- disposed of where other servers are, which need to wait
  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
  }
}

/** Sends text over a connection, all of it. */
export async function send(connection: Deno.TcpConn, text: string | Uint8Array): Promise<void> {
  const bytes = typeof text === "string" ? new TextEncoder().encode(text) : text;
  for (let sent = 0; sent < bytes.length;) sent += await connection.write(bytes.subarray(sent));
}

/** Closes what may be closed already. */
export function closeQuietly(socket: Deno.TcpConn | Deno.TcpListener): void {
  try {
    socket.close();
  } catch (exception) {
    if (!(exception instanceof Deno.errors.BadResource)) throw exception;
  }
}

/** A port that nobody listens on; somebody else might take it, but the system is slow to reuse. */
export function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

/** Lines of the generator at 1,000 records a second of event time from 18:52:30 on. */
export async function generated(args: readonly string[]): Promise<string> {
  const { status, stdout, stderr } = await run("gen", [
    "--rate",
    "max",
    "--start",
    "2025-05-30T18:52:30Z",
    ...args,
  ]);
  assert.deepEqual({ status, stderr }, { status: 0, stderr: "" });
  return stdout;
}

/** The lines of a text, without their newlines; what follows the last newline is a line too. */
export function linesOf(text: string): string[] {
  const lines = text.split("\n");
  if (lines.at(-1) === "") lines.pop();
  return lines;
}

/** What a run over an input that was read to its end has to leave behind. */
export interface ExpectedResults {
  /** Closed windows, oldest first. */
  readonly windows: readonly WindowJson[];
  /** Lines of the error files, in order. */
  readonly errorLines: readonly string[];
  /** The same and more in plain numbers. */
  readonly naive: NaiveAnalysis;
}

/** Computes the results of one input the slow and obvious way, with the program's defaults. */
export function expectedResults(
  lines: readonly (string | Uint8Array)[],
  options: Partial<NaiveOptions> = {},
): ExpectedResults {
  const naive = naiveAnalysis(lines, { ...NAIVE_DEFAULTS, ...options });
  const lengthMs = options.windowLengthMs ?? NAIVE_DEFAULTS.windowLengthMs;
  return { windows: toWindowsJson(naive, lengthMs), errorLines: naive.errorLines, naive };
}

const NAIVE_DEFAULTS: NaiveOptions = { windowLengthMs: 30_000, latenessMs: 5000, minStatus: 400 };

function toWindowsJson({ windows, lateByWindow }: NaiveAnalysis, lengthMs: number): WindowJson[] {
  return windows.map((window) => {
    const late = lateByWindow.find(({ windowStartMs }) => windowStartMs === window.startMs);
    return {
      start: new Date(window.startMs).toISOString(),
      end: new Date(window.startMs + lengthMs).toISOString(),
      state: "closed",
      length_ms: lengthMs,
      total_count: window.totalCount,
      error_count: window.errorCount,
      error_rate: window.errorCount / window.totalCount,
      unique_ips: window.uniqueIps,
      unique_ips_exact: true,
      late_count: late?.lateCount ?? 0,
      late_error_count: late?.lateErrorCount ?? 0,
      statuses: window.statuses.map((status) => ({
        status: status.status,
        error_count: status.errorCount,
        unique_ips: status.uniqueIps,
        unique_ips_exact: true,
        urls: status.urls,
        urls_total: status.urls.length,
        urls_total_exact: true,
      })),
    };
  });
}

/** What was read must be somewhere, whatever it was: the program's rules of conservation. */
export function assertConserved(totals: TotalsJson, errorLines: readonly string[]): void {
  assertTotalsAddUp(totals);
  assert.equal(totals.errors, errorLines.length);
}

/** The rules of conservation, as far as totals alone can tell. */
export function assertTotalsAddUp(totals: TotalsJson): void {
  const sum = (counts: Readonly<Record<string, number>>) =>
    Object.values(counts).reduce((total, count) => total + count, 0);
  const { lines, valid, malformed, oversized, empty, header, partial, errors } = totals;
  assert.equal(lines, valid + sum(malformed) + oversized + empty + header + partial);
  assert.equal(valid, totals.in_windows + totals.late + totals.future);
  assert.equal(errors, totals.errors_in_windows + totals.late_errors + totals.future_errors);
  assert.equal(errors, sum(totals.errors_by_status));
}

/** Rows and errors of windows, added up. */
export function countsOf(windows: readonly WindowJson[]): { total: number; errors: number } {
  return {
    total: windows.reduce((sum, { total_count }) => sum + total_count, 0),
    errors: windows.reduce((sum, { error_count }) => sum + error_count, 0),
  };
}

/** Absolute paths of all files below a directory, in order; none where it is missing. */
export function filesBelow(directory: string): string[] {
  try {
    return [...Deno.readDirSync(directory)]
      .flatMap(({ name, isDirectory }) =>
        isDirectory ? filesBelow(join(directory, name)) : [join(directory, name)]
      ).sort();
  } catch (exception) {
    if (exception instanceof Deno.errors.NotFound) return [];
    throw exception;
  }
}

/** Where a program is on the search path, if it is installed. */
export function findProgram(name: string): string | undefined {
  return (Deno.env.get("PATH") ?? "").split(":").map((directory) => join(directory, name))
    .find((path) => {
      try {
        return Deno.statSync(path).isFile;
      } catch {
        // Not there, or not ours to look at: not installed, either way.
        return false;
      }
    });
}

/**
 * A test that needs another program. Where that is missing the test is left out with a printed
 * line; in CI it fails.
 */
export function testWith(
  programName: string,
  behaviour: string,
  test: (path: string) => Promise<void>,
): void {
  const path = findProgram(programName);
  const ignore = path === undefined && Deno.env.get("CI") !== "true";
  if (ignore) console.log(`Left out, since ${programName} is not installed: ${behaviour}`);
  Deno.test({
    name: `${programName}: ${behaviour}`,
    ignore,
    fn: () => test(path ?? assert.fail(`${programName} is not installed, and CI has to have it`)),
  });
}

/** Waits for a promise, but not for ever. */
export async function beforeDeadline<T>(promise: Promise<T>, facts: () => string): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new Error(`Too late: ${facts()}`)), DEADLINE_MS);
  try {
    return await Promise.race([promise, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

function partNumber(path: string): number {
  return Number(/part-(\d+)\.jsonl$/.exec(path)?.[1]);
}
