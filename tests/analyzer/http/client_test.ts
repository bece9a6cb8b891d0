import assert from "node:assert/strict";
import { createClient } from "../../../analyzer/http/client.ts";
import type { RefusalCode } from "../../../analyzer/http/refusal_codes.ts";
import type { StatusJson, WindowJson } from "../../../analyzer/window/window_json.ts";
import { runDeno } from "../../architecture/checkout.ts";
import { readModuleGraph } from "../../architecture/module_graph.ts";
import { documentedApp } from "../../support/documented_app.ts";
import { appDeps } from "../../support/window_fixtures.ts";
import { createApp, type HttpApp } from "../../../analyzer/http/app.ts";

/** A client of an app, and every request that it sends. */
function clientOf(app: HttpApp, options: { readonly token?: string } = {}) {
  const requests: Request[] = [];
  const client = createClient("http://localhost:8000/", {
    ...options,
    fetch: async (input, init) => {
      const request = new Request(input, init);
      requests.push(request.clone());
      return await app.fetch(request);
    },
  });
  return { client, requests };
}

Deno.test("createClient() asks every kind of route, and gets what the document says", async () => {
  const { client, requests } = clientOf(documentedApp());

  const windows = await client.windows.$get({
    query: { from: "2025-05-30T18:52:30Z", to: 1_748_631_180_000, limit: 1, url: ["/resource/7"] },
  });
  assert.ok(windows.ok && windows.status === 200);
  const page = await windows.json();
  const [window] = page.windows;
  assert.deepEqual(window!.statuses.map(({ urls }) => urls), [[], [{
    url: "/resource/7",
    count: 5,
  }]]);
  const cursor: string | null = page.next_cursor;
  assert.equal(cursor, null);

  const one = await client.windows[":start"].$get({
    param: { start: "2025-05-30T18:53:00Z" },
    query: { urls: 1 },
  });
  assert.ok(one.ok);
  assert.equal((await one.json()).state, "open");

  const current = await client.windows.current.$get();
  assert.ok(current.ok);
  assert.equal((await current.json()).windows.length, 1);

  const index = await client.index.$get();
  assert.ok(index.ok);
  assert.equal((await index.json()).name, "vigie");

  const document = await client["openapi.json"].$get();
  assert.ok(document.ok);
  assert.equal((await document.json()).openapi, "3.1.0");

  const delivery = await client.logs.$post(
    { header: { "Content-Type": "text/csv", "Idempotency-Key": "one" } },
    { init: { body: "2025-05-30T18:52:31Z,192.0.2.1,GET,/resource/42,404\n" } },
  );
  assert.ok(delivery.ok, await delivery.clone().text());
  assert.equal((await delivery.json()).totals.errors_by_status["404"], 1);

  const text = await client.metrics.$get({}, { headers: { Accept: "text/plain" } });
  assert.match(await text.text(), /^# HELP vigie_/);

  assert.deepEqual(requests.map(({ method, url }) => `${method} ${url.replace(/^.*:8000/, "")}`), [
    "GET /windows?from=2025-05-30T18%3A52%3A30Z&to=1748631180000&limit=1&url=%2Fresource%2F7",
    "GET /windows/2025-05-30T18:53:00Z?urls=1",
    "GET /windows/current",
    "GET /",
    "GET /openapi.json",
    "POST /logs",
    "GET /metrics",
  ]);
  assert.ok(requests.every(({ headers }) => !headers.has("authorization")));
});

Deno.test("createClient() tells a refusal from an answer, by its status and its type", async () => {
  const { client } = clientOf(createApp(appDeps()));
  const response = await client.errors.$get({ query: { q: "x" } });
  assert.ok(!response.ok);
  const { error } = await response.json();
  const code: RefusalCode = error.code;
  assert.equal(code, "not_saved");
  assert.equal(response.status, 404);
});

Deno.test("createClient() sends its token with every request", async () => {
  const { client, requests } = clientOf(documentedApp(), { token: "a-long-token-of-ours" });
  await (await client.healthz.$get()).body!.cancel();
  await (await client.errors.$get({ query: { limit: 1 } })).body!.cancel();
  for (const { headers } of requests) {
    assert.equal(headers.get("authorization"), "Bearer a-long-token-of-ours");
  }
});

Deno.test("createClient() lets nobody ask for what there is not, nor read it: a matter of types", () => {
  const { client } = clientOf(documentedApp());
  type Page = Awaited<ReturnType<typeof client.windows.$get>>;
  type Json<Response, Ok> = Response extends { ok: Ok; json(): Promise<infer Json> } ? Json : never;

  // What the client gives is what other code of ours takes.
  type AnyWindow = Json<Page, true>["windows"][number];
  const same: Same<Immutable<AnyWindow>, WindowJson> = true;
  const sameStatus: Same<Immutable<AnyWindow["statuses"][number]>, StatusJson> = true;
  assert.ok(same && sameStatus);

  // Nothing is sent: it is enough that this does not compile.
  void [
    // @ts-expect-error a misspelt parameter
    () => client.windows.$get({ query: { statsu: 404 } }),
    // @ts-expect-error a word that is none of those allowed
    () => client.windows.$get({ query: { format: "xml" } }),
    // @ts-expect-error a number where a text is wanted
    () => client.errors.$get({ query: { q: 5 } }),
    // @ts-expect-error a parameter that is required
    () => client.summary.clients.$get(),
    // @ts-expect-error a part of the path that is required
    () => client.windows[":start"].$get(),
    // @ts-expect-error a path that does not exist
    () => client.window.$get(),
    // @ts-expect-error a method that the route does not have
    () => client.windows.$post(),
    // @ts-expect-error a type of body that is not taken
    () => client.logs.$post({ header: { "Content-Type": "text/plain" } }),
    (page: Json<Page, true>) => {
      // @ts-expect-error a key that no answer has
      page.windows[0]!.error_counts;
      // @ts-expect-error a key of another type
      const count: string = page.windows[0]!.error_count;
      return count;
    },
    async (page: Page) => {
      // @ts-expect-error without a look at the status it may be a refusal
      (await page.json()).windows;
    },
    (refusal: Json<Page, false>) => {
      // @ts-expect-error a code that does not exist
      return refusal.error.code === "not_found";
    },
  ];
});

type Same<A, B> = [A] extends [B] ? [B] extends [A] ? true : false : false;

type Immutable<T> = T extends readonly (infer Item)[] ? readonly Immutable<Item>[]
  : T extends object ? { readonly [Key in keyof T]: Immutable<T[Key]> }
  : T;

Deno.test("the client brings no code of the server with it", async () => {
  const graph = await readModuleGraph(["analyzer/http/client.ts"]);
  assert.deepEqual(
    graph.get("analyzer/http/client.ts")!.code.map((path) =>
      path.replace(/^npm:\/?(\w+)@[^/]+/, "$1")
    ),
    ["hono/client"],
  );
});

Deno.test("the example of the documents prints the failing URLs of the last hour", async () => {
  const controller = new AbortController();
  const { signal } = controller;
  const options = { hostname: "127.0.0.1", port: 0, signal, onListen: () => {} };
  const server = Deno.serve(options, documentedApp().fetch);
  const printed = await runDeno([
    ...["run", "--quiet", "--frozen", "--no-prompt", "--allow-net=127.0.0.1"],
    ...["--allow-env=VIGIE_TOKEN", "docs/integrations/failing_urls.ts"],
    `http://127.0.0.1:${server.addr.port}`,
  ]);
  controller.abort();
  await server.finished;
  assert.equal(
    printed,
    [
      "From 2025-05-30T17:53:00.000Z to 2025-05-30T18:53:00.000Z:",
      "42 errors on /resource/42 (42 × 404)",
      "29 errors on /resource/9 (29 × 404)",
      "17 errors on /resource/3 (17 × 404)",
      "5 errors on /resource/7 (5 × 500)",
      "",
    ].join("\n"),
  );
});
