/**
 * Tries what reads from strangers on far more than the tests do: `deno task fuzz`. Prints the seed;
 * with it the same happens again.
 *
 * - `lines`: both readers of lines have to read mutated ones alike
 * - `parsers`: every parser, from options to checkpoints
 * - `routes`: every route of the HTTP interface
 *
 * @module
 */
import { parseOptions } from "../../command_line/deno/parse_options.ts";
import { oneOf, option, parseCount, UsageException } from "../../command_line/options.ts";
import { fuzzLines } from "./fuzz_lines.ts";
import { type FuzzOptions, fuzzParsers } from "./fuzz_parsers.ts";
import { fuzzRoutes } from "./fuzz_routes.ts";

const KINDS = ["lines", "parsers", "routes"] as const;

const options = {
  cases: option({
    value: "N",
    parse: parseCount,
    default: 1_000_000,
    help: "Lines; of parsers and routes, which take longer, a tenth as many",
  }),
  seed: option({
    value: "SEED",
    parse: parseCount,
    default: crypto.getRandomValues(new Uint32Array(1))[0]!,
    help: "Decides about everything",
  }),
  only: option({
    value: KINDS.join("|"),
    parse: oneOf(...KINDS),
    default: undefined,
    help: "One kind only; then of all that many cases",
  }),
};

const { cases, seed, only } = readOptions();
for (const kind of only === undefined ? KINDS : [only]) {
  const count = only === undefined && kind !== "lines" ? Math.ceil(cases / 10) : cases;
  console.log(`${kind}: ${count} cases from seed ${seed} on`);
  const startedAtMs = performance.now();
  await run(kind, { seed, cases: count });
  console.log(
    `${kind}: as they should be, ${((performance.now() - startedAtMs) / 1000).toFixed(0)} s`,
  );
}

async function run(kind: (typeof KINDS)[number], options: FuzzOptions): Promise<void> {
  switch (kind) {
    case "lines":
      return fuzzLines(options);
    case "parsers":
      return await fuzzParsers(options);
    case "routes": {
      const statuses = [...await fuzzRoutes(options)].sort(([a], [b]) => a - b);
      console.log(statuses.map(([status, count]) => `${status}: ${count}`).join(", "));
    }
  }
}

function readOptions() {
  try {
    return parseOptions(options, Deno.args);
  } catch (exception) {
    if (!(exception instanceof UsageException)) throw exception;
    console.error(exception.message);
    Deno.exit(2);
  }
}
