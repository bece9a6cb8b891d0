import { quantile, table } from "../../benches/harness/measure.ts";
import { formatDuration } from "../../command_line/options.ts";
import type { SentTotals } from "./sent_lines.ts";
import type { Sample } from "./watcher.ts";

/** What a soak was like, once it is over. */
export interface SoakFacts {
  /** Lines a second that were asked for. */
  readonly rate: number;
  /** How long it took to send them all. */
  readonly sendingMs: number;
  /** Those taken while lines were sent. */
  readonly samples: readonly Sample[];
  readonly totals: SentTotals;
  readonly windows: number;
}

/** How much more memory the last minutes may take than the first ones. */
const MEMORY_RATIO_MAX = 1.05;

/** Shorter runs are not held to it: most of their time is a beginning. */
const HELD_FROM_MS = 15 * 60_000;

/** How long the first and the last minutes are; of short runs a third each. */
const SPAN_MS = 5 * 60_000;

/** A table of what was seen. */
export function soakTable({ rate, sendingMs, samples, totals, windows }: SoakFacts): string {
  const quantiles = (values: readonly number[], digits: number) =>
    [0.5, 0.99, 1].map((share) => quantile(values, share).toFixed(digits)).join(", ");
  return table([
    ["what", "seen"],
    ["lines sent, all counted", String(totals.lines)],
    ["lines a second", `${Math.round(1000 * totals.lines / sendingMs)} (asked for: ${rate})`],
    ["errors, all saved once", String(totals.errors)],
    ["late rows; malformed lines", `${totals.late}; ${totals.malformed}`],
    ["windows, all closed, printed and stored once", String(windows)],
    ["scrapes, all consistent", String(samples.length)],
    [
      "ms of a scrape: median, 99 %, longest",
      quantiles(samples.map(({ latencyMs }) => latencyMs), 1),
    ],
    [
      "lines sent but not yet counted: median, 99 %, most",
      quantiles(samples.map(({ behind }) => behind), 0),
    ],
    ...usageRows(samples),
  ]);
}

/** What is wrong with the memory of a run that was long enough to tell; else nothing. */
export function memoryFault(samples: readonly Sample[]): string | undefined {
  const ratio = memoryRatio(samples);
  if (lengthMs(samples) < HELD_FROM_MS || !(ratio > MEMORY_RATIO_MAX)) return undefined;
  return `Memory is not flat: its median went up by a factor of ${ratio.toFixed(3)}, ` +
    `more than ${MEMORY_RATIO_MAX}`;
}

function usageRows(samples: readonly Sample[]): [string, string][] {
  const [first, last] = [samples[0]!, samples.at(-1)!];
  if (first.usage === undefined || last.usage === undefined) {
    return [["memory, descriptors, processor time", "left out: not known on this system"]];
  }
  const memory = (part: readonly Sample[]) => {
    const bytes = residentBytes(part);
    return `${megabytes(quantile(bytes, 0.5))}, ${megabytes(Math.max(...bytes))}`;
  };
  const span = formatDuration(Math.max(1, Math.round(spanMs(samples) / 1000)) * 1000);
  const cpuSeconds = last.usage.cpuSeconds - first.usage.cpuSeconds;
  const seconds = (last.elapsedMs - first.elapsedMs) / 1000;
  const nanoseconds = 1e9 * cpuSeconds / (last.counted - first.counted);
  return [
    [`memory in the first ${span}: median, most`, memory(firstOf(samples))],
    [`memory in the last ${span}: median, most`, memory(lastOf(samples))],
    ["ratio of the two medians", memoryRatio(samples).toFixed(3)],
    [`memory in each ${span}: medians`, mediansOf(samples).map(megabytes).join(", ")],
    ["peak of memory", megabytes(last.usage.peakBytes)],
    ["open descriptors: first, last", `${first.usage.descriptors}, ${last.usage.descriptors}`],
    ["processor time", `${(100 * cpuSeconds / seconds).toFixed(1)} % of a core`],
    ["processor time a line", `${nanoseconds.toFixed(0)} ns`],
  ];
}

function memoryRatio(samples: readonly Sample[]): number {
  const median = (part: readonly Sample[]) => quantile(residentBytes(part), 0.5);
  return median(lastOf(samples)) / median(firstOf(samples));
}

/** Medians of the memory of one span after the other: they tell a beginning from a growth. */
function mediansOf(samples: readonly Sample[]): number[] {
  const last = Math.floor(lengthMs(samples) / spanMs(samples)) - 1;
  // What is left over at the end belongs to the last one.
  const spans = Map.groupBy(
    samples,
    ({ elapsedMs }) => Math.min(last, Math.floor(elapsedMs / spanMs(samples))),
  );
  return [...spans.values()].map((part) => quantile(residentBytes(part), 0.5));
}

function residentBytes(samples: readonly Sample[]): number[] {
  return samples.map(({ usage }) => usage?.residentBytes ?? NaN);
}

function firstOf(samples: readonly Sample[]): readonly Sample[] {
  return samples.filter(({ elapsedMs }) => elapsedMs <= spanMs(samples));
}

function lastOf(samples: readonly Sample[]): readonly Sample[] {
  const fromMs = samples.at(-1)!.elapsedMs - spanMs(samples);
  return samples.filter(({ elapsedMs }) => elapsedMs >= fromMs);
}

function spanMs(samples: readonly Sample[]): number {
  return Math.min(SPAN_MS, lengthMs(samples) / 3);
}

function lengthMs(samples: readonly Sample[]): number {
  return samples.at(-1)!.elapsedMs;
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}
