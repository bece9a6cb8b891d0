import assert from "node:assert/strict";
import { answerStarting, createApp } from "../../../analyzer/http/app.ts";
import {
  appDeps,
  type AppFixture,
  InMemoryHistory,
  windowSummary,
} from "../../support/window_fixtures.ts";

const PATHS = [
  "/",
  "/metrics",
  "/windows",
  "/windows/current",
  "/windows/2025-05-30T18:52:30Z",
  "/summary",
  "/summary/clients?url=/",
  "/errors",
  "/healthz",
  "/readyz",
];

Deno.test("createApp() lists its routes at /", async () => {
  const body = await (await get("/")).json();
  assert.equal(body.name, "vigie");
  assert.equal(body.version, "0.1.0");
  assert.deepEqual(body.routes.map(({ path }: { path: string }) => path), [
    "/metrics",
    "/windows",
    "/windows/current",
    "/windows/{start}",
    "/events",
    "/summary",
    "/summary/clients",
    "/errors",
    "/logs",
    "/healthz",
    "/readyz",
    "/openapi.json",
    "/docs",
  ]);
  assert.deepEqual(body.routes[5].parameters, ["from", "to", "status", "urls", "url"]);
});

Deno.test("createApp() answers HEAD as GET, without the body", async () => {
  for (const path of PATHS) {
    const [head, full] = [await get(path, {}, { method: "HEAD" }), await get(path)];
    assert.equal(head.status, full.status, path);
    assert.deepEqual([...head.headers], [...full.headers], path);
    assert.equal(await head.text(), "", path);
    assert.notEqual(await full.text(), "", path);
  }
});

Deno.test("createApp() refuses every other method with 405 and Allow", async () => {
  for (const path of PATHS) {
    for (const method of ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"]) {
      const response = await get(path, {}, { method });
      assert.equal(response.status, 405, `${method} ${path}`);
      assert.equal(response.headers.get("allow"), "GET, HEAD");
      assert.equal((await response.json()).error.code, "method_not_allowed");
    }
  }
});

Deno.test("createApp() answers unknown paths with 404, whatever the method", async () => {
  for (const path of ["/nothing", "/windows/", "/windows/current/x", "/metrics/", "/%ff"]) {
    for (const method of ["GET", "POST"]) {
      const response = await get(path, {}, { method });
      assert.equal(response.status, 404, path);
      assert.equal((await response.json()).error.code, "unknown_path");
    }
  }
});

Deno.test("createApp() sets its security headers on every answer, and allows no origin", async () => {
  const failing: AppFixture = { history: new BrokenHistory() };
  const requests = [
    ...PATHS.map((path) => get(path)),
    get("/nothing"),
    get("/windows?limit=0"),
    get("/windows", {}, { method: "POST" }),
    get("/windows", {}, { headers: { origin: "http://elsewhere.example" } }),
    get("/windows", failing),
    get("/metrics", {}, { headers: { accept: "image/png" } }),
  ];
  for (const response of await Promise.all(requests)) {
    await response.body?.cancel();
    assert.equal(response.headers.get("x-content-type-options"), "nosniff");
    assert.equal(response.headers.get("cache-control"), "no-store");
    assert.equal(response.headers.get("access-control-allow-origin"), null);
    assert.match(response.headers.get("content-type")!, /^application\/json/);
  }
});

Deno.test("createApp() refuses unknown query parameters on every route, naming the known", async () => {
  for (const path of PATHS) {
    const response = await get(`${path.replace(/\?.*/, "")}?statsu=404`);
    assert.equal(response.status, 400, path);
    const { error } = await response.json();
    assert.equal(error.code, "unknown_parameter");
    assert.equal(error.parameter, "statsu");
    assert.equal(error.value, "404");
    const known: Readonly<Record<string, string>> = {
      "/windows": "from, to, status, limit, cursor, urls, url, step, format",
      "/windows/current": "urls",
      "/windows/2025-05-30T18:52:30Z": "urls",
      "/summary": "from, to, status, urls, url",
      "/summary/clients?url=/": "from, to, status, url",
      "/errors": "from, to, status, url, ip, q, limit, cursor",
    };
    assert.equal(error.allowed, known[path] ?? "no query parameters");
  }
});

Deno.test("createApp() makes one piece of all answers between two turns of the event loop", async () => {
  let waiting = 0;
  let turns = 0;
  const app = createApp(appDeps({
    history: new InMemoryHistory([windowSummary()]),
    async turn() {
      turns++;
      assert.equal(++waiting, 1);
      await Promise.resolve();
      waiting--;
    },
  }));
  const paths = ["/summary", "/windows?step=1h", "/summary?urls=0"];
  const answers = await Promise.all(paths.map((path) => app.request(path)));
  assert.deepEqual(answers.map(({ status }) => status), [200, 200, 200]);
  assert.ok(turns >= paths.length);
});

Deno.test("createApp() turns exceptions into 500 without internals, reported and counted", async () => {
  const reported: unknown[] = [];
  const app = createApp(appDeps({
    history: new BrokenHistory(),
    onException: (exception) => reported.push(exception),
  }));
  for (const path of ["/windows", "/windows/0", "/metrics"]) {
    const response = await app.request(path);
    assert.equal(response.status, 500, path);
    assert.deepEqual(await response.json(), {
      error: { code: "internal", message: "The answer could not be computed" },
    });
  }
  assert.deepEqual(reported, [
    BrokenHistory.EXCEPTION,
    "no exception at all",
    BrokenHistory.EXCEPTION,
  ]);
  const text = await (await app.request("/metrics", { headers: { accept: "text/plain" } })).text();
  assert.match(text, /^vigie_http_exceptions_total 3$/m);
});

Deno.test("answerStarting() refuses as the routes do", async () => {
  const [starting, refused] = [answerStarting(), await get("/nothing")];
  assert.equal(starting.status, 503);
  assert.deepEqual(Object.keys(await starting.json()), Object.keys(await refused.json()));
  assert.equal((await answerStarting().json()).error.code, "starting");
  const { "retry-after": retryAfter, ...headers } = Object.fromEntries(starting.headers);
  assert.deepEqual(headers, Object.fromEntries(refused.headers));
  assert.equal(retryAfter, "1");
});

class BrokenHistory extends InMemoryHistory {
  static readonly EXCEPTION = new Error("Cannot read /secret/windows.db");

  override query(): never {
    throw BrokenHistory.EXCEPTION;
  }

  override get(startMs: number): undefined {
    // Anything can be thrown, and a client deserves an answer to that as well.
    const thrown: unknown = "no exception at all";
    if (startMs === 0) throw thrown;
  }
}

async function get(path: string, fixture: AppFixture = {}, init?: RequestInit): Promise<Response> {
  return await createApp(appDeps(fixture)).request(path, init);
}
