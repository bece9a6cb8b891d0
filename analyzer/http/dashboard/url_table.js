import { URLS_MAX } from "./dashboard.js";
import { Failure, LogText, Notice, Skeleton, StatusButton, Time } from "./elements.js";
import { formatCount, formatShare } from "./format.js";
import { html, useState } from "./preact.js";
import { Sparkline } from "./sparkline.js";

/** @import { Dashboard } from "./dashboard.js" */
/** @import { State, SummaryUrl, UrlClients } from "./types.ts" */

/** @typedef {"count" | "clients" | "last_seen"} Order */

/** More than these push the raw errors out of sight. */
const URLS_AT_FIRST = 12;

const COLUMNS = /** @type {const} */ ([
  { name: "URL" },
  { name: "Errors", order: "count", isNumber: true },
  { name: "Share", isNumber: true },
  { name: "Statuses" },
  { name: "Clients", order: "clients", isNumber: true },
  { name: "Trend" },
  { name: "First seen" },
  { name: "Last seen", order: "last_seen" },
]);

/**
 * The URLs that fail in the range.
 *
 * @param {{ state: State, dashboard: Dashboard }} props
 */
export function UrlTable({ state, dashboard }) {
  const [order, setOrder] = useState(/** @type {Order} */ ("count"));
  const { summary: { value, isOld, failure, isLoading }, clients, view, frame } = state;
  const [isWhole, setIsWhole] = useState(false);
  const isOneDay = frame.toMs - frame.fromMs <= 86_400_000;
  const urls = value === undefined ? [] : sorted(value.urls, order, clients.value);
  const shown = isWhole ? urls : urls.slice(0, URLS_AT_FIRST);
  const shareMax = Math.max(...urls.map(({ share }) => share));
  return html`<section class="panel" aria-labelledby="urls-title" aria-busy=${String(isLoading)}>
    <div class="panel-head"><h2 id="urls-title">Failing URLs</h2>
      ${urls.length >= URLS_MAX && html`<p class="quiet">the ${URLS_MAX} most frequent</p>`}</div>
    ${
    failure !== undefined &&
    html`
      <${Failure} what="Failing URLs are not up to date." failure=${failure}
        onRetry=${() => dashboard.retry()} />
    `
  }
    ${value === undefined && failure === undefined && html`<${Skeleton} lines=${6} />`}
    ${
    value !== undefined && urls.length === 0 &&
    html`<${Notice} title="No URL has failed in this time" detail=${
      view.status !== undefined || view.url !== undefined
        ? "At least none that the filters above let through."
        : value.windows === 0
        ? "No window has closed in it yet."
        : `${formatCount(value.total_count)} requests, and not one error.`
    } />`
  }
    ${
    urls.length > 0 && html`
      <table class="urls" data-dim=${isOld && isLoading}>
        <thead>
          <tr>${COLUMNS.map((column) =>
            html`<${Heading} key=${column.name} ...${column} current=${order} onOrder=${setOrder} />`
          )}</tr>
        </thead>
        <tbody>${shown.map((url) =>
          html`
            <${UrlRow} key=${url.url} url=${url} clients=${clients.value?.get(url.url)} view=${view}
              dashboard=${dashboard} isDay=${!isOneDay} shareMax=${shareMax} />
          `
        )}</tbody>
      </table>
    `
  }
    ${
    urls.length > URLS_AT_FIRST && html`
      <button class="button more" aria-expanded=${String(isWhole)}
        onClick=${() => setIsWhole(!isWhole)}>${isWhole
          ? "Show fewer"
          : `Show all ${formatCount(urls.length)}`}</button>
    `
  }
  </section>`;
}

/**
 * @param {{ name: string, order?: Order, isNumber?: boolean, current: Order,
 *   onOrder: (order: Order) => void }} props
 */
function Heading({ name, order, isNumber = false, current, onOrder }) {
  const className = isNumber ? "number" : undefined;
  if (order === undefined) return html`<th scope="col" class=${className}>${name}</th>`;
  const isCurrent = order === current;
  return html`
    <th scope="col" class=${className}
      aria-sort=${isCurrent ? "descending" : undefined}><button class="order" onClick=${() =>
        onOrder(order)}>${name}<span aria-hidden="true">${isCurrent
        ? " ↓"
        : ""}</span></button></th>
  `;
}

/**
 * @param {{ url: SummaryUrl, clients: UrlClients | undefined, view: State["view"],
 *   dashboard: Dashboard, isDay: boolean, shareMax: number }} props
 */
function UrlRow({ url, clients, view, dashboard, isDay, shareMax }) {
  const isChosen = view.url === url.url;
  const chooseUrl = () => dashboard.look({ url: isChosen ? undefined : url.url });
  const chooseStatus = (/** @type {number} */ status) =>
    dashboard.look({ status: view.status === status ? undefined : status });
  return html`
    <tr>
      <th
        scope="row"><button class="url" aria-pressed=${String(isChosen)} title=${isChosen
          ? "Show all URLs again"
          : "Show only this URL"} onClick=${chooseUrl}><${LogText} text=${url
          .url} lengthMax=${90} /></button></th>
      <td class="number" data-label="Errors">${url.count_error_max ? "≤ " : ""}${formatCount(
        url.count,
      )}</td>
      <td class="number share" data-label="Share"><span class="share-bar" aria-hidden="true"><span
          style=${{ width: `${url.share / shareMax * 100}%` }}></span></span>${formatShare(
            url.share,
          )}</td>
      <td data-label="Statuses"><span class="statuses">${url.statuses.map(({ status, count }) =>
        html`
          <${StatusButton} key=${status} status=${status}
            count=${url.statuses.length > 1 ? formatCount(count) : undefined}
            isOn=${view.status === status} onChoose=${chooseStatus} />
        `
      )}</span></td>
      <td class="number" data-label="Clients">${formatClients(clients)}</td>
      <td data-label="Trend">
        <${Sparkline} counts=${url.trend}
          label=${`Errors over the range: ${url.trend.map(formatCount).join(", ")}`} />
      </td>
      <td class="time" data-label="First seen">
        <${Time} timeMs=${Date.parse(url.first_seen)} isDay=${isDay} />
      </td>
      <td class="time" data-label="Last seen">
        <${Time} timeMs=${Date.parse(url.last_seen)} isDay=${isDay} />
      </td>
    </tr>
  `;
}

/** @param {UrlClients | undefined} clients */
function formatClients(clients) {
  if (clients === undefined) return html`<span class="quiet" title="Not counted">–</span>`;
  const { unique_ips: count, unique_ips_exact: isExact, complete } = clients;
  const prefix = complete ? isExact ? "" : "≈ " : "≥ ";
  return `${prefix}${formatCount(count)}`;
}

/**
 * @param {readonly SummaryUrl[]} urls
 * @param {Order} order
 * @param {ReadonlyMap<string, UrlClients> | undefined} clients
 */
function sorted(urls, order, clients) {
  const values = {
    count: (/** @type {SummaryUrl} */ { count }) => count,
    clients: (/** @type {SummaryUrl} */ { url }) => clients?.get(url)?.unique_ips ?? 0,
    last_seen: (/** @type {SummaryUrl} */ { last_seen: lastSeen }) => Date.parse(lastSeen),
  };
  const valueOf = values[order];
  return [...urls].sort((a, b) => valueOf(b) - valueOf(a) || b.count - a.count);
}
