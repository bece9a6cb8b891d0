// The analyzer's query in DuckDB, over one file: duckdb.mjs FILE json|csv THREADS. Prints a window
// a line, as JSON, as far as the benchmark compares it.
import { DuckDBInstance } from "@duckdb/node-api";

const [path, format, threads] = process.argv.slice(2);
const columns =
  "{timestamp: 'TIMESTAMP', ip: 'VARCHAR', method: 'VARCHAR', url: 'VARCHAR', status: 'SMALLINT'}";
const source = format === "json"
  ? `read_json('${path}', format = 'newline_delimited', columns = ${columns})`
  : `read_csv('${path}', header = false, columns = ${columns})`;

const instance = await DuckDBInstance.create(":memory:", { threads });
const connection = await instance.connect();
const reader = await connection.runAndReadAll(`
  SELECT epoch_ms(timestamp) // 30000 * 30000 AS start, status, count(*) AS count,
    approx_count_distinct(CASE WHEN status >= 400 THEN ip END) AS ips,
    count(DISTINCT CASE WHEN status >= 400 THEN url END) AS urls
  FROM ${source}
  GROUP BY start, status ORDER BY start, status`);

const windows = new Map();
for (const [start, status, count] of reader.getRows()) {
  const window = windows.get(start) ?? { start: Number(start), total_count: 0, statuses: [] };
  windows.set(start, window);
  window.total_count += Number(count);
  if (status >= 400) window.statuses.push({ status, error_count: Number(count) });
}
for (const window of windows.values()) {
  console.log(JSON.stringify({ ...window, start: new Date(window.start).toISOString() }));
}
