import assert from "node:assert/strict";
import { createApp } from "../../../analyzer/http/app.ts";
import { SavedErrorsFixture, storedRow } from "../../support/saved_errors.ts";
import {
  appDeps,
  type AppFixture,
  InMemoryHistory,
  LENGTH_MS,
  START_MS,
  windowSummary,
} from "../../support/window_fixtures.ts";

const HOUR_MS = 3600 * 1000;

async function get(path: string, fixture: AppFixture = {}) {
  const response = await createApp(appDeps(fixture)).request(path);
  return { status: response.status, body: await response.json() };
}

function historyOf(count: number): InMemoryHistory {
  return new InMemoryHistory(
    Array.from({ length: count }, (_, i) => windowSummary({ startMs: START_MS + i * LENGTH_MS })),
  );
}

function iso(timeMs: number): string {
  return new Date(timeMs).toISOString();
}

// S-64
Deno.test("GET /summary answers for the windows that start in a range", async () => {
  const history = historyOf(4);
  const at = (i: number) => START_MS + i * LENGTH_MS;
  const { body } = await get(`/summary?from=${at(1)}&to=${at(3)}&urls=1`, { history });
  assert.equal(body.from, iso(at(1)));
  assert.equal(body.to, iso(at(3)));
  assert.equal(body.windows, 2);
  assert.equal(body.total_count, 2000);
  assert.equal(body.error_rate, 0.05);
  assert.equal(body.unique_ips, 14);
  assert.deepEqual(body.statuses.map((entry: { urls: unknown[] }) => entry.urls.length), [1, 1]);
  assert.equal(body.urls.length, 1);
  assert.equal(body.urls[0].trend.length, 24);
  assert.deepEqual([body.urls[0].first_seen, body.urls[0].last_seen], [iso(at(1)), iso(at(3))]);
  const shifted = await get(`/summary?from=${at(1) + 1}&to=${at(3) + 1}`, { history });
  assert.equal(shifted.body.windows, 2);
  assert.equal(shifted.body.urls[0].first_seen, iso(at(2)));
});

Deno.test("GET /summary answers for the last hour up to the newest closed window by itself", async () => {
  const history = historyOf(130);
  const endMs = START_MS + 130 * LENGTH_MS;
  const { body } = await get("/summary", { history });
  assert.deepEqual([body.from, body.to, body.windows], [iso(endMs - HOUR_MS), iso(endMs), 120]);
  const until = await get(`/summary?to=${START_MS + LENGTH_MS}`, { history });
  assert.deepEqual([until.body.from, until.body.windows], [
    iso(START_MS + LENGTH_MS - HOUR_MS),
    1,
  ]);
  const since = await get(`/summary?from=${endMs - LENGTH_MS}`, { history });
  assert.deepEqual([since.body.to, since.body.windows], [iso(endMs), 1]);
  const later = await get(`/summary?from=${endMs + 1}`, { history });
  assert.deepEqual([later.body.to, later.body.windows], [iso(endMs + 1), 0]);
  const nothing = await get("/summary");
  assert.equal(nothing.body.to, iso(START_MS + 32_000));
  assert.deepEqual([nothing.body.error_rate, nothing.body.urls], [0, []]);
});

Deno.test("GET /summary by status lists that status, and its URLs' share of it", async () => {
  const { body } = await get(`/summary?from=${START_MS}&status=500`, { history: historyOf(1) });
  assert.equal(body.error_count, 50);
  assert.deepEqual(body.statuses.map(({ status }: { status: number }) => status), [500]);
  assert.deepEqual(
    body.urls.map(({ url, share }: { url: string; share: number }) => [url, share]),
    [
      ["/resource/7", 1],
    ],
  );
});

Deno.test("GET /summary refuses what it cannot read", async () => {
  for (
    const [query, parameter] of [
      ["from=x", "from"],
      ["to=1.5", "to"],
      [`from=${START_MS}&to=${START_MS - 1}`, "to"],
      ["status=99", "status"],
      ["urls=1001", "urls"],
    ]
  ) {
    const { status, body } = await get(`/summary?${query}`);
    assert.equal(status, 400, query);
    assert.equal(body.error.parameter, parameter);
  }
});

// S-67
Deno.test("GET /summary/clients counts distinct clients by URL", async () => {
  using saved = await SavedErrorsFixture.create();
  await saved.append(
    Array.from(
      { length: 40 },
      (_, i) => storedRow(START_MS + i, { url: `/${i % 3}`, ip: `192.0.2.${i % 7}` }),
    ),
  );
  const fixture = { savedErrors: saved.search, history: historyOf(1) };
  const { body } = await get("/summary/clients?url=/0&url=/9&url=/1", fixture);
  const entry = (url: string, count: number) => ({
    url,
    unique_ips: count,
    unique_ips_exact: true,
    complete: true,
  });
  assert.deepEqual(body, { clients: [entry("/0", 7), entry("/9", 0), entry("/1", 7)] });
  const before = await get(`/summary/clients?url=/0&to=${START_MS}`, fixture);
  assert.equal(before.body.clients[0].unique_ips, 0);
});

Deno.test("GET /summary/clients takes 1 to 50 URLs, and needs saved errors", async () => {
  using saved = await SavedErrorsFixture.create();
  const urls = (count: number) => Array.from({ length: count }, (_, i) => `url=/${i}`).join("&");
  const fixture = { savedErrors: saved.search };
  for (const [count, expected] of [[0, 400], [1, 200], [50, 200], [51, 400]] as const) {
    const { status, body } = await get(`/summary/clients?${urls(count)}`, fixture);
    assert.equal(status, expected, `${count}`);
    if (expected === 400) assert.equal(body.error.parameter, "url");
  }
  const { status, body } = await get("/summary/clients?url=/");
  assert.deepEqual([status, body.error.code], [404, "not_saved"]);
  const repeated = await get("/summary/clients?url=/&to=0&to=1", fixture);
  assert.equal(repeated.body.error.code, "repeated_parameter");
});
