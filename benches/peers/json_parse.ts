/**
 * The job the straightforward way: text, lines, `JSON.parse`, a `Map` and `Set`s per window.
 * `json_parse.ts FILE` prints a window a line, as JSON, as far as the benchmark compares it.
 *
 * @module
 */
interface Window {
  total: number;
  readonly statuses: Map<number, { count: number; ips: Set<string>; urls: Map<string, number> }>;
}

const windows = new Map<number, Window>();
const file = await Deno.open(Deno.args[0]!);
let carry = "";
for await (const text of file.readable.pipeThrough(new TextDecoderStream())) {
  const lines = (carry + text).split("\n");
  carry = lines.pop()!;
  for (const line of lines) {
    const { timestamp, ip, url, status } = JSON.parse(line);
    const start = Math.floor(Date.parse(timestamp) / 30_000) * 30_000;
    let window = windows.get(start);
    if (window === undefined) windows.set(start, window = { total: 0, statuses: new Map() });
    window.total++;
    if (status < 400) continue;
    let errors = window.statuses.get(status);
    if (errors === undefined) {
      window.statuses.set(status, errors = { count: 0, ips: new Set(), urls: new Map() });
    }
    errors.count++;
    errors.ips.add(ip);
    errors.urls.set(url, (errors.urls.get(url) ?? 0) + 1);
  }
}
for (const [start, { total, statuses }] of windows) {
  console.log(JSON.stringify({
    start: new Date(start).toISOString(),
    total_count: total,
    statuses: [...statuses].sort(([a], [b]) => a - b)
      .map(([status, { count }]) => ({ status, error_count: count })),
  }));
}
