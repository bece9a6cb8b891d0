import { html } from "./preact.js";

/** @typedef {{ counts: readonly number[], label: string }} SparklineProps */

const [WIDTH, HEIGHT] = [96, 24];

/**
 * The course of a count, without axes: 24 equal parts of the range.
 *
 * @param {SparklineProps} props
 */
export function Sparkline({ counts, label }) {
  const most = Math.max(...counts, 1);
  const width = WIDTH / counts.length;
  const bars = counts.map((count, i) => {
    // What is there at all can be seen.
    const height = count === 0 ? 0 : Math.max(1.5, count / most * HEIGHT);
    return height === 0
      ? ""
      : `M${round(i * width)} ${round(HEIGHT - height)}h${round(width - 1)}v${round(height)}h${
        round(1 - width)
      }z`;
  });
  return html`
    <svg class="sparkline" viewBox="0 0 ${WIDTH} ${HEIGHT}" width=${WIDTH}
      height=${HEIGHT} role="img" aria-label=${label}>
      <path d=${bars.join("")} />
    </svg>
  `;
}

/** @param {number} number */
function round(number) {
  return Math.round(number * 10) / 10;
}
