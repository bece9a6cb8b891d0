import uPlot from "./uplot.js";

/**
 * One chart of a column of charts on one time axis.
 *
 * @typedef {object} ChartOptions
 * @property {HTMLElement} element where it is put
 * @property {number} height in CSS pixels, the time axis included where it has one
 * @property {boolean} hasTimeAxis
 * @property {boolean} isStack bars on top of each other; else one line
 * @property {(value: number) => string} format for the axis of values
 * @property {boolean} isCount only whole numbers on that axis
 * @property {() => ChartFrame} frame what is drawn at this moment
 * @property {(index: number | undefined) => void} onCursor
 * @property {(fromMs: number, toMs: number) => void} onSelect
 */

/**
 * @typedef {object} ChartFrame
 * @property {number} fromMs
 * @property {number} toMs
 * @property {number} stepMs
 * @property {readonly boolean[]} open which buckets are still counted
 * @property {readonly string[]} colors custom properties with the colours of the columns, in order
 */

/** Charts with this key show their cursors at the same time. */
const SYNC_KEY = "vigie";

/** Room left of the charts, the same for all, so that their times stand below each other. */
const AXIS_WIDTH = 54;

/** Room below a chart for its times, in CSS pixels. */
export const TIME_AXIS_HEIGHT = 28;

/** A drag shorter than this, in CSS pixels, is a click. */
const DRAG_MIN = 5;

/**
 * @param {ChartOptions} options
 * @param {uPlot.AlignedData} data middles of the buckets in seconds, then the columns
 */
export function createChart(options, data) {
  const { element, height, hasTimeAxis, isStack, format, isCount, frame } = options;
  const css = getComputedStyle(element);
  const color = (/** @type {string} */ name) => css.getPropertyValue(name).trim();
  const barWidth = (element.clientWidth - AXIS_WIDTH) / Math.max(data[0].length, 1);
  const font = `11px ${css.fontFamily}`;
  const axis = {
    stroke: color("--text-quiet"),
    font,
    grid: { stroke: color("--grid"), width: 1 },
    ticks: { show: false },
  };
  return new uPlot(
    {
      width: element.clientWidth,
      height,
      padding: [8, 18, hasTimeAxis ? 0 : 6, 0],
      legend: { show: false },
      tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), "Etc/UTC"),
      cursor: {
        sync: { key: SYNC_KEY },
        drag: { x: true, y: false, setScale: false },
        points: { show: !isStack, size: 7 },
        y: false,
      },
      scales: {
        x: {
          time: true,
          range: () => [frame().fromMs / 1000, frame().toMs / 1000],
        },
        y: {
          range: (_chart, _least, most) => [0, Math.max(most ?? 0, isCount ? 4 : 0.001) * 1.1],
        },
      },
      axes: [
        {
          ...axis,
          size: hasTimeAxis ? TIME_AXIS_HEIGHT : 0,
          values: (_chart, splits) => hasTimeAxis ? timeLabels(splits) : splits.map(() => ""),
        },
        {
          ...axis,
          size: AXIS_WIDTH,
          space: 26,
          ...isCount && { incrs: WHOLE_INCREMENTS },
          values: (_chart, splits) => splits.map(format),
        },
      ],
      series: [
        {},
        ...(isStack
          ? barSeries(data.length - 1, {
            fill: (i) => color(frame().colors[i] ?? ""),
            surface: color("--surface"),
            barWidth,
          })
          : lineSeries(color(frame().colors[0] ?? ""))),
      ],
      hooks: {
        setCursor: [(chart) => options.onCursor(chart.cursor.idx ?? undefined)],
        setSelect: [(chart) => select(chart, options)],
        draw: [(chart) => isStack && fadeOpen(chart, frame(), color("--surface"))],
      },
    },
    data,
    element,
  );
}

const WHOLE_INCREMENTS = [1, 2, 5].flatMap((digit) =>
  Array.from({ length: 13 }, (_, exponent) => digit * 10 ** exponent)
).sort((a, b) => a - b);

/**
 * Bars of sums, the tallest first, each drawn over the one before: what is still seen of it is its
 * own part. Bars that are wide enough are parted by a line, which would cover the others. What a
 * column stands for may change while somebody drags, so that its colour is asked for as it is drawn.
 *
 * @param {number} count
 * @param {{ fill: (index: number) => string, surface: string, barWidth: number }} look
 * @returns {uPlot.Series[]}
 */
function barSeries(count, { fill, surface, barWidth }) {
  const bars = /** @type {NonNullable<typeof uPlot.paths.bars>} */ (uPlot.paths.bars);
  const paths = bars({ size: [0.86, 48], align: 0 });
  const line = barWidth < 6 ? { width: 0 } : { stroke: surface, width: 0.5 };
  return Array.from({ length: count }, (_, i) => ({
    fill: () => fill(i),
    ...line,
    paths,
    points: { show: false },
  }));
}

/**
 * A line of what is closed, and a dashed one on to what is still counted.
 *
 * @param {string} stroke
 * @returns {uPlot.Series[]}
 */
function lineSeries(stroke) {
  const line = { stroke, width: 1.75, points: { show: true, size: 5, filter: lonely } };
  return [
    { ...line, fill: `color-mix(in srgb, ${stroke} 12%, transparent)` },
    { ...line, dash: [4, 4] },
  ];
}

/**
 * A bucket without neighbours is no line: it is shown as a point.
 *
 * @param {uPlot} chart
 * @param {number} seriesIndex
 */
function lonely(chart, seriesIndex) {
  const values = chart.data[seriesIndex] ?? [];
  const isThere = (/** @type {number} */ i) => (values[i] ?? null) !== null;
  return [...values.keys()].filter((i) => isThere(i) && !isThere(i - 1) && !isThere(i + 1));
}

/**
 * Lets open buckets stand back: they still grow.
 *
 * @param {uPlot} chart
 * @param {ChartFrame} frame
 * @param {string} surface
 */
function fadeOpen(chart, { fromMs, stepMs, open }, surface) {
  const { ctx, bbox } = chart;
  ctx.save();
  for (const [i, isOpen] of open.entries()) {
    if (!isOpen) continue;
    const left = chart.valToPos((fromMs + i * stepMs) / 1000, "x", true);
    const right = chart.valToPos((fromMs + (i + 1) * stepMs) / 1000, "x", true);
    ctx.globalAlpha = 0.55;
    ctx.fillStyle = surface;
    ctx.fillRect(left, bbox.top, right - left, bbox.height);
  }
  ctx.restore();
}

/**
 * @param {uPlot} chart
 * @param {ChartOptions} options
 */
function select(chart, { frame, onSelect }) {
  const { left, width } = chart.select;
  if (width < DRAG_MIN) return;
  chart.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
  const { fromMs, toMs, stepMs } = frame();
  const [start, end] = [chart.posToVal(left, "x"), chart.posToVal(left + width, "x")];
  // Every bucket that was touched is meant.
  const selectedFromMs = fromMs + Math.floor((start * 1000 - fromMs) / stepMs) * stepMs;
  const selectedToMs = fromMs + Math.ceil((end * 1000 - fromMs) / stepMs) * stepMs;
  onSelect(Math.max(selectedFromMs, fromMs), Math.min(selectedToMs, toMs));
}

/**
 * Times of day, with the day where it begins or where the axis does.
 *
 * @param {readonly number[]} splits in seconds
 */
function timeLabels(splits) {
  const isDays = splits.length > 1 && (splits[1] ?? 0) - (splits[0] ?? 0) >= 86_400;
  const isSeconds = splits.some((seconds) => seconds % 60 !== 0);
  let dayBefore = "";
  return splits.map((seconds) => {
    const [day = "", time = ""] = new Date(seconds * 1000).toISOString().split("T");
    const isNewDay = dayBefore !== "" && day !== dayBefore;
    dayBefore = day;
    if (isDays) return day.slice(5);
    return isNewDay ? day.slice(5) : time.slice(0, isSeconds ? 8 : 5);
  });
}
