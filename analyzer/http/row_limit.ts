import * as v from "valibot";
import type { AppDeps } from "./app_deps.ts";
import { integer } from "./api/parameter_schemas.ts";
import { readParameter } from "./query_parameters.ts";

/**
 * How many rows an answer may hold, by its parameter `limit`: up to `--limit response-rows`.
 *
 * @throws {Refusal} 400 where more are asked for, or none, or anything else
 */
export function readRowLimit(
  value: string | undefined,
  { limits, limitCounter }: Pick<AppDeps, "limits" | "limitCounter">,
): number {
  const max = limits.responseRows;
  if (Number(value) > max) limitCounter.reach("responseRows");
  const schema = v.optional(integer({ min: 1, max }), Math.min(ROWS_DEFAULT, max));
  return readParameter(schema, "limit", value);
}

const ROWS_DEFAULT = 100;
