import { LogText } from "./elements.js";
import { formatCount, formatDuration, formatSpan } from "./format.js";
import { html, useState } from "./preact.js";

/** @import { SampleJson, SourceJson, StatusEvent, TotalsJson, WindowJson } from "./types.ts" */

const PHASES = {
  starting: "starting",
  waiting: "not connected",
  connected: "connected",
  ended: "read to its end",
};

/**
 * Where lines come from, and what became of those that are in no window.
 *
 * @param {{ status: StatusEvent | undefined, windows: readonly WindowJson[] }} props
 */
export function SourcesView({ status, windows }) {
  return html`<section class="sources panel" aria-labelledby="sources-title">
    <h2 id="sources-title">Sources</h2>
    ${
    status === undefined
      ? html`<p class="quiet">Waiting for the first figures</p>`
      : html`<ul class="source-list">${
        status.sources.map((source) =>
          html`<${Source} key=${source.name} source=${source} at=${Date.parse(status.at)} />`
        )
      }</ul>`
  }
    <${LeftOut} status=${status} windows=${windows} />
  </section>`;
}

/** @param {{ source: SourceJson, at: number }} props */
function Source({ source: { name, phase, reason, connections, last_row_at: lastRowAt }, at }) {
  const silence = lastRowAt === null
    ? "no line yet"
    : `last line ${
      at - Date.parse(lastRowAt) < 2000
        ? "just now"
        : `${formatDuration(at - Date.parse(lastRowAt))} ago`
    }`;
  return html`
    <li class="source" data-phase=${phase}>
      <span class="dot" aria-hidden="true"></span>
      <span class="source-name"><${LogText} text=${name} lengthMax=${80} /></span>
      <span class="source-state">${PHASES[phase] ?? phase}${connections > 1
        ? `, ${formatCount(connections)} connections`
        : ""}, ${silence}${reason !== "" &&
        html`<span>: <${LogText} text=${reason} /></span>`}</span>
    </li>
  `;
}

/**
 * Counts of lines that are in no window, each with what is known of the latest ones on a click.
 *
 * @param {{ status: StatusEvent | undefined, windows: readonly WindowJson[] }} props
 */
function LeftOut({ status, windows }) {
  const [shown, setShown] = useState(/** @type {string | undefined} */ (undefined));
  if (status === undefined) return null;
  const kinds = leftOut(status.totals);
  return html`
    <h3>Left out of the windows</h3>
    <div class="left-out">${kinds.map(({ kind, count, meaning }) =>
      html`
        <button key=${kind} class="left-out-kind" aria-expanded=${String(kind === shown)}
          aria-controls="left-out-sample" title=${meaning} data-any=${count > 0}
          onClick=${() => setShown(kind === shown ? undefined : kind)}>
                <span class="left-out-count">${formatCount(count)}</span> ${kind}</button>
      `
    )}</div>
    <div id="left-out-sample" aria-live="polite">${shown !== undefined &&
      html`<div class="sample"><p>${kinds.find(({ kind }) => kind === shown)?.meaning}.</p>
        <${Samples} samples=${status.samples.filter(({ kind }) => kindOf(kind) === shown)} />
        ${shown === "late" && html`<${LateWindows} windows=${windows} />`}</div>`}</div>
  `;
}

/** @param {{ samples: readonly SampleJson[] }} props */
function Samples({ samples }) {
  if (samples.length === 0) {
    return html`<p class="quiet">None came since this program was started.</p>`;
  }
  return samples.map(({ kind, text }) =>
    html`<figure key=${kind}><figcaption>Latest ${kind.replaceAll("_", " ")}</figcaption>${
      text === null
        ? html`<p class="quiet">It is not shown, since addresses are masked.</p>`
        : html`<pre tabindex="0"><${LogText} text=${text} lengthMax=${2000} /></pre>`
    }</figure>`
  );
}

/**
 * Late records have lost their window, and it says how many they are.
 *
 * @param {{ windows: readonly WindowJson[] }} props
 */
function LateWindows({ windows }) {
  const late = windows.filter((window) => window.late_count > 0).slice(-LATE_WINDOWS_MAX).reverse();
  if (late.length === 0) {
    return html`<p class="quiet">None of them belongs into the range below.</p>`;
  }
  return html`
    <table>
      <thead>
        <tr>
          <th scope="col">Newest windows that they missed, UTC</th>
          <th scope="col" class="number">Late</th>
          <th scope="col" class="number">Errors</th>
        </tr>
      </thead>
      <tbody>${late.map((window) =>
        html`
          <tr key=${window.start}>
            <th scope="row">${formatSpan(Date.parse(window.start), Date.parse(window.end))}</th>
            <td class="number">${formatCount(window.late_count)}</td>
            <td class="number">${formatCount(window.late_error_count)}</td>
          </tr>
        `
      )}</tbody>
    </table>
  `;
}

const LATE_WINDOWS_MAX = 5;

/**
 * @param {TotalsJson} totals
 * @returns {{ kind: string, count: number, meaning: string }[]}
 */
export function leftOut(totals) {
  const malformed = Object.values(totals.malformed).reduce((sum, count) => sum + count, 0);
  return [
    {
      kind: "late",
      count: totals.late,
      meaning: "Records that came after their window had closed; their errors are saved",
    },
    {
      kind: "malformed",
      count: malformed,
      meaning: "Lines that cannot be read as a record",
    },
    {
      kind: "dropped",
      count: totals.oversized + totals.partial,
      meaning: "Lines that were too long, or cut when a connection was lost",
    },
    {
      kind: "future",
      count: totals.future,
      meaning: "Records with a time too far ahead of the clock; their errors are saved",
    },
  ];
}

/**
 * The group of a sample: the reasons for malformed lines are many.
 *
 * @param {string} kind
 */
export function kindOf(kind) {
  if (kind === "late" || kind === "future") return kind;
  return kind === "oversized" || kind === "partial" ? "dropped" : "malformed";
}
