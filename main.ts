/**
 * vigie's command line: parse, wire, run. Start reading at `analyzer/pipeline.ts`.
 *
 * @module
 */
import { dirname, join } from "node:path";
import { type AnalyzerConfig, analyzerConfig, analyzerOptions } from "./analyzer/config.ts";
import { runAnalyzer } from "./analyzer/deno/run_analyzer.ts";
import { isOfTheSystem } from "./analyzer/deno/system_exception.ts";
import { Terminal } from "./analyzer/deno/terminal.ts";
import { limitRows } from "./analyzer/limit_options.ts";
import { messageOf, StartException, StorageException } from "./analyzer/exceptions.ts";
import { parseOptions } from "./command_line/deno/parse_options.ts";
import {
  grantingCommand,
  missingPermissions,
  type Need,
  netNeed,
} from "./command_line/deno/permissions.ts";
import { escapeText } from "./command_line/escape_text.ts";
import { renderHelp } from "./command_line/help.ts";
import { nearest } from "./command_line/nearest.ts";
import {
  flag,
  type HostPort,
  option,
  type OptionTable,
  parseHostPort,
  parseNumber,
  quoted,
  UsageException,
} from "./command_line/options.ts";
import denoJson from "./deno.json" with { type: "json" };
import { generatorConfig, generatorOptions } from "./generator/config.ts";
import { runGenerator } from "./generator/deno/run_generator.ts";
import { serveStream } from "./generator/deno/stream_server.ts";

interface Command {
  readonly summary: string;
  readonly options: OptionTable;
  readonly examples: readonly string[];
  /** What `--help TOPIC` prints. */
  readonly topics?: Readonly<Record<string, string>>;
  /** Returns the exit status. */
  run(args: readonly string[], signal: AbortSignal, stop: () => void): Promise<number>;
}

const demoOptions = {
  rate: option({
    value: "N",
    parse: parseNumber,
    default: 50,
    help: "Lines a second, history included",
  }),
  http: option({
    value: "HOST:PORT",
    parse: (text) => parseHostPort(text),
    default: undefined,
    defaultText: "127.0.0.1:8000, or a free port",
    help: "Where results are served over HTTP",
  }),
};

const COMMANDS: Readonly<Record<string, Command>> = {
  gen: {
    summary: "Writes realistic access-log lines to standard output, or serves them on a port.",
    options: generatorOptions,
    examples: [
      "deno task gen --count 5",
      "deno task gen --urls 1000 --rate 1000 | nc -lk 9999",
      "deno task gen --rate 1000 --backfill 10m --burst 500:x10@2m/20s --listen 9999",
    ],
    run: gen,
  },
  analyze: {
    summary:
      "Reads access logs, keeps every error, and reports HTTP errors, distinct clients and " +
      "failing URLs per window of event time.",
    options: analyzerOptions,
    examples: [
      "deno task analyze",
      "deno task analyze --source tcp-listen://127.0.0.1:9999 --window 1m --show-urls",
      "deno task analyze --source file:access.jsonl --once --no-http --output-format json",
      "deno task analyze --source file:access.log --follow",
      "tail -n 0 -F access.log | deno task analyze --source -",
    ],
    topics: {
      limits: renderHelp({
        usage: "deno task analyze --limit NAME=VALUE",
        summary: "Bounds on what input may make vigie keep or do. What goes beyond one is " +
          "counted: see vigie_limit_reached_total in docs/METRICS.md.",
        lists: { "Limits": limitRows() },
        examples: [
          "deno task analyze --limit line-bytes=1MiB --limit delivery-silence=10s",
        ],
      }),
    },
    run: analyze,
  },
  demo: {
    summary: "Generator, socket, analyzer and HTTP in one command, with ten minutes of history.",
    options: demoOptions,
    examples: ["deno task demo", "deno task demo --rate 1000"],
    run: demo,
  },
};

async function gen(args: readonly string[], signal: AbortSignal): Promise<number> {
  const config = generatorConfig(parseOptions(generatorOptions, args));
  requirePermissions(config.listen === undefined ? [] : [netNeed(config.listen)], "gen", args);
  return await runGenerator(config, { signal });
}

async function analyze(
  args: readonly string[],
  signal: AbortSignal,
  stop: () => void,
): Promise<number> {
  const config = analyzerConfig(parseOptions(analyzerOptions, args));
  requirePermissions(analyzerNeeds(config), "analyze", args);
  return await onTerminal(signal, stop, (terminal) =>
    runAnalyzer(config, {
      terminal,
      signal,
      version: denoJson.version,
      onListening: (url) =>
        terminal.notice(`Results: ${url}/metrics, ${url}/windows; in a browser: ${url}/`),
    }));
}

async function demo(
  args: readonly string[],
  signal: AbortSignal,
  stop: () => void,
): Promise<number> {
  const { rate, http } = parseOptions(demoOptions, args);
  requirePermissions(http === undefined ? [] : [netNeed(http)], "demo", args);
  return await onTerminal(
    signal,
    stop,
    (terminal) => demonstrate({ rate, http }, terminal, signal),
  );
}

async function demonstrate(
  { rate, http }: { readonly rate: number; readonly http: HostPort | undefined },
  terminal: Terminal,
  signal: AbortSignal,
): Promise<void> {
  const started = new Date().toISOString().replaceAll(":", "-").replace(/\..*/, "Z");
  const output = join("output", "demo", started);
  const traffic = ["--rate", String(rate), "--urls", "100", "--ips", "500"];
  const troubles = ["--backfill", "10m", "--burst", "500:x10@2m/20s", "--late", "0.1%@45s"];
  const server = serveStream(
    generatorConfig(parseOptions(generatorOptions, [...traffic, ...troubles])),
    { hostname: "127.0.0.1", port: 0, notice: (line) => terminal.notice(line) },
  );
  const config = analyzerConfig({
    ...parseOptions(analyzerOptions, ["--source", `tcp://${server.address}`]),
    output,
    checkpoint: join(output, "checkpoint"),
    http: http ?? freeAddress({ hostname: "127.0.0.1", port: 8000 }),
  });
  let introduction: ReturnType<typeof setTimeout> | undefined;
  try {
    await runAnalyzer(config, {
      terminal,
      signal,
      version: denoJson.version,
      onListening: (url) => {
        terminal.notice(
          `vigie demo: ${rate} lines a second, and first the last ten minutes of them`,
        );
        // The history scrolls by at once; what to do next belongs below it.
        introduction = setTimeout(() => introduce(url, output, terminal), 1500);
      },
    });
  } finally {
    clearTimeout(introduction);
    await server.close();
  }
}

function introduce(url: string, output: string, terminal: Terminal): void {
  terminal.notice(
    [
      "",
      `  Open   ${url}/  in a browser`,
      `  Try    curl -s ${url}/metrics | jq .totals`,
      `         curl -s ${url}/windows/current | jq .`,
      `         curl -s '${url}/windows?limit=3' | jq '.windows[0].statuses'`,
      `         curl -s -H 'Accept: text/plain' ${url}/metrics`,
      `  Files  ${join(Deno.cwd(), output)}`,
      "  Stop   Ctrl-C",
      "",
    ].join("\n"),
  );
}

/** The address itself, or one with a port that the system picks where it is taken. */
function freeAddress(address: HostPort): HostPort {
  try {
    Deno.listen(address).close();
    return address;
  } catch (exception) {
    if (exception instanceof Deno.errors.AddrInUse) return { ...address, port: 0 };
    throw exception;
  }
}

function analyzerNeeds(config: AnalyzerConfig): Need[] {
  const needs: Need[] = [];
  for (const source of config.sources) {
    if ("address" in source) needs.push(netNeed(source.address));
    // Where a followed file goes when it is rotated, lies beside it.
    if (source.kind === "file") {
      needs.push({ name: "read", path: config.follow ? dirname(source.path) : source.path });
    }
  }
  const { listening, connecting } = config;
  const trust = [listening.clientAuthorities, connecting.authorities];
  for (const files of [listening.tls, connecting.tls]) trust.push(files?.certificate, files?.key);
  for (const path of trust) if (path !== undefined) needs.push({ name: "read", path });
  if (config.http !== undefined) needs.push(netNeed(config.http));
  if (config.tokenFile !== undefined) needs.push({ name: "read", path: config.tokenFile });
  for (const path of config.saves ? [config.output, config.checkpoint] : []) {
    needs.push({ name: "read", path }, { name: "write", path });
  }
  return needs;
}

/** @throws {DeniedException} where any of them is missing */
function requirePermissions(needs: readonly Need[], command: string, args: readonly string[]) {
  const missing = missingPermissions(needs);
  if (missing.length > 0) throw new DeniedException(missing, [command, ...args]);
}

/** Deno was not allowed something: told in two lines, of which the second is a command to copy. */
class DeniedException extends Error {
  override readonly name = "DeniedException";

  constructor(missing: readonly Need[], args: readonly string[]) {
    super(howToPermit(missing, args));
  }
}

function howToPermit(missing: readonly Need[], args: readonly string[]): string {
  return "Deno was not allowed to do this. This command allows it:\n" +
    `  ${grantingCommand(missing, args)}`;
}

/** What Deno has just denied, such as a file behind a link; it tells so in its message only. */
function deniedNeed(exception: Error): Need | undefined {
  const [, name, what] = /^Requires (net|read|write) access to "(.+?)"/.exec(exception.message) ??
    [];
  if (what === undefined) return undefined;
  return name === "net" ? { name, host: what } : { name: name as "read" | "write", path: what };
}

/** Aborts at the first request to stop; a second one much later ends the program as it stands. */
function listenForSignals(stop: () => void): void {
  let firstMs: number | undefined;
  for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    Deno.addSignalListener(name, () => {
      const nowMs = performance.now();
      // Under npx a Ctrl-C comes twice: repeats within a second are one request.
      if (firstMs !== undefined && nowMs - firstMs > 1000) Deno.exit(1);
      firstMs ??= nowMs;
      stop();
    });
  }
}

/** Runs something on the terminal of this process, and lets its readers have all of the output. */
async function onTerminal(
  signal: AbortSignal,
  stop: () => void,
  run: (terminal: Terminal) => Promise<void>,
): Promise<number> {
  const terminal = Terminal.open(signal, stop);
  try {
    await run(terminal);
  } catch (exception) {
    // What went wrong has to be told even where a reader is stuck, so that is not waited for.
    stop();
    throw exception;
  } finally {
    if (!await terminal.flush()) {
      await complain("vigie: ended before all of its output was read");
    }
  }
  return 0;
}

/** Writes one line, or several, to standard error; a reader that does not read is no obstacle. */
async function complain(text: string): Promise<void> {
  // What cannot be said on standard error cannot be said at all; the exit status still tells.
  const written = Deno.stderr.write(new TextEncoder().encode(text + "\n")).catch(() => {});
  await Promise.race([written, new Promise((resolve) => setTimeout(resolve, COMPLAINT_WAIT_MS))]);
}

const COMPLAINT_WAIT_MS = 250;

/** Prints to standard output; a reader that went away has seen enough. */
function show(text: string): number {
  try {
    Deno.stdout.writeSync(new TextEncoder().encode(text));
  } catch (exception) {
    if (!(exception instanceof Deno.errors.BrokenPipe)) throw exception;
  }
  return 0;
}

async function main(args: readonly string[]): Promise<number> {
  const [name, ...rest] = args;
  const asksForHelp = (word: string) => word === "--help" || word === "-h";
  if (name === "--version") return show(`vigie ${denoJson.version}\n`);
  if (name === undefined || asksForHelp(name)) {
    show(renderHelp({
      usage: "deno task gen|analyze|demo [options]",
      summary: "vigie watches HTTP errors live: what is failing right now, for how many clients, " +
        "on which URLs, since when.",
      commands: Object.fromEntries(
        Object.entries(COMMANDS).map(([command, { summary }]) => [command, summary]),
      ),
      options: {
        help: flag({ help: "Show this, or the options of a command" }),
        version: flag({ help: "Show the version" }),
      },
      examples: ["deno task demo", "deno task analyze --help"],
    }));
    return name === undefined ? 2 : 0;
  }
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (command === undefined) {
    const near = nearest(name, Object.keys(COMMANDS));
    throw new UsageException(
      `unknown command ${quoted(name)}: ` +
        (near === undefined ? "see --help" : `did you mean ${near}?`),
    );
  }
  if (rest.includes("--version")) return show(`vigie ${denoJson.version}\n`);
  const helpIndex = rest.findIndex(asksForHelp);
  if (helpIndex >= 0) {
    const { summary, options, examples, topics = {} } = command;
    const topic = rest[helpIndex + 1] ?? "";
    if (Object.hasOwn(topics, topic)) return show(topics[topic]!);
    const usage = `deno task ${name} [options]`;
    return show(renderHelp({ usage, summary, options, examples }));
  }
  const stopping = new AbortController();
  const stop = () => stopping.abort();
  listenForSignals(stop);
  return await command.run(rest, stopping.signal, stop);
}

/** Says what went wrong, in one line where it is not our mistake. Returns the exit status. */
async function explain(exception: unknown): Promise<number> {
  if (exception instanceof UsageException || exception instanceof StartException) {
    await complain(`vigie: ${oneLine(exception.message)}`);
    return exception instanceof StartException ? exception.exitStatus : 2;
  }
  if (exception instanceof DeniedException) {
    await complain(`vigie: ${exception.message}`);
    return 1;
  }
  const denied = exception instanceof Deno.errors.NotCapable ? deniedNeed(exception) : undefined;
  if (denied !== undefined) {
    await complain(`vigie: ${howToPermit([denied], Deno.args)}`);
    return 1;
  }
  if (exception instanceof StorageException || hasSystemCause(exception)) {
    const why = oneLine(messageOf(exception));
    await complain(`vigie: stopped: ${why}; start it again to go on where it was`);
  } else {
    await complain(`vigie: stopped by a fault of its own; start it again to go on where it was`);
    const stack = exception instanceof Error ? exception.stack ?? exception.message : exception;
    await complain(String(stack).split("\n").map(oneLine).join("\n"));
  }
  return 1;
}

/** A message as one line that a terminal only shows: it may name files, or quote what was read. */
function oneLine(message: string): string {
  return escapeText(message, { lengthMax: 2000 });
}

/** Whether the machine said no, to this or to what has failed for want of it. */
function hasSystemCause(exception: unknown): boolean {
  return isOfTheSystem(exception) ||
    (exception instanceof Error && exception.cause !== undefined &&
      hasSystemCause(exception.cause));
}

if (import.meta.main) {
  let status: number;
  try {
    status = await main(Deno.args);
  } catch (exception) {
    status = await explain(exception);
  }
  // Reads and writes that nothing can interrupt (a terminal, a stuck pipe) must not keep us.
  Deno.exit(status);
}
