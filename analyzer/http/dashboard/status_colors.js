/**
 * A colour for each of some statuses, by the custom property that holds it: red for what the server
 * did wrong, amber for what clients did, grey for the rest. Within a class they differ in lightness,
 * so that they can be told apart without seeing colours. The frequent statuses always have the same
 * colour; the others take what is left.
 *
 * @param {readonly number[]} statuses
 * @returns {Map<number, string>}
 */
export function colorsOf(statuses) {
  const colors = /** @type {Map<number, string>} */ (new Map());
  for (const status of statuses) {
    const color = KNOWN.get(status);
    if (color !== undefined) colors.set(status, color);
  }
  for (const status of statuses) {
    if (colors.has(status)) continue;
    const taken = new Set(colors.values());
    const free = NAMES[/** @type {4 | 5} */ (Math.floor(status / 100))]?.find((name) =>
      !taken.has(name)
    );
    colors.set(status, free ?? "--status-other");
  }
  return new Map(statuses.map((status) => [status, colors.get(status) ?? "--status-other"]));
}

const KNOWN = new Map([
  [500, "--status-5a"],
  [502, "--status-5b"],
  [503, "--status-5c"],
  [504, "--status-5d"],
  [404, "--status-4a"],
  [403, "--status-4b"],
  [401, "--status-4c"],
  [429, "--status-4d"],
  [400, "--status-4e"],
]);

const NAMES = {
  5: ["--status-5a", "--status-5b", "--status-5c", "--status-5d"],
  4: ["--status-4a", "--status-4b", "--status-4c", "--status-4d", "--status-4e"],
};
