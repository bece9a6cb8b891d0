import { escapeText } from "../command_line/escape_text.ts";
import {
  flag,
  type HostPort,
  oneOf,
  option,
  type OptionValues,
  parseCount,
  parseDuration,
  parseHostPort,
  parseText,
  quoted,
  repeated,
  UsageException,
} from "../command_line/options.ts";
import { STATUS_MAX, STATUS_MIN } from "../log_format/log_record.ts";
import type { LineFormat } from "./decode/parse_line.ts";
import { parseHostName } from "./http/host_list.ts";
import { limitsOf, parseLimit } from "./limit_options.ts";
import type { Limits } from "./limits.ts";
import {
  type ConnectingConfig,
  connectingConfig,
  type ListeningConfig,
  listeningConfig,
  socketOptions,
} from "./socket_options.ts";

/** What a run of the analyzer does; checked, relations between the fields included. */
export interface AnalyzerConfig {
  readonly sources: readonly SourceConfig[];
  readonly listening: ListeningConfig;
  readonly connecting: ConnectingConfig;
  readonly format: LineFormat;
  readonly windowLengthMs: number;
  readonly minStatus: number;
  readonly latenessMs: number;
  readonly idleTimeoutMs: number;
  /** `Infinity` where no time is too far ahead. */
  readonly maxFutureMs: number;
  /** `Infinity` where nothing is saved. */
  readonly checkpointIntervalMs: number;
  /** Whether errors, windows and the state are kept on disk; else nothing is written at all. */
  readonly saves: boolean;
  /** Whether what an earlier run left is moved aside first. */
  readonly reset: boolean;
  /** How long stored errors and windows are kept; `Infinity` for ever. */
  readonly retentionMs: number;
  /** Whether addresses are kept as keyed hashes only. */
  readonly maskIp: boolean;
  /** Directory of the results. */
  readonly output: string;
  /** Directory of the checkpoints. */
  readonly checkpoint: string;
  /** Where HTTP listens; `undefined` for no HTTP. */
  readonly http: HostPort | undefined;
  /** Names under which HTTP may be asked, beside those of this machine. */
  readonly httpHosts: readonly string[];
  /** File of the token that HTTP wants; `undefined` where it wants none. */
  readonly tokenFile: string | undefined;
  readonly once: boolean;
  /** Whether files are followed as they grow and are rotated; else they are read to their end. */
  readonly follow: boolean;
  readonly limits: Limits;
  readonly screen: ScreenConfig;
}

/** What appears on the screen. */
export interface ScreenConfig {
  readonly quiet: boolean;
  readonly showUrls: boolean;
  readonly outputFormat: "table" | "json";
}

/** A source as named on the command line; `name` is how it was written. */
export type SourceConfig =
  | { readonly kind: "tcp"; readonly name: string; readonly address: HostPort }
  | { readonly kind: "tls"; readonly name: string; readonly address: HostPort }
  | { readonly kind: "tcp-listen"; readonly name: string; readonly address: HostPort }
  | { readonly kind: "file"; readonly name: string; readonly path: string }
  | { readonly kind: "standard-input"; readonly name: string };

/** The options of the command `analyze`. */
export const analyzerOptions = {
  source: repeated({
    value: "SOURCE",
    parse: parseSource,
    default: [parseSource("tcp://127.0.0.1:9999")],
    defaultText: "tcp://127.0.0.1:9999",
    help: "tcp://HOST:PORT connects, tls://HOST:PORT over TLS, tcp-listen://HOST:PORT accepts " +
      "connections, file:PATH reads a file to its end, - reads standard input",
  }),
  ...socketOptions,
  format: option({
    value: "auto|json|csv",
    parse: oneOf("auto", "json", "csv"),
    default: "auto",
    help: "Format of the lines; auto: one that starts with { is JSON, another CSV",
  }),
  window: option({
    value: "DURATION",
    parse: parseWindowLength,
    default: 30_000,
    defaultText: "30s",
    help: "Length of a window of event time, 1ms to 7d",
  }),
  minStatus: option({
    value: "STATUS",
    parse: parseStatus,
    default: 400,
    help: "Lowest HTTP status that is an error",
  }),
  lateness: option({
    value: "DURATION",
    parse: (text) => text === "0" ? 0 : parseDuration(text),
    default: 5000,
    defaultText: "5s",
    help: "How far lines may be out of order and still be counted in their window",
  }),
  idleTimeout: option({
    value: "DURATION",
    parse: parseDuration,
    default: 5000,
    defaultText: "5s",
    help: "After so long without a line, windows close by the clock",
  }),
  maxFuture: option({
    value: "DURATION|off",
    parse: (text) => text === "off" ? Infinity : parseDuration(text),
    default: 300_000,
    defaultText: "5m",
    help: "Lines farther ahead of the clock are counted, but move no window",
  }),
  checkpointInterval: option({
    value: "DURATION",
    parse: parseDuration,
    default: 1000,
    defaultText: "1s",
    help: "How often results are made durable: what a crash can lose of a live source",
  }),
  output: option({
    value: "DIRECTORY",
    parse: parseText,
    default: "output",
    help: "Where errors and windows are stored",
  }),
  checkpoint: option({
    value: "DIRECTORY",
    parse: parseText,
    default: "checkpoint",
    help: "Where the state is kept from which a restart goes on",
  }),
  retention: option({
    value: "DURATION|off",
    parse: (text) => text === "off" ? Infinity : parseDuration(text),
    default: Infinity,
    defaultText: "off",
    help: "How long stored errors and windows are kept, such as 30d; older ones are removed",
  }),
  maskIp: flag({
    help: "Store no addresses, but keyed hashes of them, and of each error its five fields only",
  }),
  noSave: flag({
    help: "Count only: write no files, and begin anew at each start; HTTP has the latest windows",
  }),
  reset: flag({ help: "Move results and state of earlier runs aside, and begin anew" }),
  http: option({
    value: "HOST:PORT",
    parse: (text) => parseHostPort(text),
    default: undefined,
    defaultText: "127.0.0.1:8000",
    help: "Where results are served over HTTP, and lines are taken (POST /logs)",
  }),
  tokenFile: option({
    value: "FILE",
    parse: parseText,
    default: undefined,
    help: "Serve only who sends the token in this file (Authorization: Bearer TOKEN), all but " +
      "/healthz",
  }),
  httpHost: repeated({
    value: "NAME",
    parse: parseHostName,
    default: [],
    help: "Another name under which HTTP is asked, such as that of a reverse proxy before it",
  }),
  noHttp: flag({ help: "Serve nothing over HTTP" }),
  once: flag({
    help: "Exit when the sources have ended; tcp:// ends when it is closed, tcp-listen:// with " +
      "its last connection",
  }),
  follow: flag({
    help: "Follow the files of file:PATH as they grow, also when they are rotated: renamed and " +
      "created anew, or emptied in place",
  }),
  limit: repeated({
    value: "NAME=VALUE",
    parse: parseLimit,
    default: [],
    help: "Sets a bound on what input may make vigie keep or do, such as line-bytes=1MiB; " +
      "--help limits lists them",
  }),
  outputFormat: option({
    value: "table|json",
    parse: oneOf("table", "json"),
    default: "table",
    help: "How closed windows are printed; json: one line each",
  }),
  showUrls: flag({ help: "Print the failing URLs under each table" }),
  quiet: flag({ help: "Print no windows and no status line" }),
};

/**
 * Turns the values of the options into the configuration of a run.
 *
 * @throws {UsageException} where options contradict each other
 */
export function analyzerConfig(values: OptionValues<typeof analyzerOptions>): AnalyzerConfig {
  if (values.noHttp && values.http !== undefined) {
    throw new UsageException("--http and --no-http contradict each other: write one of them");
  }
  if (values.noHttp && values.tokenFile !== undefined) {
    throw new UsageException("--token-file and --no-http contradict each other: write one of them");
  }
  if (values.noHttp && values.httpHost.length > 0) {
    throw new UsageException("--http-host and --no-http contradict each other: write one of them");
  }
  if (values.noSave && values.reset) {
    throw new UsageException("--reset and --no-save contradict each other: write one of them");
  }
  if (values.noSave && values.retention < Infinity) {
    throw new UsageException("--retention and --no-save contradict each other: write one of them");
  }
  if (values.follow && values.once) {
    throw new UsageException("--follow and --once contradict each other: write one of them");
  }
  if (values.follow && !values.source.some(({ kind }) => kind === "file")) {
    throw new UsageException("--follow needs a file to follow: add --source file:PATH");
  }
  const kinds = values.source.map(({ kind }) => kind);
  const listening = listeningConfig(values, kinds);
  const connecting = connectingConfig(values, kinds);
  const names = values.source.map(({ name }) => name);
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined) {
    throw new UsageException(
      `--source ${escapeText(twice, { lengthMax: 60 })} is given more than once: write it once`,
    );
  }
  const limits = limitsOf(values.limit);
  if (values.lateness / values.window > limits.openWindows - 2) {
    throw new UsageException(
      `--lateness keeps more than ${limits.openWindows} windows open: ` +
        "take a shorter one, a longer --window, or --limit open-windows=N",
    );
  }
  return {
    sources: values.source,
    listening,
    connecting,
    format: values.format,
    windowLengthMs: values.window,
    minStatus: values.minStatus,
    latenessMs: values.lateness,
    idleTimeoutMs: values.idleTimeout,
    maxFutureMs: values.maxFuture,
    checkpointIntervalMs: values.noSave ? Infinity : values.checkpointInterval,
    saves: !values.noSave,
    reset: values.reset,
    retentionMs: values.retention,
    maskIp: values.maskIp,
    output: values.output,
    checkpoint: values.checkpoint,
    http: values.noHttp ? undefined : values.http ?? HTTP_DEFAULT,
    httpHosts: values.httpHost,
    tokenFile: values.tokenFile,
    once: values.once,
    follow: values.follow,
    limits,
    screen: {
      quiet: values.quiet,
      showUrls: values.showUrls,
      outputFormat: values.outputFormat,
    },
  };
}

const HTTP_DEFAULT: HostPort = { hostname: "127.0.0.1", port: 8000 };

function parseSource(name: string): SourceConfig {
  if (name === "-") return { kind: "standard-input", name };
  const [, kind, rest] = /^(tcp|tls|tcp-listen):\/\/(.+)$/.exec(name) ?? [];
  if (kind !== undefined && rest?.includes(":")) {
    const address = parseHostPort(rest);
    return { kind: kind as "tcp" | "tls" | "tcp-listen", name, address };
  }
  const path = /^file:(?:\/\/(?=\/))?(.+)$/.exec(name)?.[1];
  if (path !== undefined) return { kind: "file", name, path };
  throw new RangeError(
    `${quoted(name)} is not a source: write tcp://HOST:PORT, tls://HOST:PORT, ` +
      "tcp-listen://HOST:PORT, file:PATH or -",
  );
}

function parseWindowLength(text: string): number {
  const lengthMs = parseDuration(text);
  if (lengthMs > WINDOW_LENGTH_MAX_MS) {
    throw new RangeError(`${quoted(text)} is not from 1ms to 7d`);
  }
  return lengthMs;
}

const WINDOW_LENGTH_MAX_MS = 7 * 24 * 60 * 60 * 1000;

function parseStatus(text: string): number {
  const status = parseCount(text);
  if (status < STATUS_MIN || status > STATUS_MAX) {
    throw new RangeError(`${quoted(text)} is not from ${STATUS_MIN} to ${STATUS_MAX}`);
  }
  return status;
}
