/** @import { Frame, Range } from "./types.ts" */

const [SECOND, MINUTE, HOUR, DAY] = [1000, 60_000, 3_600_000, 86_400_000];

/** Lengths of time that a click chooses, shortest first. */
export const PRESETS = [
  { name: "15m", label: "15 min", title: "the last 15 minutes", ms: 15 * MINUTE },
  { name: "1h", label: "1 h", title: "the last hour", ms: HOUR },
  { name: "6h", label: "6 h", title: "the last 6 hours", ms: 6 * HOUR },
  { name: "24h", label: "24 h", title: "the last 24 hours", ms: DAY },
  { name: "7d", label: "7 d", title: "the last 7 days", ms: 7 * DAY },
  { name: "30d", label: "30 d", title: "the last 30 days", ms: 30 * DAY },
];

/** The range of an address that names none. */
export const PRESET_DEFAULT = "1h";

/** More points than this are no longer seen as such, and cost time on both sides. */
export const POINTS_MAX = 500;

/** Steps that people count in; a year is in reach of the last. */
const STEPS = [
  ...[1, 2, 5, 10, 15, 30].map((count) => count * SECOND),
  ...[1, 2, 5, 10, 15, 30].map((count) => count * MINUTE),
  ...[1, 2, 3, 6, 12].map((count) => count * HOUR),
  ...[1, 2, 7, 14, 28].map((count) => count * DAY),
];

/**
 * The shortest step, a multiple of the window, that draws so long a time in at most
 * {@linkcode POINTS_MAX} points. Windows of an odd length have multiples of their own.
 *
 * @param {number} spanMs
 * @param {number} windowMs
 */
export function stepFor(spanMs, windowMs) {
  const leastMs = spanMs / POINTS_MAX;
  if (windowMs >= leastMs) return windowMs;
  // A multiple of an odd window may come only after days.
  return STEPS.find((stepMs) =>
    stepMs >= leastMs && stepMs <= 4 * leastMs && stepMs % windowMs === 0
  ) ?? Math.ceil(leastMs / windowMs) * windowMs;
}

/**
 * The ends of a range, on bounds of its steps, so that no bucket is cut. `nowMs` is the end of the
 * newest window: of a log that is replayed, the wall clock knows nothing.
 *
 * @param {Range} range
 * @param {{ nowMs: number, windowMs: number }} times
 * @returns {Frame}
 */
export function frameOf(range, { nowMs, windowMs }) {
  if ("preset" in range) {
    const spanMs = presetOf(range.preset).ms;
    const stepMs = stepFor(spanMs, windowMs);
    const toMs = Math.ceil(nowMs / stepMs) * stepMs;
    return { fromMs: toMs - Math.ceil(spanMs / stepMs) * stepMs, toMs, stepMs };
  }
  const stepMs = stepFor(range.toMs - range.fromMs, windowMs);
  const fromMs = Math.floor(range.fromMs / stepMs) * stepMs;
  return {
    fromMs,
    toMs: Math.max(Math.ceil(range.toMs / stepMs) * stepMs, fromMs + stepMs),
    stepMs,
  };
}

/** @param {string} name */
export function presetOf(name) {
  return PRESETS.find((preset) => preset.name === name) ??
    /** @type {typeof PRESETS[number]} */ (PRESETS.find(({ name }) => name === PRESET_DEFAULT));
}

/**
 * A length as the parameter `step` takes it.
 *
 * @param {number} ms
 */
export function toDuration(ms) {
  for (const [unit, unitMs] of /** @type {const} */ ([["d", DAY], ["h", HOUR], ["m", MINUTE]])) {
    if (ms % unitMs === 0) return `${ms / unitMs}${unit}`;
  }
  return ms % SECOND === 0 ? `${ms / SECOND}s` : `${ms}ms`;
}
