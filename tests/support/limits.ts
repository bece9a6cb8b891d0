import { DEFAULT_LIMITS, LimitCounter, type Limits } from "../../analyzer/limits.ts";

/** The usual limits but for some, and a counter of their own. */
export function testLimits(
  limits: Partial<Limits> = {},
): { readonly limits: Limits; readonly limitCounter: LimitCounter } {
  return { limits: { ...DEFAULT_LIMITS, ...limits }, limitCounter: new LimitCounter() };
}
