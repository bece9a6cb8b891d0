import { escapeText } from "../../command_line/escape_text.ts";
import type { SourcePhase, SourceState } from "../source/source_state.ts";
import type { WindowSummary } from "../window/window_summary.ts";
import type { LiveView } from "./live_view.ts";

/** What the status line shows besides the view, and where it is shown. */
export interface StatusLineOptions {
  /** Lines read a second, lately. */
  readonly eventsPerSecond: number;
  /** Width of the terminal, in columns. */
  readonly columns: number;
  /** Whether colours are wanted. */
  readonly color: boolean;
  /** Wall-clock time in milliseconds since the Unix epoch. */
  readonly nowMs: number;
}

/**
 * One line on how the analyzer is doing, the most important first, cut to the terminal's width:
 * sources, events a second, errors of the open windows so far, late and malformed lines, others that
 * are in no window where there are any, and how far the watermark is behind the clock.
 */
export function formatStatusLine(view: LiveView, options: StatusLineOptions): string {
  const { late, malformed, oversized, partial, future } = view.totals;
  const malformedCount = Object.values(malformed).reduce((sum, count) => sum + count, 0);
  const segments: readonly Segment[] = [
    sourcesSegment(view.sources),
    { text: `${compactFormat().format(options.eventsPerSecond)} events/s` },
    { text: openWindowsText(view.open) },
    countSegment(late, "late"),
    countSegment(malformedCount, "malformed"),
    ...[
      countSegment(oversized, "oversized"),
      countSegment(partial, "partial"),
      countSegment(future, "in the future"),
    ].filter(({ style }) => style !== undefined),
    { text: watermarkText(view.watermarkMs, options.nowMs) },
  ];

  let line = "";
  let columnsLeft = options.columns;
  for (const [index, { text, style }] of segments.entries()) {
    const whole = index === 0 ? text : ` · ${text}`;
    const isLast = index === segments.length - 1;
    // What follows needs a column at least, be it for the ellipsis only.
    const shown = cutToColumns(whole, columnsLeft, isLast ? 0 : 1);
    line += options.color && style !== undefined ? `${style}${shown}${RESET}` : shown;
    if (shown !== whole) break;
    columnsLeft -= columnsOf(whole);
  }
  return line;
}

interface Segment {
  readonly text: string;
  /** Escape sequence that switches the colour on. */
  readonly style?: string | undefined;
}

const GREEN = "\x1b[32m";
const YELLOW = "\x1b[33m";
const RESET = "\x1b[0m";

const STYLES: Readonly<Record<SourcePhase, string | undefined>> = {
  starting: undefined,
  waiting: YELLOW,
  connected: GREEN,
  ended: undefined,
};

/** 0.5, 42, 1.23K, 4.5M. */
function compactFormat(): Intl.NumberFormat {
  return compact ??= new Intl.NumberFormat("en", {
    notation: "compact",
    maximumSignificantDigits: 3,
  });
}

/** Made at the first use: it takes longer than anything else at the start of a program. */
let compact: Intl.NumberFormat | undefined;

/** Longest name of a source and longest reason that are shown, in characters. */
const NAME_LENGTH_MAX = 40;

function sourcesSegment(sources: readonly SourceState[]): Segment {
  if (sources.length === 1) {
    const { name, phase, connections, reason } = sources[0]!;
    const detail = phase === "connected" && connections > 1
      ? ` (${connections} connections)`
      : phase === "waiting" && reason !== ""
      ? ` (${escapeText(reason, { lengthMax: NAME_LENGTH_MAX })})`
      : "";
    const shownName = escapeText(name, { lengthMax: NAME_LENGTH_MAX });
    return { text: `${shownName} ${phase}${detail}`, style: STYLES[phase] };
  }
  // The phase that asks for attention comes first and gives the colour.
  const phases = (["waiting", "starting", "connected", "ended"] as const)
    .map((phase) => ({ phase, count: sources.filter((source) => source.phase === phase).length }))
    .filter(({ count }) => count > 0);
  const counts = phases.map(({ phase, count }) => `${count} ${phase}`).join(", ");
  return {
    text: `${sources.length} sources${counts === "" ? "" : `: ${counts}`}`,
    style: phases[0] && STYLES[phases[0].phase],
  };
}

/** A count that asks for attention where it is not 0. */
function countSegment(count: number, what: string): Segment {
  return { text: `${count} ${what}`, style: count > 0 ? YELLOW : undefined };
}

function openWindowsText(open: readonly WindowSummary[]): string {
  if (open.length === 0) return "no open window";
  const errorCount = open.reduce((sum, window) => sum + window.errorCount, 0);
  const errors = `${errorCount} ${errorCount === 1 ? "error" : "errors"}`;
  return open.length > 1
    ? `${errors} in ${open.length} open windows`
    : `${errors} since ${new Date(open[0]!.startMs).toISOString().slice(11, 19)}Z`;
}

function watermarkText(watermarkMs: number | undefined, nowMs: number): string {
  if (watermarkMs === undefined) return "no watermark yet";
  const lagMs = nowMs - watermarkMs;
  return `watermark ${formatSpan(Math.abs(lagMs))} ${lagMs < 0 ? "ahead" : "behind"}`;
}

/** A span of time in one unit: 5.2s, 3.1m, 2.0h, 12.5d. */
function formatSpan(spanMs: number): string {
  const [unitMs, unit] = spanMs < 59_950
    ? [1_000, "s"] as const
    : spanMs < 3_597_000
    ? [60_000, "m"] as const
    : spanMs < 86_220_000
    ? [3_600_000, "h"] as const
    : [86_400_000, "d"] as const;
  return `${(spanMs / unitMs).toFixed(1)}${unit}`;
}

/** `text` if it leaves `reserve` columns free, else what fits of it and an ellipsis. */
function cutToColumns(text: string, columns: number, reserve: number): string {
  if (columnsOf(text) + reserve <= columns) return text;
  let cut = "";
  let columnsLeft = columns - 1;
  for (const character of text) {
    columnsLeft -= columnsOf(character);
    if (columnsLeft < 0) break;
    cut += character;
  }
  return columns > 0 ? `${cut}…` : "";
}

/**
 * Columns that a text takes at most. Wide characters start at U+1100; counting all above it as two
 * columns may cut a line early, but never lets it wrap.
 */
function columnsOf(text: string): number {
  let columns = 0;
  for (const character of text) {
    columns += character.codePointAt(0)! < 0x1100 || character === "…" ? 1 : 2;
  }
  return columns;
}
