/**
 * An event time as ISO 8601 in UTC with microseconds, such as `2025-05-30T18:52:47.123456Z`.
 *
 * @param timestampMs Milliseconds since the Unix epoch, rounded to whole microseconds.
 * @throws {RangeError} if the year has not four digits, or it is no finite number
 */
export function formatTimestamp(timestampMs: number): string {
  // Whole ms and the rest apart: all in one number of µs, far years would lose digits.
  const wholeMs = Math.floor(timestampMs);
  const restUs = Math.round((timestampMs - wholeMs) * 1000);
  const text = new Date(restUs < 1000 ? wholeMs : wholeMs + 1).toISOString();
  if (text.length !== "2025-05-30T18:52:47.123Z".length) {
    throw new RangeError(`Cannot format a timestamp: ${text} is not in the years 0 to 9999`);
  }
  return `${text.slice(0, -1)}${String(restUs % 1000).padStart(3, "0")}Z`;
}
