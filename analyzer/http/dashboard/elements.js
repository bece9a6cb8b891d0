import { formatDayAndTime, formatLocal, formatTime } from "./format.js";
import { html } from "./preact.js";
import { cut, visible } from "./text.js";

/** @import { ApiException } from "./api.js" */

/**
 * A time in UTC, with that of the reader's place on hover.
 *
 * @param {{ timeMs: number, isDay?: boolean }} props
 */
export function Time({ timeMs, isDay = false }) {
  const iso = new Date(timeMs).toISOString();
  return html`<time datetime=${iso} title=${`${formatLocal(timeMs)} (your time)`}>${
    isDay ? formatDayAndTime(timeMs) : formatTime(timeMs)
  }</time>`;
}

/**
 * Text from a log line. It is always a text node, in its own direction.
 *
 * @param {{ text: string, lengthMax?: number }} props
 */
export function LogText({ text, lengthMax = 200 }) {
  const shown = cut(text, lengthMax);
  const whole = text.length > lengthMax ? visible(text.slice(0, 4000)) : undefined;
  return html`<bdi class="log-text" title=${whole}>${shown === "" ? "(empty)" : shown}</bdi>`;
}

/**
 * What stands where there is nothing to show yet, or nothing at all.
 *
 * @param {{ title: string, detail?: unknown, action?: unknown }} props
 */
export function Notice({ title, detail, action }) {
  return html`<div class="notice"><p class="notice-title">${title}</p>${
    detail && html`<p class="notice-detail">${detail}</p>`
  }${action}</div>`;
}

/**
 * An answer that did not come.
 *
 * @param {{ what: string, failure: ApiException, onRetry: () => void }} props
 */
export function Failure({ what, failure, onRetry }) {
  return html`<div class="failure" role="alert"><p><strong>${what}</strong> ${failure.message}.</p>
    <button class="button" onClick=${onRetry}>Try again</button></div>`;
}

/**
 * A status as something to filter by.
 *
 * @param {{ status: number, count?: string, isOn?: boolean, onChoose: (status: number) => void }}
 *   props
 */
export function StatusButton({ status, count, isOn = false, onChoose }) {
  const label = `${isOn ? "Show all statuses again" : `Show only status ${status}`}`;
  return html`
    <button class="status" data-class=${Math.floor(status / 100)} aria-pressed=${String(
      isOn,
    )} title=${label}
      onClick=${() => onChoose(status)}>${status}${count !== undefined &&
        html`<span class="status-count">${count}</span>`}</button>
  `;
}

/**
 * Something is on its way, and about so long.
 *
 * @param {{ lines: number }} props
 */
export function Skeleton({ lines }) {
  return html`<div class="skeleton" role="img" aria-label="Loading">${
    Array.from({ length: lines }, (_, i) => html`<div key=${i}></div>`)
  }</div>`;
}
