import { PRESET_DEFAULT, PRESETS } from "./ranges.js";

/** @import { Range, View } from "./types.ts" */

/**
 * What an address looks at. It is kept behind the `#`, which browsers do not send: what somebody
 * looks for is nothing for the logs of a proxy. What cannot be understood is left out.
 *
 * @param {string} hash with or without its `#`
 * @returns {View}
 */
export function readAddress(hash) {
  const parameters = new URLSearchParams(hash.replace(/^#/, ""));
  const status = Number(parameters.get("status") ?? NaN);
  return {
    range: readRange(parameters),
    status: Number.isInteger(status) && status >= 100 && status <= 599 ? status : undefined,
    url: parameters.get("url") ?? undefined,
    search: parameters.get("search") ?? "",
  };
}

/**
 * The address of a view; empty for the one that the page starts with.
 *
 * @param {View} view
 */
export function writeAddress({ range, status, url, search }) {
  const parameters = new URLSearchParams();
  if ("preset" in range) {
    if (range.preset !== PRESET_DEFAULT) parameters.set("range", range.preset);
  } else {
    parameters.set("from", new Date(range.fromMs).toISOString());
    parameters.set("to", new Date(range.toMs).toISOString());
  }
  if (status !== undefined) parameters.set("status", String(status));
  if (url !== undefined) parameters.set("url", url);
  if (search !== "") parameters.set("search", search);
  return parameters.toString().replaceAll("%3A", ":").replaceAll("%2F", "/");
}

/**
 * @param {URLSearchParams} parameters
 * @returns {Range}
 */
function readRange(parameters) {
  const [fromMs, toMs] = [readTime(parameters.get("from")), readTime(parameters.get("to"))];
  if (fromMs !== undefined && toMs !== undefined && fromMs < toMs) return { fromMs, toMs };
  const preset = parameters.get("range") ?? "";
  return { preset: PRESETS.some(({ name }) => name === preset) ? preset : PRESET_DEFAULT };
}

/**
 * Times that have four digits of a year, since others cannot be asked for.
 *
 * @param {string | null} text
 */
function readTime(text) {
  const timeMs = Date.parse(text ?? "");
  return timeMs >= 0 && timeMs < YEAR_10000_MS ? timeMs : undefined;
}

const YEAR_10000_MS = Date.UTC(10_000, 0);
