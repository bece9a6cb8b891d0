/**
 * Prints the URLs that failed most in the last hour of the log, as a program of your own would ask
 * for them. Set VIGIE_TOKEN where vigie wants one.
 *
 *     deno run --allow-net --allow-env=VIGIE_TOKEN docs/integrations/failing_urls.ts http://127.0.0.1:8000
 */
import { createClient } from "../../analyzer/http/client.ts";

const [address = "http://127.0.0.1:8000"] = Deno.args;
const token = Deno.env.get("VIGIE_TOKEN");
const client = createClient(address, token === undefined ? {} : { token });

const response = await client.summary.$get({ query: { urls: 10 } });
if (!response.ok) {
  const { error } = await response.json();
  throw new Error(`Cannot read the last hour: ${error.code}: ${error.message}`);
}
const { from, to, urls } = await response.json();
console.log(`From ${from} to ${to}:`);
for (const { url, count, statuses } of urls) {
  const parts = statuses.map(({ status, count }) => `${count} × ${status}`);
  console.log(`${count} errors on ${url} (${parts.join(", ")})`);
}
