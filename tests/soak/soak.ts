/**
 * Lets generator and analyzer run side by side for a long time, scrapes the analyzer every second,
 * and holds everything that it says to what it was sent: `deno task soak --minutes 30 --rate 100000`.
 * Prints a table at the end. Exit status 1, after the reason, where something was wrong; results and
 * state of the analyzer are then left where a line says.
 *
 * @module
 */
import { statfsSync } from "node:fs";
import { parseOptions } from "../../command_line/deno/parse_options.ts";
import {
  option,
  parseCount,
  parseDuration,
  parseNumber,
  parseText,
  UsageException,
} from "../../command_line/options.ts";
import { PROJECT } from "../end_to_end/support.ts";
import { bytesNeeded, runSoak, type SoakOptions } from "./run_soak.ts";
import { memoryFault, soakTable } from "./soak_report.ts";

/** Ends with one line, and exit status 1, where the disk may not hold what is to come. */
function assertRoom(options: SoakOptions, directory: string): void {
  const { bavail, bsize } = statfsSync(directory);
  const needed = bytesNeeded(options);
  if (bavail * bsize > needed) return;
  const gigabytes = (bytes: number) => `${(bytes / 1e9).toFixed(1)} GB`;
  console.error(
    `There is room for ${gigabytes(bavail * bsize)}, and ${gigabytes(needed)} may be needed: ` +
      "take fewer errors or less time",
  );
  Deno.exit(1);
}

/** Reads the command line; what is wrong with it is told in one line, with exit status 2. */
function readOptions(args: readonly string[]): SoakOptions {
  try {
    const { minutes, window, lateness, scrapeInterval, ...options } = parseOptions({
      minutes: option({ value: "N", parse: parseNumber, default: 30, help: "How long" }),
      rate: option({ value: "N", parse: parseNumber, default: 100_000, help: "Lines a second" }),
      statusDist: option({
        value: "A,B,C",
        parse: parseText,
        default: "97,2,1",
        help: "Per cent of status 200, 404 and 500",
      }),
      window: option({
        value: "DURATION",
        parse: parseDuration,
        default: 30_000,
        help: "Length of a window",
      }),
      lateness: option({
        value: "DURATION",
        parse: parseDuration,
        default: 5000,
        help: "Allowed lateness",
      }),
      scrapeInterval: option({
        value: "DURATION",
        parse: parseDuration,
        default: 1000,
        help: "From one scrape to the next",
      }),
      seed: option({ value: "N", parse: parseCount, default: 1, help: "Seed of the generator" }),
    }, args);
    return {
      ...options,
      durationMs: minutes * 60_000,
      windowLengthMs: window,
      latenessMs: lateness,
      scrapeIntervalMs: scrapeInterval,
    };
  } catch (exception) {
    if (!(exception instanceof UsageException)) throw exception;
    console.error(exception.message);
    Deno.exit(2);
  }
}

const options = readOptions(Deno.args);
assertRoom(options, `${PROJECT}output`);
const directory = await Deno.makeTempDir({ dir: `${PROJECT}output`, prefix: "soak-" });
try {
  const facts = await runSoak(options, { directory, progress: (line) => console.log(line) });
  console.log(`\n${soakTable(facts)}`);
  const fault = memoryFault(facts.samples);
  if (fault !== undefined) throw new Error(fault);
  await Deno.remove(directory, { recursive: true });
} catch (exception) {
  console.error(exception);
  console.error(`Results and state are left in ${directory}`);
  Deno.exit(1);
}
