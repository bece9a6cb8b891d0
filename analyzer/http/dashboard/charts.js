import { createChart, TIME_AXIS_HEIGHT } from "./chart.js";
import { ChartTable } from "./chart_table.js";
import { Failure, Notice } from "./elements.js";
import {
  formatCompact,
  formatCount,
  formatLocal,
  formatShare,
  formatShareShortly,
  formatSpan,
  formatStep,
} from "./format.js";
import { html, useEffect, useLayoutEffect, useMemo, useRef, useState } from "./preact.js";
import { COLUMNS_MAX, seriesOf, stack } from "./series.js";
import { colorsOf } from "./status_colors.js";

/** @import { Dashboard } from "./dashboard.js" */
/** @import { State } from "./types.ts" */
/** @import { Series } from "./series.js" */
/** @import uPlot from "uplot" */
/** @import { AlignedData } from "uplot" */

/**
 * Errors by status, their rate and their clients, below each other on one time axis.
 *
 * @param {{ state: State, dashboard: Dashboard, theme: string }} props
 */
export function Charts({ state, dashboard, theme }) {
  const { windows: { value, isOld, isLoading, failure }, view: { status } } = state;
  const { buckets = [], frame = state.frame, url = undefined } = value ?? {};
  const series = useMemo(
    () => seriesOf(buckets, { frame, status, url }),
    [value, frame, status],
  );
  const [cursor, setCursor] = useState(/** @type {number | undefined} */ (undefined));
  const charts = useRef(/** @type {Map<string, uPlot>} */ (new Map()));
  const select = (/** @type {number} */ fromMs, /** @type {number} */ toMs) =>
    dashboard.look({ range: { fromMs, toMs } });
  const shared = {
    series,
    frame,
    theme,
    charts: charts.current,
    onCursor: setCursor,
    onSelect: select,
  };
  const keys = useKeys({ series, cursor, stepMs: frame.stepMs, charts: charts.current, select });
  const isEmpty = value !== undefined && buckets.length === 0;
  return html`
    <section class="charts panel" aria-labelledby="charts-title"
      aria-busy=${String(isLoading)}>
        <div class="panel-head"><h2 id="charts-title">Errors over time</h2>
          <${Readout} series=${series} stepMs=${frame.stepMs} cursor=${cursor} /></div>
        ${failure !== undefined &&
          html`
            <${Failure} what="The charts are not up to date." failure=${failure}
              onRetry=${() => dashboard.retry()} />
          `}
        <div class="chart-column" tabindex="0" role="group" data-dim=${isOld && isLoading}
          aria-label=${describe(series, frame)} aria-describedby="charts-keys" onKeyDown=${keys}>
          <${Legend} series=${series} dashboard=${dashboard} chosen=${status} />
          <${Chart} ...${shared} name="errors" title=${`Errors per ${
            formatStep(frame.stepMs)
          }`} height=${200} />
          <${Chart} ...${shared} name="rates" title=${rateTitle({ status, url })} height=${104}
            hasTimeAxis=${url !== undefined} />
          <${Chart} ...${shared} name="clients" title="Distinct clients with errors" height=${104}
            hasTimeAxis
            absent=${url !== undefined &&
              "Not counted by URL over time; see the table below"} />
          ${isEmpty && html`
            <div class="over">
              <${Notice} title="Nothing was read in this time"
                detail="A window without records does not exist: choose another range, or wait for the first." />
            </div>
          `}
          ${value === undefined && failure === undefined &&
            html`
              <div class="over">
                <p class="quiet">Loading</p>
              </div>
            `}
        </div>
        <p id="charts-keys" class="keys">Drag to choose a range. By keyboard: <kbd>←</kbd> <kbd>→</kbd> move,
          with <kbd>Shift</kbd> they select, <kbd>Enter</kbd> zooms in, <kbd>Esc</kbd> clears.</p>
        <${ChartTable} series=${series} stepMs=${frame.stepMs} />
      </section>
  `;
}

/** @param {{ status: number | undefined, url: string | undefined }} view */
function rateTitle({ status, url }) {
  if (url !== undefined) return "Share of all requests that are errors of this URL";
  return status === undefined ? "Error rate" : `Share of all requests with status ${status}`;
}

/**
 * @param {{ name: "errors" | "rates" | "clients", title: string, height: number,
 *   hasTimeAxis?: boolean, series: Series,
 *   frame: State["frame"], theme: string, charts: Map<string, uPlot>,
 *   onCursor: (index: number | undefined) => void,
 *   onSelect: (fromMs: number, toMs: number) => void, absent?: string | false }} props
 */
function Chart(
  {
    name,
    title,
    height,
    hasTimeAxis = false,
    series,
    frame,
    theme,
    charts,
    onCursor,
    onSelect,
    absent,
  },
) {
  const wholeHeight = height + (hasTimeAxis ? TIME_AXIS_HEIGHT : 0);
  const element = useRef(/** @type {HTMLDivElement | null} */ (null));
  const isStack = name === "errors";
  const drawn = {
    ...frame,
    open: series.open,
    colors: isStack
      ? inDrawingOrder([...colorsOf(series.statuses.map(({ status }) => status)).values()], "")
      : [name === "rates" ? "--rate" : "--clients"],
  };
  const latest = useRef({ drawn, onCursor, onSelect });
  latest.current = { drawn, onCursor, onSelect };
  const data = useMemo(() => dataOf(name, series, frame.stepMs), [series]);
  // How bars are parted depends on how many they are. Nothing else that comes from the server makes a
  // chart anew: a drag would end with it.
  const key = `${theme} ${absent} ${series.starts.length} ${wholeHeight}`;

  useLayoutEffect(() => {
    if (element.current === null || absent) return;
    const chart = createChart({
      element: element.current,
      height: wholeHeight,
      hasTimeAxis,
      isStack,
      format: name === "rates" ? formatShareShortly : formatCompact,
      isCount: name !== "rates",
      frame: () => latest.current.drawn,
      onCursor: (index) => latest.current.onCursor(index),
      onSelect: (fromMs, toMs) => latest.current.onSelect(fromMs, toMs),
    }, data);
    charts.set(name, chart);
    const observer = new ResizeObserver(([entry]) => {
      const width = Math.floor(entry?.contentRect.width ?? 0);
      if (width > 0 && width !== chart.width) chart.setSize({ width, height: wholeHeight });
    });
    observer.observe(element.current);
    return () => {
      observer.disconnect();
      charts.delete(name);
      chart.destroy();
    };
  }, [key]);
  useEffect(() => charts.get(name)?.setData(data), [data]);

  return html`<figure class="chart"><figcaption>${title}</figcaption>${
    absent ? html`<p class="chart-absent quiet">${absent}</p>` : html`<div ref=${element}></div>`
  }</figure>`;
}

/**
 * @param {"errors" | "rates" | "clients"} name
 * @param {Series} series
 * @param {number} stepMs
 * @returns {AlignedData}
 */
function dataOf(name, series, stepMs) {
  const middles = series.starts.map((startMs) => (startMs + stepMs / 2) / 1000);
  if (name === "errors") {
    const nothing = new Array(middles.length).fill(null);
    return /** @type {AlignedData} */ ([
      middles,
      ...inDrawingOrder(stack(series.statuses), nothing),
    ]);
  }
  const values = series[name];
  const closed = values.map((value, i) => series.open[i] ? null : value);
  // From the last closed one on, so that the dashed line goes on from the other.
  const open = values.map((value, i) => series.open[i] || series.open[i + 1] ? value : null);
  return /** @type {AlignedData} */ ([middles, closed, open]);
}

/**
 * Something of each part of the stack, always of as many: the whole of it is drawn first, and the
 * lowest part last.
 *
 * @template T
 * @param {readonly T[]} parts from the lowest on
 * @param {T} nothing of a part that is not there
 */
function inDrawingOrder(parts, nothing) {
  return [...parts, ...new Array(COLUMNS_MAX - parts.length).fill(nothing)].reverse();
}

/**
 * The numbers of the bucket under the cursor, or of the newest one.
 *
 * @param {{ series: Series, stepMs: number, cursor: number | undefined }} props
 */
function Readout({ series, stepMs, cursor }) {
  const index = cursor ?? series.errors.findLastIndex((count) => count !== null);
  const startMs = series.starts[index];
  if (startMs === undefined) return null;
  const errors = series.errors[index] ?? null;
  const clients = series.clients[index] ?? null;
  return html`<p class="readout" title=${`${formatLocal(startMs)} (your time)`}>
    <span class="readout-time">${formatSpan(startMs, startMs + stepMs)} UTC</span>${
    errors === null
      ? html`<span>no records</span>`
      : html`<span><b>${formatCount(errors)}</b> ${errors === 1 ? "error" : "errors"}</span>
        <span><b>${formatShare(series.rates[index] ?? 0)}</b></span>
        ${
        clients !== null &&
        html`<span><b>${formatCount(clients)}</b> ${clients === 1 ? "client" : "clients"}</span>`
      }
        ${series.open[index] && html`<span class="still-open">still open</span>`}`
  }</p>`;
}

/** @param {{ series: Series, dashboard: Dashboard, chosen: number | undefined }} props */
function Legend({ series, dashboard, chosen }) {
  const colors = colorsOf(series.statuses.map(({ status }) => status));
  return html`<ul class="legend" aria-label="Statuses">${
    series.statuses.map(({ name, status, counts }) => {
      const sum = counts.reduce((/** @type {number} */ sum, count) => sum + (count ?? 0), 0);
      const label = html`
        <span class="swatch" style=${{
          background: `var(${colors.get(status)})`,
        }}></span>${name} <span
          class="legend-count">${formatCount(sum)}</span>
      `;
      return html`<li key=${name}>${
        status === 0 ? html`<span class="legend-item">${label}</span>` : html`
          <button
            class="legend-item" aria-pressed=${String(chosen === status)}
            onClick=${() =>
              dashboard.look({ status: chosen === status ? undefined : status })}>${label}</button>
        `
      }</li>`;
    })
  }</ul>`;
}

/**
 * What the charts tell, for who does not see them.
 *
 * @param {Series} series
 * @param {State["frame"]} frame
 */
function describe(series, frame) {
  const sum = series.errors.reduce((/** @type {number} */ sum, count) => sum + (count ?? 0), 0);
  const most = Math.max(0, ...series.errors.map((count) => count ?? 0));
  const peakMs = series.starts[series.errors.indexOf(most)];
  const peak = sum === 0 || peakMs === undefined
    ? ""
    : ` The most were ${formatCount(most)}, ${formatSpan(peakMs, peakMs + frame.stepMs)}.`;
  return `Charts of errors, error rate and distinct clients, ${
    formatSpan(frame.fromMs, frame.toMs)
  } UTC: ${formatCount(sum)} errors.${peak}`;
}

/**
 * The charts by keyboard: a cursor, a selection that grows with Shift, and Enter to zoom into it.
 *
 * @param {{ series: Series, cursor: number | undefined, stepMs: number,
 *   charts: Map<string, uPlot>,
 *   select: (fromMs: number, toMs: number) => void }} options
 */
function useKeys({ series, cursor, stepMs, charts, select }) {
  const anchor = useRef(/** @type {number | undefined} */ (undefined));
  const show = (/** @type {number | undefined} */ index) => {
    for (const chart of charts.values()) {
      const startMs = index === undefined ? undefined : series.starts[index];
      const left = startMs === undefined ? -10 : chart.valToPos((startMs + stepMs / 2) / 1000, "x");
      chart.setCursor({ left, top: startMs === undefined ? -10 : 10 }, true);
      const selected = selection(anchor.current, index, series.starts, stepMs);
      const ends = selected?.map((ms) => chart.valToPos(ms / 1000, "x")) ?? [0, 0];
      const [start = 0, end = 0] = ends;
      const height = chart.over.clientHeight;
      chart.setSelect({ left: start, top: 0, width: end - start, height }, false);
    }
  };
  return (/** @type {KeyboardEvent} */ event) => {
    // Buttons of the legend have keys of their own.
    if (event.target !== event.currentTarget || event.ctrlKey || event.metaKey || event.altKey) {
      return;
    }
    const last = series.starts.length - 1;
    const moves = {
      ArrowLeft: -1,
      ArrowRight: 1,
      PageUp: -10,
      PageDown: 10,
      Home: -last,
      End: last,
    };
    const move = moves[/** @type {keyof typeof moves} */ (event.key)];
    if (move !== undefined) {
      const from = cursor ?? series.errors.findLastIndex((count) => count !== null);
      if (!event.shiftKey) anchor.current = undefined;
      else anchor.current ??= from;
      show(
        Math.min(Math.max((cursor === undefined && move > 0 ? from - 1 : from) + move, 0), last),
      );
    } else if (event.key === "Enter") {
      const selected = selection(anchor.current, cursor, series.starts, stepMs);
      if (selected === undefined) return;
      anchor.current = undefined;
      show(undefined);
      select(selected[0], selected[1]);
    } else if (event.key === "Escape") {
      anchor.current = undefined;
      show(undefined);
    } else return;
    event.preventDefault();
  };
}

/**
 * @param {number | undefined} anchor
 * @param {number | undefined} index
 * @param {readonly number[]} starts
 * @param {number} stepMs
 * @returns {[number, number] | undefined}
 */
function selection(anchor, index, starts, stepMs) {
  if (anchor === undefined || index === undefined) return undefined;
  const [from, to] = [starts[Math.min(anchor, index)], starts[Math.max(anchor, index)]];
  return from === undefined || to === undefined ? undefined : [from, to + stepMs];
}
