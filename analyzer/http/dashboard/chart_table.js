import { Time } from "./elements.js";
import { formatCount, formatShare } from "./format.js";
import { html, useState } from "./preact.js";

/** @import { Series } from "./series.js" */

/**
 * The figures of the charts as a table, newest first: for who does not see the charts, or wants to
 * copy them.
 *
 * @param {{ series: Series, stepMs: number }} props
 */
export function ChartTable({ series, stepMs }) {
  const [isOpen, setIsOpen] = useState(false);
  const onToggle = (/** @type {Event & { currentTarget: HTMLDetailsElement }} */ event) =>
    setIsOpen(event.currentTarget.open);
  return html`<details class="chart-table" onToggle=${onToggle}><summary>The same as a table</summary>
    ${isOpen && html`<${Rows} series=${series} stepMs=${stepMs} />`}</details>`;
}

/** @param {{ series: Series, stepMs: number }} props */
function Rows({ series, stepMs }) {
  const { starts, statuses, errors, rates, clients, open } = series;
  const isDay = starts.length * stepMs > 86_400_000;
  const rows = starts.map((startMs, i) => ({ startMs, i })).filter(({ i }) => errors[i] !== null);
  return html`
    <div class="scroll" tabindex="0" role="region" aria-label="Figures of the charts">
      <table>
        <thead>
          <tr><th scope="col">From, UTC</th><th scope="col" class="number">Errors</th>${statuses
            .map(({ name }) =>
              html`<th key=${name} scope="col" class="number">${name}</th>`
            )}<th scope="col" class="number">Rate</th><th scope="col" class="number">Clients</th></tr>
        </thead>
        <tbody>${rows.reverse().map(({ startMs, i }) =>
          html`
            <tr
              key=${startMs}><th scope="row"><${Time} timeMs=${startMs} isDay=${isDay} />${open[
                i
              ] &&
                [
                  " ",
                  html`<span class="still-open">still open</span>`,
                ]}</th><td class="number">${formatCount(errors[i] ?? 0)}</td>${statuses.map((
                  { name, counts },
                ) =>
                  html`<td key=${name} class="number">${formatCount(counts[i] ?? 0)}</td>`
                )}<td class="number">${formatShare(
                  rates[i] ?? 0,
                )}</td><td class="number">${(clients[i] ?? null) === null
                ? "–"
                : formatCount(clients[i] ?? 0)}</td></tr>
          `
        )}</tbody>
      </table>
    </div>
  `;
}
