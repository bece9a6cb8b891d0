import denoJson from "../../deno.json" with { type: "json" };
/** A process that has ended, and what it has used. */
export interface Finished {
  /** When it ended, ms since the epoch with fractions. */
  readonly endedAtMs: number;
  /** From its start to its end. */
  readonly seconds: number;
  readonly stdout: string;
  /** Largest resident memory, of the process alone; undefined where the system does not tell. */
  readonly peakBytes: number | undefined;
}

/** A process that is measured while it runs. */
export class MeasuredProcess {
  readonly pid: number;
  readonly finished: Promise<Finished>;
  readonly #child: Deno.ChildProcess;
  readonly #stdoutText: Promise<string>;
  #firstLine: PromiseWithResolvers<string> = Promise.withResolvers();

  /** @param command the program, by its path or name, and its arguments */
  constructor([program, ...args]: readonly string[]) {
    const startedAtMs = nowMs();
    this.#child = new Deno.Command(program!, {
      args,
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.pid = this.#child.pid;
    this.#stdoutText = this.#readStdout();
    this.finished = this.#finish(args, startedAtMs);
    // Whoever waits for the end learns of a failure; a line that never comes is no second one.
    this.#firstLine.promise.catch(() => {});
  }

  /** The first line of standard output, once it is there. */
  get firstLine(): Promise<string> {
    return this.#firstLine.promise;
  }

  /** Seconds of processor time so far; undefined where the system does not tell. */
  cpuSeconds(): number | undefined {
    let nanoseconds = 0;
    try {
      for (const { name } of Deno.readDirSync(`/proc/${this.pid}/task`)) {
        nanoseconds += parseInt(readProc(this.pid, `task/${name}/schedstat`) ?? "0");
      }
    } catch {
      // Another system than Linux.
      return undefined;
    }
    return nanoseconds / 1e9;
  }

  kill(signal: Deno.Signal = "SIGTERM"): void {
    this.#child.kill(signal);
  }

  async #readStdout(): Promise<string> {
    let text = "";
    for await (const piece of this.#child.stdout.pipeThrough(new TextDecoderStream())) {
      text += piece;
      const newline = text.indexOf("\n");
      if (newline >= 0) this.#firstLine.resolve(text.slice(0, newline));
    }
    this.#firstLine.reject(new Error("The process ended without a line"));
    return text;
  }

  async #finish(args: readonly string[], startedAtMs: number): Promise<Finished> {
    let peakBytes: number | undefined;
    const sampling = setInterval(() => {
      const peak = /VmHWM:\s+(\d+) kB/.exec(readProc(this.pid, "status") ?? "")?.[1];
      if (peak !== undefined) peakBytes = Number(peak) * 1024;
    }, 50);
    const [status, stdout, stderr] = await Promise.all([
      this.#child.status.then((status) => ({ ...status, endedAtMs: nowMs() })),
      this.#stdoutText,
      new Response(this.#child.stderr).text(),
    ]).finally(() => clearInterval(sampling));
    if (!status.success && status.signal !== "SIGTERM") {
      throw new Error(`${args.join(" ")} ended with status ${status.code}:\n${stderr}`);
    }
    const { endedAtMs } = status;
    return { endedAtMs, seconds: (endedAtMs - startedAtMs) / 1000, stdout, peakBytes };
  }
}

/** The time that processes of one machine have in common, ms since the epoch with fractions. */
export function nowMs(): number {
  return performance.timeOrigin + performance.now();
}

function readProc(pid: number, name: string): string | undefined {
  try {
    return Deno.readTextFileSync(`/proc/${pid}/${name}`);
  } catch {
    // Another system than Linux, or the process has just ended.
    return undefined;
  }
}

const ROOT = new URL("../../", import.meta.url).pathname;

/** The command that runs a module of this project. */
export function denoCommand(module: string, ...args: readonly (string | number)[]): string[] {
  return moduleCommand([], module, args);
}

function moduleCommand(
  own: readonly string[],
  module: string,
  args: readonly (string | number)[],
): string[] {
  const flags = [
    ...own,
    "--quiet",
    "--frozen",
    "--no-prompt",
    "--allow-all",
    "--config",
    `${ROOT}deno.json`,
  ];
  return [Deno.execPath(), "run", ...flags, `${ROOT}${module}`, ...args.map(String)];
}

/** The command that runs a command of vigie, in an engine that is set as its task sets it. */
export function vigieCommand(
  command: "gen" | "analyze",
  ...args: readonly (string | number)[]
): string[] {
  const words = denoJson.tasks[command].command.split(" ");
  const engine = words.filter((word) => word.startsWith("--v8-flags="));
  return moduleCommand(engine, "main.ts", [command, ...args]);
}

/** A port that nobody listens on. */
export function freePort(): number {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  return port;
}
