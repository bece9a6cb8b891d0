import { type Clock, systemClock } from "../clock.ts";
import type { GeneratorConfig } from "../config.ts";
import { GeneratorStream } from "../generator_stream.ts";
import { RunReport, type StandardError } from "./run_report.ts";
import { serveStream } from "./stream_server.ts";

/** What a run needs besides its configuration. */
export interface GeneratorRunOptions {
  /** Aborted to end the run: a quiet end, exit status 0. */
  readonly signal: AbortSignal;
  /** Default: that of the process. */
  readonly stdout?: StandardOutput;
  /** Default: that of the process. */
  readonly stderr?: StandardError;
  /** Default: that of the machine. */
  readonly clock?: Clock;
}

/** What a run uses of `Deno.stdout`. */
export interface StandardOutput {
  write(bytes: Uint8Array): Promise<number>;
  isTerminal(): boolean;
}

/**
 * The command `gen`: writes the lines to standard output, or serves them where the configuration
 * says to listen. On a terminal, standard error gets one line at the end, and where standard output
 * is redirected a progress line until then.
 *
 * @returns The exit status: 0 when all is written, the reader has gone or the signal is aborted; 1,
 * after a line on standard error, when it cannot listen or write. A write that is stuck when the
 * signal is aborted stays behind: end the process with `Deno.exit`.
 * @throws {Deno.errors.NotCapable} if a permission is missing
 */
export async function runGenerator(
  config: GeneratorConfig,
  options: GeneratorRunOptions,
): Promise<number> {
  const { signal, stdout = Deno.stdout, stderr = Deno.stderr, clock = systemClock } = options;
  const report = new RunReport(stderr, clock);
  try {
    if (config.listen) await serveUntilAborted(config, { signal, report, clock });
    else await writeUntilAborted(config, { signal, report, clock, stdout });
    return 0;
  } catch (exception) {
    if (!(exception instanceof Error) || exception instanceof Deno.errors.NotCapable) {
      throw exception;
    }
    report.notice(exception.message);
    return 1;
  }
}

interface RunParts {
  readonly signal: AbortSignal;
  readonly report: RunReport;
  readonly clock: Clock;
}

async function serveUntilAborted(config: GeneratorConfig, parts: RunParts): Promise<void> {
  const { signal, report, clock } = parts;
  const notice = (line: string) => report.notice(line);
  const server = serveStream(config, { ...config.listen!, notice, clock });
  notice(`Listening on ${server.address}`);
  const close = () => void server.close();
  signal.addEventListener("abort", close);
  if (signal.aborted) close();
  try {
    await server.finished;
  } finally {
    signal.removeEventListener("abort", close);
    report.end(server.linesCount);
  }
}

async function writeUntilAborted(
  config: GeneratorConfig,
  parts: RunParts & { readonly stdout: StandardOutput },
): Promise<void> {
  const { signal, report, clock, stdout } = parts;
  const stream = new GeneratorStream(config, clock, PIPE_CHUNK_BYTES_MAX);
  const reader = stream.readable.getReader();
  const stuck = Promise.withResolvers<void>();
  const over = new AbortController();
  const end = () => {
    reader.cancel();
    // A reader that is there takes its lines whole; one that is stuck must not hold up the end.
    clock.sleep(STUCK_WRITE_MS, over.signal).then(stuck.resolve);
  };
  signal.addEventListener("abort", end);
  if (signal.aborted) end();

  let writtenCount = 0;
  const writing = (async () => {
    let { value: chunk } = await reader.read();
    while (chunk !== undefined && !signal.aborted) {
      const linesCount = stream.linesCount;
      // The next chunk is made while this one is on its way: into a pipe that is half as fast again.
      const [next] = await Promise.all([
        reader.read(),
        writeAll(stdout, chunk).then(() => writtenCount = linesCount),
      ]);
      chunk = next.value;
    }
  })();
  try {
    if (!stdout.isTerminal()) report.startProgress(() => writtenCount);
    await Promise.race([writing, stuck.promise]);
  } catch (exception) {
    if (exception instanceof Deno.errors.BrokenPipe) return; // the reader has what it wanted
    const reason = exception instanceof Error ? exception.message : String(exception);
    throw new Error(`Cannot write to standard output: ${reason}`, { cause: exception });
  } finally {
    signal.removeEventListener("abort", end);
    over.abort();
    await reader.cancel();
    report.end(writtenCount);
  }
}

async function writeAll(stdout: StandardOutput, bytes: Uint8Array): Promise<void> {
  for (let offset = 0; offset < bytes.length;) offset += await stdout.write(bytes.subarray(offset));
}

/**
 * Most bytes of a chunk on standard output. A write to a pipe wakes another thread, which only pays
 * with much to write: 192 KiB took 1.3 times as long.
 */
const PIPE_CHUNK_BYTES_MAX = 512 * 1024;

/** How long a write may take to come to its end after the signal. */
const STUCK_WRITE_MS = 250;
