import { type Metric, type MetricFacts, type Sample, sampleName } from "./metric.ts";

/** Content type of {@linkcode renderPrometheusText}. */
export const PROMETHEUS_TEXT_TYPE = "text/plain; version=0.0.4; charset=utf-8";

/** Content type of {@linkcode renderOpenMetrics}. */
export const OPENMETRICS_TYPE = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/** The metrics in Prometheus' text format 0.0.4, where a family is named as its samples are. */
export function renderPrometheusText(metrics: readonly Metric[], facts: MetricFacts): string {
  let text = "";
  for (const metric of metrics) {
    const name = sampleName(metric);
    text += `# HELP ${name} ${metric.help}\n`;
    text += `# TYPE ${name} ${metric.type === "info" ? "gauge" : metric.type}\n`;
    text += renderSamples(metric, facts);
  }
  return text;
}

/** The metrics as OpenMetrics 1.0: family names without endings, units, and a mark at the end. */
export function renderOpenMetrics(metrics: readonly Metric[], facts: MetricFacts): string {
  let text = "";
  for (const metric of metrics) {
    text += `# TYPE ${metric.name} ${metric.type}\n`;
    if (metric.unit !== "") text += `# UNIT ${metric.name} ${metric.unit}\n`;
    text += `# HELP ${metric.name} ${metric.help}\n`;
    text += renderSamples(metric, facts);
  }
  return text + "# EOF\n";
}

function renderSamples(metric: Metric, facts: MetricFacts): string {
  const name = sampleName(metric);
  return metric.samples(facts)
    .map((sample) => `${name}${renderLabels(metric, sample)} ${sample.value}\n`)
    .join("");
}

function renderLabels(metric: Metric, sample: Sample): string {
  if (metric.labels.length === 0) return "";
  const pairs = metric.labels.map((label, i) =>
    `${label}="${escapeLabelValue(sample.labelValues[i]!)}"`
  );
  return `{${pairs.join(",")}}`;
}

function escapeLabelValue(labelValue: string): string {
  return labelValue.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}
