import { escapeText, toSafeJson } from "../../command_line/escape_text.ts";
import { formatDuration } from "../../command_line/options.ts";
import type { AnalyzerConfig } from "../config.ts";
import type { LineSample, SampleKind } from "../decode/line_sample.ts";
import type { ClosedWindow } from "../window/window_summary.ts";
import { toWindowJson } from "../window/window_json.ts";
import { formatWindowTable } from "./console_table.ts";
import type { Reporter } from "./reporter.ts";

/** Takes what is to be shown. */
export interface Screen {
  /**
   * Writes whole lines, with their line ends, where results go.
   *
   * @returns where too much is queued already, a promise of room
   */
  print(text: string): Promise<void> | void;
  /** Writes one line, without its line end, where messages go. */
  notice(line: string): void;
}

/** Tells people what happens: closed windows as results, everything else as messages. */
export class ConsoleReporter implements Reporter {
  readonly #screen: Screen;
  readonly #config: Pick<AnalyzerConfig, "screen" | "maxFutureMs" | "limits">;

  constructor(screen: Screen, config: Pick<AnalyzerConfig, "screen" | "maxFutureMs" | "limits">) {
    this.#screen = screen;
    this.#config = config;
  }

  windowClosed(window: ClosedWindow): Promise<void> | void {
    const { screen: { quiet, outputFormat, showUrls }, limits } = this.#config;
    if (quiet) return;
    return this.#screen.print(
      outputFormat === "json"
        ? toSafeJson(toWindowJson(window, { urlsMax: limits.windowUrls })) + "\n"
        : formatWindowTable(window, { rowsMax: ROWS_MAX, showUrls, urlsMax: URLS_MAX }),
    );
  }

  leftOut({ kind, text }: LineSample): void {
    if (kind === "late") {
      this.#screen.notice(
        "First late line: its window had closed before it came; " +
          "such lines are counted apart, and saved where they are errors (--lateness)",
      );
    } else if (kind === "future") {
      const bound = formatDuration(this.#config.maxFutureMs);
      this.#screen.notice(
        `First line in the future: its time is more than ${bound} ahead of the clock; ` +
          "such lines are counted and saved, but open no window (--max-future)",
      );
    } else {
      const line = escapeText(text, { lengthMax: SAMPLE_LENGTH_MAX });
      this.#screen.notice(`First ${NAMES[kind]} line: ${line}`);
    }
  }

  /** Escapes it: it may hold the names of files, or what another program has said. */
  notice(line: string): void {
    this.#screen.notice(escapeText(line, { lengthMax: NOTICE_LENGTH_MAX }));
  }
}

/** Rows of a table; more statuses than this in one window are cut to `… k more`. */
const ROWS_MAX = 20;

/** URLs listed under a table, a status. */
const URLS_MAX = 10;

/** Characters shown of a line that is no record. */
const SAMPLE_LENGTH_MAX = 120;

/** Characters shown of any message; the longest of ours name two paths. */
const NOTICE_LENGTH_MAX = 2000;

const NAMES: Readonly<Record<Exclude<SampleKind, "late" | "future">, string>> = {
  invalid_utf8: "malformed (invalid UTF-8)",
  nul_byte: "malformed (NUL byte)",
  not_json: "malformed (not JSON)",
  csv_syntax: "malformed (CSV quotes)",
  csv_field_count: "malformed (neither JSON nor as many CSV fields as expected)",
  missing_field: "malformed (missing field)",
  wrong_type: "malformed (field of wrong type)",
  bad_timestamp: "malformed (unreadable time, or no offset)",
  bad_ip: "malformed (client address empty or too long)",
  bad_status: "malformed (status not from 100 to 599)",
  oversized: "oversized",
  partial: "partial (cut off by a lost connection)",
};
