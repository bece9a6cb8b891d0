/**
 * Colours of statuses, by the custom property that holds them: red for what the server did wrong,
 * amber for what clients did, grey for the rest. Within a class they differ in lightness, so that
 * they can be told apart without seeing colours.
 *
 * @param {number} status
 */
export function colorOf(status) {
  const names = NAMES[/** @type {4 | 5} */ (Math.floor(status / 100))];
  if (names === undefined) return "--status-other";
  const known = KNOWN.indexOf(status);
  return names[known >= 0 ? known % names.length : status % names.length] ?? "--status-other";
}

/** The frequent ones first, so that each gets a colour of its own. */
const KNOWN = [500, 502, 503, 504, 404, 403, 401, 429, 400];

const NAMES = {
  5: ["--status-5a", "--status-5b", "--status-5c", "--status-5d"],
  4: ["--status-4a", "--status-4b", "--status-4c", "--status-4d", "--status-4e"],
};
