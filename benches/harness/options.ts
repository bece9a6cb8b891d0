import { parseOptions } from "../../command_line/deno/parse_options.ts";
import { option, parseNumber, UsageException } from "../../command_line/options.ts";

/** What both benchmarks of whole programs can be told. */
export interface BenchOptions {
  readonly lines: number;
  readonly runs: number;
  /** How long live traffic is watched. */
  readonly seconds: number;
  /** Where logs are written to, and kept for the next time. */
  readonly data: string;
  /** Sections to run. */
  readonly only: readonly string[];
}

/**
 * Runs the sections of a benchmark that the command line asks for, and prints a table for each.
 * What is wrong with the command line is told in one line, with exit status 2.
 */
export async function runSections(
  sections: Readonly<Record<string, (options: BenchOptions) => Promise<string>>>,
  args: readonly string[],
): Promise<void> {
  let options: BenchOptions;
  try {
    options = benchOptions(args, Object.keys(sections));
  } catch (exception) {
    if (!(exception instanceof UsageException)) throw exception;
    console.error(exception.message);
    Deno.exit(2);
  }
  console.log(`${machineLine()}; ${options.lines} lines, medians of ${options.runs} runs\n`);
  for (const name of options.only) console.log(`## ${name}\n\n${await sections[name]!(options)}\n`);
}

const text = (value: string) => value;

/**
 * Reads the command line.
 *
 * @param sections what `--only` may name
 * @throws {UsageException} where it makes no sense
 */
function benchOptions(args: readonly string[], sections: readonly string[]): BenchOptions {
  const options = parseOptions({
    lines: option({ value: "N", parse: parseNumber, default: 20e6, help: "Lines of a log" }),
    runs: option({ value: "N", parse: parseNumber, default: 5, help: "Runs of each program" }),
    seconds: option({
      value: "N",
      parse: parseNumber,
      default: 10,
      help: "How long live traffic is watched",
    }),
    data: option({
      value: "DIR",
      parse: text,
      default: "benches/data",
      help: "Where logs are kept",
    }),
    only: option({
      value: "NAMES",
      parse: text,
      default: sections.join(),
      help: `Which sections: ${sections.join()}`,
    }),
  }, args);
  const only = options.only.split(",");
  const unknown = only.find((name) => !sections.includes(name));
  if (unknown !== undefined) {
    throw new UsageException(`--only: there is no section ${unknown}, only ${sections.join(", ")}`);
  }
  return { ...options, only };
}

/** One line about the machine and the versions, without which no figure means anything. */
function machineLine(): string {
  const model = readFirst("/proc/cpuinfo", /^model name\s*: (.*)$/m) ?? Deno.build.arch;
  const kilobytes = Number(readFirst("/proc/meminfo", /^MemTotal:\s+(\d+) kB$/m) ?? NaN);
  return `${navigator.hardwareConcurrency} cores (${model}), ` +
    `${Math.round(kilobytes / 1024 ** 2)} GiB, ${Deno.build.os} ${Deno.osRelease()}, ` +
    `Deno ${Deno.version.deno}, V8 ${Deno.version.v8}, ${new Date().toISOString().slice(0, 10)}`;
}

function readFirst(path: string, pattern: RegExp): string | undefined {
  try {
    return pattern.exec(Deno.readTextFileSync(path))?.[1];
  } catch {
    // Another system than Linux.
    return undefined;
  }
}
