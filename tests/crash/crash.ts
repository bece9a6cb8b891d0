/**
 * Kills the analyzer at random moments and compares what it leaves with an undisturbed run:
 * `deno task test:crash --runs N [--seed S]`. Prints the seed: it decides about traffic and plans,
 * while the moment that a kill hits is up to the machine. Not all kills are blind: checkpoints and
 * recovery take a small part of the time, so about two in three wait until the disk shows a step of
 * one, see `planKill()`; the tables at the end tell how many did, and where all of them have hit.
 *
 * Ends with exit status 1 where anything differs, or where 50 kills or more have never hit what they
 * have to.
 *
 * @module
 */
import { parseOptions } from "../../command_line/deno/parse_options.ts";
import { option, parseCount, UsageException } from "../../command_line/options.ts";
import { type CrashOptions, findUnreached, formatCrashes, runCrashes } from "./crash_run.ts";

const options = readOptions();
console.log(`${options.runs} kills from seed ${options.seed} on`);
let campaignCount = 0;
const report = await runCrashes({
  ...options,
  onCampaign: (transport, { name, lineCount, kills }) => {
    campaignCount++;
    console.log(
      `${campaignCount}: ${transport}, ${name}: ${lineCount} lines, ${kills.length} kills`,
    );
  },
});
console.log(`\n${formatCrashes(report)}`);
const unreached = findUnreached(report);
for (const line of unreached) console.error(`This proves nothing: ${line}`);
if (unreached.length > 0) Deno.exit(1);
console.log("Windows, totals and error files are those of undisturbed runs.");

function readOptions(): CrashOptions {
  try {
    return parseOptions({
      runs: option({ value: "N", parse: parseKills, default: 50, help: "Kills" }),
      seed: option({
        value: "N",
        parse: parseCount,
        default: Date.now() % 2 ** 31,
        help: "Decides about traffic and plans",
      }),
    }, Deno.args);
  } catch (exception) {
    if (!(exception instanceof UsageException)) throw exception;
    console.error(exception.message);
    Deno.exit(2);
  }
}

/** @throws {RangeError} for none: that would find nothing wrong */
function parseKills(text: string): number {
  const count = parseCount(text);
  if (count === 0) throw new RangeError("0 kills prove nothing: write a number from 1 on");
  return count;
}
