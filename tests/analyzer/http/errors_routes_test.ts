import assert from "node:assert/strict";
import { createApp } from "../../../analyzer/http/app.ts";
import { analyzedBatch } from "../../support/batches.ts";
import { SavedErrorsFixture, storedRow } from "../../support/saved_errors.ts";
import { appDeps, LENGTH_MS, START_MS } from "../../support/window_fixtures.ts";

async function get(path: string, saved?: SavedErrorsFixture) {
  const deps = appDeps(saved === undefined ? {} : { savedErrors: saved.search });
  const response = await createApp(deps).request(path);
  return { status: response.status, body: await response.json() };
}

async function filled(): Promise<SavedErrorsFixture> {
  const saved = await SavedErrorsFixture.create();
  await saved.append(Array.from({ length: 1200 }, (_, i) =>
    storedRow(START_MS + i * 1000, {
      url: `/${i % 10}`,
      ip: `192.0.2.${i % 100}`,
      status: i % 2 === 0 ? 404 : 500,
    })));
  return saved;
}

// S-65
Deno.test("GET /errors answers whole records, the newest first", async () => {
  using saved = await filled();
  const { body } = await get("/errors?limit=1", saved);
  assert.deepEqual(body.errors, [{
    time: "2025-05-30T19:12:29.000Z",
    window_start: "2025-05-30T19:12:00.000Z",
    status: 500,
    method: "GET",
    url: "/9",
    ip: "192.0.2.99",
    record: {
      timestamp: "2025-05-30T19:12:29.000Z",
      ip: "192.0.2.99",
      method: "GET",
      url: "/9",
      status: 500,
    },
  }]);
  assert.equal(body.complete, true);
  assert.equal((await get("/errors", saved)).body.errors.length, 100);
  assert.equal((await get("/errors?limit=1000", saved)).body.errors.length, 1000);
});

// S-66
Deno.test("GET /errors goes on at its cursor, to the end", async () => {
  using saved = await filled();
  const urls: string[] = [];
  let cursor = "";
  do {
    const { body } = await get(`/errors?limit=500&status=404${cursor}`, saved);
    urls.push(...body.errors.map(({ url }: { url: string }) => url));
    cursor = `&cursor=${body.next_cursor}`;
    if (body.next_cursor === null) break;
  } while (urls.length < 2000);
  assert.equal(urls.length, 600);
  assert.deepEqual(urls.slice(0, 2), ["/8", "/6"]);
});

Deno.test("GET /errors filters by each of its parameters, and by all of them", async () => {
  using saved = await filled();
  const count = async (query: string) =>
    (await get(`/errors?limit=1000&${query}`, saved)).body.errors.length;
  const window = `from=${START_MS}&to=${START_MS + LENGTH_MS}`;
  assert.equal(await count(window), 30);
  assert.equal(await count(`from=${START_MS + 1}&to=${START_MS + LENGTH_MS + 1}`), 30);
  assert.equal(await count(`to=${START_MS}`), 0);
  assert.equal(await count("status=500"), 600);
  assert.equal(await count("url=/3"), 120);
  assert.equal(await count("url=/33"), 0);
  assert.equal(await count("ip=192.0.2.7"), 12);
  assert.equal(await count("q=192.0.2.7%22"), 12);
  assert.equal(await count("q=STATUS%22:404"), 600);
  assert.equal(await count("q=&url=&ip="), 1000);
  assert.equal(await count(`${window}&status=500&url=/3&ip=192.0.2.13&q=get`), 1);
});

Deno.test("GET /errors refuses what it cannot read, and a run that saves nothing", async () => {
  using saved = await filled();
  for (
    const [query, parameter] of [
      ["from=x", "from"],
      [`from=${START_MS}&to=${START_MS - 1}`, "to"],
      ["status=600", "status"],
      ["limit=0", "limit"],
      ["limit=1001", "limit"],
      ["cursor=before.1", "cursor"],
      [`q=${"x".repeat(64 * 1024 + 1)}`, "q"],
    ]
  ) {
    const { status, body } = await get(`/errors?${query}`, saved);
    assert.equal(status, 400, query);
    assert.equal(body.error.parameter, parameter);
  }
  const { status, body } = await get("/errors");
  assert.deepEqual([status, body.error.code], [404, "not_saved"]);
});

Deno.test("GET /errors answers null where a stored line has no such field", async () => {
  using saved = await SavedErrorsFixture.create();
  await saved.append([{ time: START_MS, line: '{"a":1}' }]);
  const { body } = await get("/errors", saved);
  const [time, status, method, url, ip] = [null, null, null, null, null];
  const record = { a: 1 };
  assert.deepEqual(body.errors, [{ time, window_start: null, status, method, url, ip, record }]);
});

// S-65
Deno.test("GET /errors and /summary/clients wait until what was read by then is in its file", async () => {
  using saved = await SavedErrorsFixture.create();
  await saved.files.append(analyzedBatch([storedRow(START_MS)]), 0);
  const deps = appDeps({ savedErrors: saved.search });
  const live = {
    async fresh() {
      await saved.files.flush();
      return await deps.live.fresh();
    },
  };
  const app = createApp({ ...deps, live });
  const { errors } = await (await app.request("/errors")).json();
  assert.equal(errors.length, 1);
  await saved.files.append(analyzedBatch([storedRow(START_MS, { ip: "192.0.2.2" })]), 0);
  const range = `from=${START_MS}&to=${START_MS + LENGTH_MS}`;
  const { clients } = await (await app.request(`/summary/clients?${range}&url=/resource/1`)).json();
  assert.equal(clients[0].unique_ips, 2);
});
