import { resolve } from "node:path";
import { type Clock, systemClock } from "../clock.ts";
import type { AnalyzerConfig, SourceConfig } from "../config.ts";
import type { IpMask } from "../decode/ip_mask.ts";
import { counted } from "../counted.ts";
import { messageOf } from "../exceptions.ts";
import { LimitCounter } from "../limits.ts";
import { type RunningPipeline, startPipeline } from "../pipeline.ts";
import { exposureWarning } from "../socket_options.ts";
import { ConsoleReporter } from "../sink/console_reporter.ts";
import type { Reporter } from "../sink/reporter.ts";
import { showStatus } from "../sink/status_display.ts";
import { StorageRetrier } from "../sink/storage_retrier.ts";
import type { Source } from "../source/source.ts";
import type { LogFiles } from "../source/log_files.ts";
import { FileSource } from "../source/file_source.ts";
import { FollowedFileSource } from "../source/followed_file_source.ts";
import { TcpListenSource } from "../source/tcp_listen_source.ts";
import { TcpSource } from "../source/tcp_source.ts";
import type { Tracing } from "../tracing.ts";
import type { HttpInterface, HttpInterfaceOptions } from "./http_interface.ts";
import { maskedLogFiles, systemLogFiles } from "./log_files.ts";
import { openTelemetry } from "./open_telemetry.ts";
import type { OpenResults, Results } from "./results.ts";
import { StandardInputSource } from "./standard_input_source.ts";
import { type ResultsOptions, StoredResults } from "./stored_results.ts";
import { connectTcp, listenTcp } from "./tcp.ts";
import type { Terminal } from "./terminal.ts";
import { UnsavedResults } from "./unsaved_results.ts";

/** What a run is given by the program around it. */
export interface AnalyzerSurroundings {
  readonly terminal: Terminal;
  /** Stops the run: it flushes, saves a checkpoint and returns. */
  readonly signal: AbortSignal;
  readonly version: string;
  /** Called once HTTP listens, before anything is read. */
  readonly onListening?: (url: string) => void;
}

/**
 * Runs the analyzer on this machine until its sources have ended, or the signal is aborted.
 *
 * @throws {StartException} where it cannot start, with one line that says what to do
 */
export async function runAnalyzer(
  config: AnalyzerConfig,
  surroundings: AnalyzerSurroundings,
): Promise<void> {
  const { terminal, signal, version } = surroundings;
  const clock = systemClock;
  const startedAtMs = clock.wallMs();
  const reporter = new ConsoleReporter(terminal, config);
  const limitCounter = new LimitCounter();
  // The key lies with the results, which are opened last; before that, nothing of a file is kept.
  let ipMask: () => IpMask | undefined = () => undefined;
  const files = maskedLogFiles(systemLogFiles, () => ipMask());
  const sources = await Promise.all(
    config.sources.map((source) => createSource(source, config, { clock, limitCounter, files })),
  );
  // A file that is not there is told before anything is made: a mistyped name leaves no trace.
  // One that is followed need not be there, and after a first start need not even be readable.
  for (const source of sources) if (!source.isLive) await source.prepare(undefined);
  const notice = (line: string) => reporter.notice(line);
  const http = await createHttp({ config, clock, limitCounter, version, startedAtMs, notice });
  const tracing = openTelemetry(version);
  const retrier = new StorageRetrier({ clock, signal, notice, tracing });
  // Locked before HTTP listens, and closed behind it: nobody is answered from a closed history.
  using results = await openResults(config, {
    clock,
    label: fileLabel(startedAtMs),
    notice,
    retrier,
    limitCounter,
  });
  ipMask = () => results.ipMask;
  // Listening comes first: a port in use has to be known before anything is moved or consumed.
  http?.listen();
  try {
    if (config.reset) {
      // The port of a source may be in use as well, or a log that is followed not be readable.
      for (const source of sources) if (source.isLive) await source.prepare(undefined);
      await results.reset();
    }
    const opened = await restore(results, sources, tracing);
    const pipeline = startPipeline({
      ...opened,
      ipMask: results.ipMask,
      config,
      clock,
      sources,
      reporter,
      retrier,
      limitCounter,
      tracing,
      isAnswering: () => http?.isAnswering() ?? false,
      signal,
    });
    http?.serve(pipeline, opened);
    warnOfStrangers(config, notice);
    if (http?.url !== undefined) surroundings.onListening?.(http.url);

    const screen = new AbortController();
    if (terminal.isInteractive && !config.screen.quiet) {
      showStatus(pipeline.board, terminal, clock, screen.signal);
    }
    // Where HTTP is on, lines may still be delivered: then the chain goes on.
    void pipeline.sourcesEnded.then(() =>
      reporter.notice(`All sources have ended: results stay at ${http?.url} until Ctrl-C`)
    );
    try {
      await pipeline.done;
    } finally {
      screen.abort();
    }
    reportEnd(pipeline, signal, reporter);
  } finally {
    await http?.stop();
  }
}

/** @throws {StartException} where there is no token in the file of the token */
async function createHttp(options: HttpInterfaceOptions): Promise<HttpInterface | undefined> {
  const { http } = options.config;
  if (http === undefined) return undefined;
  const { HttpInterface } = await import("./http_interface.ts");
  return await HttpInterface.create(http, options);
}

function warnOfStrangers(
  { sources, listening }: AnalyzerConfig,
  notice: (line: string) => void,
): void {
  for (const source of sources) {
    if (source.kind !== "tcp-listen") continue;
    const warning = exposureWarning(source, listening);
    if (warning !== undefined) notice(warning);
  }
}

async function createSource(
  source: SourceConfig,
  config: AnalyzerConfig,
  { clock, limitCounter, files }: {
    readonly clock: Clock;
    readonly limitCounter: LimitCounter;
    readonly files: LogFiles;
  },
): Promise<Source> {
  const nowMs = () => clock.wallMs();
  const { once, limits, listening, connecting } = config;
  const handshakeTime = { clock, limits, limitCounter };
  switch (source.kind) {
    case "tcp":
    case "tls": {
      const { address } = source;
      const upgrade = source.kind === "tcp"
        ? undefined
        : (await import("./source_tls.ts")).clientUpgrade(address, connecting, handshakeTime);
      return new TcpSource(source.name, {
        connect: (signal) => connectTcp(address, signal, upgrade),
        once,
        nowMs,
        random: Math.random,
      });
    }
    case "tcp-listen": {
      const { allow, tls } = listening;
      const upgrade = tls &&
        (await import("./source_tls.ts")).serverUpgrade(tls, listening, handshakeTime);
      const listen = () => listenTcp(source.address, clock, upgrade);
      return new TcpListenSource(source.name, { listen, allow, once, nowMs });
    }
    case "file": {
      const options = { files, path: resolve(source.path), nowMs };
      return config.follow
        ? new FollowedFileSource(source.name, options)
        : new FileSource(source.name, options);
    }
    case "standard-input":
      return new StandardInputSource(() => Deno.stdin.readable, nowMs);
  }
}

function openResults(config: AnalyzerConfig, options: ResultsOptions): Promise<Results> {
  return config.saves
    ? StoredResults.lock(config, options)
    : Promise.resolve(new UnsavedResults(config, options.limitCounter));
}

async function restore(
  results: Results,
  sources: readonly Source[],
  tracing: Tracing,
): Promise<OpenResults> {
  const span = tracing.begin("restore state");
  try {
    const opened = await results.open(sources);
    const { epoch, state } = opened.recovered;
    span.end({
      "vigie.epoch": epoch,
      "vigie.lines": state?.totals.lines ?? 0,
      "vigie.open_windows": state?.windows.windows.length ?? 0,
    });
    return opened;
  } catch (exception) {
    span.fail(messageOf(exception));
    throw exception;
  }
}

function reportEnd(pipeline: RunningPipeline, signal: AbortSignal, reporter: Reporter): void {
  const { totals, open } = pipeline.board.latest;
  const all = `${counted(totals.lines, "line")}, ${counted(totals.errors, "error")} in all`;
  if (signal.aborted && open.length > 0) {
    const go = open.length === 1 ? "goes" : "go";
    reporter.notice(
      `Stopped: ${all}; ${counted(open.length, "open window")} ${go} on at the next start`,
    );
  } else if (signal.aborted) {
    reporter.notice(`Stopped: ${all}`);
  }
}

/** A time as part of a file name: `20250530T185230.123Z`. */
function fileLabel(timeMs: number): string {
  return new Date(timeMs).toISOString().replaceAll(/[-:]/g, "");
}
