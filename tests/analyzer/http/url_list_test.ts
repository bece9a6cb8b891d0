import assert from "node:assert/strict";
import { createApp } from "../../../analyzer/http/app.ts";
import { URLS_ASKED_MAX } from "../../../analyzer/http/api/parameter_schemas.ts";
import type { WindowJson } from "../../../analyzer/window/window_json.ts";
import { ATTACKS } from "../../hostile/attacks.ts";
import {
  appDeps,
  InMemoryHistory,
  LENGTH_MS,
  START_MS,
  statusSummary,
  windowSummary,
} from "../../support/window_fixtures.ts";

/** Two windows of half a minute each, in one minute. */
const WINDOWS = [-1, 0].map((i) => windowSummary({ startMs: START_MS + i * LENGTH_MS }));

const MINUTE = "from=2025-05-30T18:52:00Z&to=2025-05-30T18:53:00Z";

function appOf(windows = WINDOWS) {
  return createApp(appDeps({ history: new InMemoryHistory(windows) }));
}

/** URLs by status, as they are listed. */
function listed({ statuses }: Pick<WindowJson, "statuses">) {
  return statuses.map(({ status, urls }) => [status, urls.map(({ url, count }) => [url, count])]);
}

Deno.test("GET /windows?url= lists these URLs and no others, whatever their rank", async () => {
  const { windows } = await (await appOf().request("/windows?url=/resource/3&urls=1")).json();
  assert.equal(windows.length, 2);
  for (const window of windows) {
    assert.deepEqual(listed(window), [[404, [["/resource/3", 14]]], [500, []]]);
    // The counts stay those of all.
    assert.equal(window.error_count, 50);
    assert.equal(window.statuses[0].urls_total, 3);
  }
  const two = "/windows?url=/resource/3&url=/resource/7&limit=1";
  const { windows: [window] } = await (await appOf().request(two)).json();
  assert.deepEqual(listed(window), [[404, [["/resource/3", 14]]], [500, [["/resource/7", 5]]]]);
});

Deno.test("GET /windows?url= does so for merged windows, CSV and a summary", async () => {
  const { windows } = await (await appOf().request("/windows?step=1m&url=/resource/7")).json();
  assert.equal(windows.length, 1);
  assert.deepEqual(listed(windows[0]).at(-1), [500, [["/resource/7", 10]]]);
  assert.equal(windows[0].statuses[0].urls.length, 0);

  const summary = await (await appOf().request(`/summary?${MINUTE}&url=/resource/7`)).json();
  assert.deepEqual(
    summary.urls.map(({ url, count }: { url: string; count: number }) => [url, count]),
    [
      ["/resource/7", 10],
    ],
  );
  // Its share is one of all errors.
  assert.equal(summary.urls[0].share, 0.1);
  assert.deepEqual(listed(summary).at(-1), [500, [["/resource/7", 10]]]);
  assert.equal(summary.error_count, 100);

  const csv = await (await appOf().request("/windows?format=csv&url=/resource/7")).text();
  assert.equal(csv.trimEnd().split(/\r?\n/).length, 5);
});

Deno.test("GET /windows?url= finds every URL that can be logged", async () => {
  for (const { text, name } of ATTACKS) {
    const urls = [
      ...Array.from({ length: 30 }, (_, i) => ({ url: `/${i}`, count: 9, countErrorMax: 0 })),
      { url: text, count: 1, countErrorMax: 0 },
    ];
    const app = appOf([windowSummary({ statuses: [statusSummary({ urls })] })]);
    const query = new URLSearchParams({ url: text, urls: "1" });
    const { windows: [window] } = await (await app.request(`/windows?${query}`)).json();
    // Half a character cannot be sent.
    const expected = text.isWellFormed() ? [[404, [[text, 1]]]] : [[404, []]];
    assert.deepEqual(listed(window), expected, name);
  }
});

Deno.test("url= may be given so often, and no oftener", async () => {
  const query = (count: number) => Array.from({ length: count }, (_, i) => `url=/${i}`).join("&");
  for (const path of ["/windows", "/summary"]) {
    const most = await appOf().request(`${path}?${query(URLS_ASKED_MAX)}`);
    assert.equal(most.status, 200);
    await most.body?.cancel();
    const more = await appOf().request(`${path}?${query(URLS_ASKED_MAX + 1)}`);
    assert.equal(more.status, 400);
    assert.equal((await more.json()).error.parameter, "url");
  }
});
