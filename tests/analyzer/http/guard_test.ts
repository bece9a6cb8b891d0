import assert from "node:assert/strict";
import { answerStarting, createApp } from "../../../analyzer/http/app.ts";
import { BearerToken } from "../../../analyzer/http/bearer_token.ts";
import { Guard } from "../../../analyzer/http/guard.ts";
import { HostList } from "../../../analyzer/http/host_list.ts";
import type { Limits } from "../../../analyzer/limits.ts";
import { testLimits } from "../../support/limits.ts";
import { appDeps } from "../../support/window_fixtures.ts";

const TOKEN = "mF_9.B5f-4.1JqM+/~==";
const PATHS = [
  ...["/", "/metrics", "/windows", "/windows/current", "/windows/0", "/healthz", "/readyz"],
  ...[
    "/logs",
    "/nothing",
    "/healthz/",
    "/Healthz",
    "/%68ealthz",
    "//healthz",
    "/windows/../healthz",
  ],
];
const METHODS = ["GET", "HEAD", "POST", "PUT", "OPTIONS", "PROPFIND"];

async function guarded(
  options: { readonly token?: string; readonly limits?: Partial<Limits> } = {},
) {
  const { limits, limitCounter } = testLimits(options.limits);
  const guard = new Guard({
    token: options.token === undefined ? undefined : await BearerToken.of(options.token),
    hosts: new HostList({ hostname: "127.0.0.1" }, []),
    limits,
    limitCounter,
  });
  const app = createApp({ ...appDeps(), refused: guard.refused });
  const passed: string[] = [];
  const ask = (target: string, init: RequestInit = {}, sent = Promise.resolve()) => {
    const request = new Request("http://localhost/", init);
    // The server gives the URL as it was sent; one that is made by hand was put in order first.
    const url = target.startsWith("/") ? `http://localhost${target}` : target;
    Object.defineProperty(request, "url", { value: url });
    return guard.answer(request, sent, (request) => {
      passed.push(request.url);
      return app.fetch(request);
    });
  };
  return { guard, limitCounter, passed, ask };
}

// S-78
Deno.test("Guard.answer() lets nobody without the token get anywhere but to /healthz", async () => {
  const { ask, guard, passed } = await guarded({ token: TOKEN });
  let refused = 0;
  for (const path of PATHS) {
    for (const method of METHODS) {
      for (const header of [undefined, "Bearer wrong", `Basic ${TOKEN}`]) {
        const headers: HeadersInit = header === undefined ? {} : { authorization: header };
        const response = await ask(path, { method, headers });
        const text = await response.text();
        if (path === "/healthz") {
          assert.notEqual(response.status, 401);
          continue;
        }
        refused++;
        assert.equal(response.status, 401, `${method} ${path}`);
        const isWrong = header?.startsWith("Bearer") === true;
        assert.equal(
          response.headers.get("www-authenticate"),
          isWrong ? 'Bearer realm="vigie", error="invalid_token"' : 'Bearer realm="vigie"',
        );
        assert.equal(JSON.parse(text).error.code, isWrong ? "invalid_token" : "missing_token");
        assert.ok(!text.includes(TOKEN));
      }
    }
  }
  assert.ok(passed.every((url) => url === "http://localhost/healthz"));
  assert.deepEqual(guard.refused, { host: 0, cross_site: 0, url: 0, token: refused, requests: 0 });
});

// S-78
Deno.test("Guard.answer() lets who has the token pass, and everybody where there is none", async () => {
  for (const token of [TOKEN, undefined]) {
    const { ask, guard } = await guarded(token === undefined ? {} : { token });
    const headers: HeadersInit = token === undefined ? {} : { authorization: `Bearer ${token}` };
    for (const path of ["/", "/metrics", "/windows?limit=1", "/healthz?", "/healthz", "/readyz"]) {
      assert.equal((await ask(path, { headers })).status, 200, path);
    }
    assert.equal((await ask("/nothing", { headers })).status, 404);
    assert.equal((await ask("/metrics", { method: "OPTIONS", headers })).status, 405);
    assert.deepEqual(guard.refused, { host: 0, cross_site: 0, url: 0, token: 0, requests: 0 });
  }
});

// S-78
Deno.test("Guard.answer() takes the token from no other place than the header", async () => {
  const { ask } = await guarded({ token: TOKEN });
  const query = `?access_token=${encodeURIComponent(TOKEN)}`;
  assert.equal((await ask(`/metrics${query}`)).status, 401);
  const form = { method: "POST", body: new URLSearchParams({ access_token: TOKEN }) };
  assert.equal((await ask("/logs", form)).status, 401);
  assert.equal((await ask("/metrics", { headers: { cookie: `token=${TOKEN}` } })).status, 401);
});

// S-78
Deno.test("Guard.answer() reads nothing of a body that it refuses", async () => {
  const { ask } = await guarded({ token: TOKEN });
  let pulls = 0;
  const body = new ReadableStream<Uint8Array>({
    pull: (controller) => {
      pulls++;
      controller.enqueue(new Uint8Array(1000));
    },
  }, { highWaterMark: 0 });
  const headers = { "content-type": "application/x-ndjson" };
  assert.equal((await ask("/logs", { method: "POST", headers, body })).status, 401);
  assert.equal(pulls, 0);
});

// S-78
Deno.test("Guard.answer() stands before the answer of a start, too", async () => {
  const guard = new Guard({
    token: await BearerToken.of(TOKEN),
    hosts: new HostList({ hostname: "127.0.0.1" }, []),
    ...testLimits(),
  });
  const ask = (path: string, headers: HeadersInit = {}) =>
    guard.answer(
      new Request(`http://localhost${path}`, { headers }),
      Promise.resolve(),
      answerStarting,
    );
  assert.equal((await ask("/metrics")).status, 401);
  assert.equal((await ask("/healthz")).status, 503);
  assert.equal((await ask("/metrics", { authorization: `Bearer ${TOKEN}` })).status, 503);
});

// S-79
Deno.test("Guard.answer() sends away who asks under another name, with the token or without", async () => {
  const { ask, guard } = await guarded({ token: TOKEN });
  for (const path of PATHS) {
    const response = await ask(`http://evil.example${path}`, {
      headers: { authorization: `Bearer ${TOKEN}` },
    });
    assert.equal(response.status, 421, path);
    const { error } = await response.json();
    assert.equal(error.code, "misdirected_request");
    assert.match(error.message, /start vigie with --http-host NAME/);
  }
  const response = await ask("/metrics", { headers: { host: "evil.example" } });
  assert.equal(response.status, 421);
  assert.equal(guard.refused.host, PATHS.length + 1);
});

// S-80
Deno.test("Guard.answer() lets pages of other origins link here, and do nothing else", async () => {
  const { ask, guard } = await guarded();
  const link = { "sec-fetch-mode": "navigate", "sec-fetch-dest": "document" };
  const cases: readonly (readonly [string, Record<string, string>, boolean])[] = [
    ["GET", { "sec-fetch-mode": "cors" }, true],
    ["GET", { "sec-fetch-site": "none", ...link }, true],
    ["GET", { "sec-fetch-site": "same-origin", "sec-fetch-mode": "cors" }, true],
    ["GET", { "sec-fetch-site": "cross-site", ...link }, true],
    ["HEAD", { "sec-fetch-site": "same-site", ...link }, true],
    ["POST", { "sec-fetch-site": "cross-site", ...link }, false],
    ["GET", { "sec-fetch-site": "cross-site", ...link, "sec-fetch-dest": "iframe" }, false],
    ["GET", { "sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors" }, false],
    ["GET", { "sec-fetch-site": "same-site", "sec-fetch-mode": "cors" }, false],
    ["OPTIONS", { "sec-fetch-site": "cross-site", "sec-fetch-mode": "cors" }, false],
    ["GET", { "sec-fetch-site": "what is this" }, false],
  ];
  for (const [method, headers, passes] of cases) {
    const response = await ask("/windows", { method, headers });
    assert.equal(response.status === 403, !passes, JSON.stringify([method, headers]));
    if (!passes) assert.equal((await response.json()).error.code, "cross_site");
  }
  assert.equal(guard.refused.cross_site, cases.filter(([, , passes]) => !passes).length);
});

// S-80
Deno.test("Guard.answer() gives no origin a permission, on any route or refusal", async () => {
  for (const token of [undefined, TOKEN]) {
    const { ask } = await guarded(token === undefined ? {} : { token });
    for (const target of [...PATHS, "http://evil.example/", `/?${"x".repeat(9000)}`]) {
      for (const method of METHODS) {
        const response = await ask(target, {
          method,
          headers: {
            origin: "http://evil.example",
            "access-control-request-method": "POST",
            "access-control-request-headers": "authorization, content-type",
            "access-control-request-private-network": "true",
          },
        });
        await response.body?.cancel();
        const names = [...response.headers.keys()];
        assert.deepEqual(names.filter((name) => name.startsWith("access-control")), []);
        const isRoute = token === undefined && /^\/(?:[a-z]+(?:\/(?:current|0))?)?$/.test(target) &&
          target !== "/nothing";
        if (method === "OPTIONS" && isRoute) assert.equal(response.status, 405, target);
        for (const [name, value] of Object.entries(HEADERS)) {
          assert.equal(response.headers.get(name), value, `${method} ${target}: ${name}`);
        }
      }
    }
  }
});

const HEADERS = {
  "cache-control": "no-store",
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
  "cross-origin-resource-policy": "same-origin",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
};

Deno.test("Guard.answer() refuses a URL that is longer than the limit, to the byte", async () => {
  const { ask, guard, limitCounter, passed } = await guarded({ limits: { httpUrlBytes: 300 } });
  const path = `/windows?cursor=${"x".repeat(284)}`;
  assert.equal(path.length, 300);
  assert.equal((await ask(path)).status, 400);
  const response = await ask(`${path}x`);
  assert.equal(response.status, 414);
  assert.deepEqual(await response.json(), {
    error: {
      code: "url_too_long",
      message: "The path and query are too long",
      allowed: "300 bytes",
    },
  });
  assert.deepEqual([passed.length, guard.refused.url, limitCounter.count("httpUrlBytes")], [
    1,
    1,
    1,
  ]);
});

Deno.test("Guard.answer() lets so many requests pass until their answers are sent, and /healthz always", async () => {
  const { ask, guard, limitCounter } = await guarded({ token: TOKEN, limits: { httpRequests: 2 } });
  const headers = { authorization: `Bearer ${TOKEN}` };
  const [first, second] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  // Who has no token takes nobody's place.
  for (let i = 0; i < 3; i++) assert.equal((await ask("/", {}, new Promise(() => {}))).status, 401);
  for (const { promise } of [first, second]) {
    assert.equal((await ask("/", { headers }, promise)).status, 200);
  }
  const refused = await ask("/", { headers });
  assert.deepEqual([refused.status, refused.headers.get("retry-after")], [503, "1"]);
  assert.equal((await refused.json()).error.code, "too_many_requests");
  for (let i = 0; i < 3; i++) {
    assert.equal((await ask("/healthz", {}, new Promise(() => {}))).status, 200);
  }
  second.resolve();
  await null;
  assert.equal((await ask("/", { headers }, new Promise(() => {}))).status, 200);
  assert.equal((await ask("/", { headers })).status, 503);
  assert.deepEqual([guard.refused.requests, limitCounter.count("httpRequests")], [2, 2]);
});

Deno.test("Guard gives back the place of a stream of events, which has a bound of its own", async () => {
  const { limits, limitCounter } = testLimits({ httpRequests: 1 });
  const hosts = new HostList({ hostname: "127.0.0.1" }, []);
  const guard = new Guard({ token: undefined, hosts, limits, limitCounter });
  const never = new Promise<void>(() => {});
  const ask = (type: string) =>
    guard.answer(
      new Request("http://localhost/events"),
      never,
      () => new Response("", { headers: { "content-type": type } }),
    );
  for (let i = 0; i < 3; i++) assert.equal((await ask("text/event-stream")).status, 200);
  assert.equal((await ask("application/json")).status, 200);
  assert.equal((await ask("text/event-stream")).status, 503);
});

// S-78
Deno.test("Guard lets everybody have the page and what describes the interface, and nothing beside it", async () => {
  const { ask } = await guarded({ token: TOKEN });
  const headers = { accept: "text/html,*/*;q=0.8" };
  for (const path of ["/", "/?x", "/assets/main.js", "/docs", "/openapi.json"]) {
    assert.notEqual((await ask(path, { headers })).status, 401, path);
  }
  for (
    const path of [
      ...["/metrics", "//", "/assets/", "/assets/../metrics", "/assets/%2e%2e/metrics"],
      ...["/docs/", "/openapixjson", "/openapi.json/metrics", "/assets/main.js/../../metrics"],
    ]
  ) {
    assert.equal((await ask(path, { headers })).status, 401, path);
  }
});

Deno.test("Guard counts in the metrics whom it refuses", async () => {
  const { ask } = await guarded();
  await ask("http://evil.example/");
  await ask("/", { headers: { "sec-fetch-site": "cross-site" } });
  const response = await ask("/metrics", { headers: { accept: "text/plain" } });
  assert.deepEqual((await response.text()).match(/^vigie_http_refused_total.*$/gm), [
    'vigie_http_refused_total{reason="host"} 1',
    'vigie_http_refused_total{reason="cross_site"} 1',
    'vigie_http_refused_total{reason="url"} 0',
    'vigie_http_refused_total{reason="token"} 0',
    'vigie_http_refused_total{reason="requests"} 0',
  ]);
});
