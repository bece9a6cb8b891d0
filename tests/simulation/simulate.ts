/**
 * Runs simulations with many seeds: `deno task simulate --seeds N [--first SEED]`. Prints what they
 * went through; the seed of one that fails, and why, at once.
 *
 * @module
 */
import { parseOptions } from "../../command_line/deno/parse_options.ts";
import { option, parseCount } from "../../command_line/options.ts";
import { simulate } from "./simulation.ts";

const options = {
  seeds: option({ value: "N", parse: parseCount, default: 1000, help: "How many" }),
  first: option({ value: "SEED", parse: parseCount, default: 1, help: "The first seed" }),
};

if (import.meta.main) {
  const { seeds, first } = parseOptions(options, Deno.args);
  const events = new Map<string, number>();
  const failed: number[] = [];
  const startedAtMs = performance.now();
  for (let seed = first; seed < first + seeds; seed++) {
    try {
      for (const [event, count] of await simulate(seed)) {
        events.set(event, (events.get(event) ?? 0) + count);
      }
    } catch (exception) {
      failed.push(seed);
      console.error(`seed ${seed}:`, exception);
    }
  }
  const seconds = (performance.now() - startedAtMs) / 1000;
  for (const [event, count] of [...events].sort()) console.log(`${event}: ${count}`);
  console.log(
    `seeds ${first} to ${first + seeds - 1}: ${failed.length} failed; ${seconds.toFixed(0)} s`,
  );
  if (failed.length > 0) Deno.exit(1);
}
