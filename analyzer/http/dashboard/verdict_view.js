import { formatDuration, formatMeasure, formatShare } from "./format.js";
import { Time } from "./elements.js";
import { html, useEffect, useState } from "./preact.js";
import { compare, judge, missingSources } from "./verdict.js";

/** @import { State } from "./types.ts" */

/** An event time so far from the clock is said. */
const CLOCK_DIFFERENCE_MS = 300_000;

/**
 * Is it bad now? In a sentence, and in the numbers behind it.
 *
 * @param {{ state: State }} props
 */
export function VerdictView({ state: { status, connection, newestEndMs } }) {
  const { level, sentence } = judge(status);
  const isStale = connection.phase === "lost" && status !== undefined;
  const rates = status?.rates;
  return html`
    <section class="verdict" data-level=${isStale ? "unknown" : level} aria-label="Now">
      <div>
        <p class="verdict-sentence">${sentence}</p>
        <${Announcement} level=${level} sentence=${sentence} />
        <${AsOf} status=${status} newestEndMs=${newestEndMs} isStale=${isStale} />
        ${status !== undefined && level !== "blind" && !isStale && missingSources(status) !== "" &&
          html`<p class="as-of is-old">${missingSources(status)}</p>`}
      </div>
      <dl class="figures">
        <${Figure} name="Errors a minute" value=${rates?.errors_per_minute} format=${formatMeasure}
          detail=${rates && compare(
            rates.errors_per_minute,
            rates.errors_per_minute_hour_before,
            formatMeasure,
          )} />
        <${Figure} name="Error rate" value=${rates?.error_rate} format=${formatShare}
          detail=${rates && compare(rates.error_rate, rates.error_rate_hour_before, formatShare)} />
        <${Figure} name="Events a second" value=${status?.events_per_second} format=${formatMeasure}
          detail="requests of any status" />
      </dl>
    </section>
  `;
}

/**
 * @param {{ name: string, value: number | null | undefined, format: (value: number) => string,
 *   detail: string | undefined }} props
 */
function Figure({ name, value, format, detail }) {
  return html`
    <div class="figure">
      <dt>${name}</dt>
      <dd class="figure-value">${value === null || value === undefined ? "–" : format(value)}</dd>
      <dd class="figure-detail">${detail ?? " "}</dd>
    </div>
  `;
}

/**
 * Tells who listens when the verdict changes, and not with each new number.
 *
 * @param {{ level: string, sentence: string }} props
 */
function Announcement({ level, sentence }) {
  const [spoken, setSpoken] = useState("");
  useEffect(() => setSpoken(sentence), [level]);
  return html`<p class="only-heard" role="status">${spoken}</p>`;
}

/**
 * Until when that holds, and why that may not be now.
 *
 * @param {{ status: State["status"], newestEndMs: number | undefined, isStale: boolean }} props
 */
function AsOf({ status, newestEndMs, isStale }) {
  if (status === undefined) {
    return html`
      <p class="as-of"></p>
    `;
  }
  if (isStale) {
    return html`<p class="as-of">As it was at <${Time} timeMs=${
      Date.parse(status.at)
    } /> UTC, before
      the connection was lost</p>`;
  }
  const eventMs = status.watermark === null ? newestEndMs : Date.parse(status.watermark);
  if (eventMs === undefined) return html`<p class="as-of">No records yet</p>`;
  const behindMs = Date.parse(status.at) - eventMs;
  if (Math.abs(behindMs) < CLOCK_DIFFERENCE_MS) {
    return html`<p class="as-of">As of <${Time} timeMs=${eventMs} /> UTC</p>`;
  }
  const distance = `${formatDuration(Math.abs(behindMs))} ${behindMs > 0 ? "ago" : "ahead"}`;
  return html`<p class="as-of is-old">“Now” is <${Time} timeMs=${eventMs} isDay /> UTC, where the log
    is: ${distance} by the clock</p>`;
}
