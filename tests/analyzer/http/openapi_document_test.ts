import { Validator } from "@seriousme/openapi-schema-validator";
import { Ajv2020 } from "ajv/dist/2020.js";
import assert from "node:assert/strict";
import type { DeliveryAnswer, DeliveryReceiver } from "../../../analyzer/delivery/delivery.ts";
import { ALL_ROUTES } from "../../../analyzer/http/api/all_routes.ts";
import { COMPONENTS } from "../../../analyzer/http/api/components.ts";
import {
  HEALTH_PATH,
  pathTemplate,
  queryNames,
  refusalsByStatus,
  type RouteDescription,
} from "../../../analyzer/http/api/route_description.ts";
import { answerStarting, createApp, type HttpApp } from "../../../analyzer/http/app.ts";
import { BearerToken } from "../../../analyzer/http/bearer_token.ts";
import { Guard } from "../../../analyzer/http/guard.ts";
import { HostList } from "../../../analyzer/http/host_list.ts";
import {
  type JsonSchema,
  type OpenApiDocument,
  openApiDocument,
} from "../../../analyzer/http/openapi_document.ts";
import { REFUSAL_CODES } from "../../../analyzer/http/refusal_codes.ts";
import { emptyTotals } from "../../../analyzer/sink/totals.ts";
import { documentedApp } from "../../support/documented_app.ts";
import { EventRun, nthWindow, settle } from "../../support/event_run.ts";
import { testLimits } from "../../support/limits.ts";
import { appDeps } from "../../support/window_fixtures.ts";
import { DeliveryRun } from "../delivery/delivery_run.ts";

const ROUTES: readonly RouteDescription[] = ALL_ROUTES;

const DOCUMENT: OpenApiDocument = openApiDocument(ROUTES, "0.1.0");

/** As it is sent, so that nothing that JSON cannot say is taken for part of it. */
const SENT = JSON.parse(JSON.stringify(DOCUMENT));

const ajv = new Ajv2020({ strict: false, allErrors: true });
// More than the format asks for: all times are in UTC with milliseconds.
ajv.addFormat("date-time", /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
ajv.addSchema(SENT, "document");

/** Checks a value by the schema at a place of the document. */
function check(value: unknown, place: readonly string[], what: string): void {
  const pointer = place.map((part) => part.replaceAll("~", "~0").replaceAll("/", "~1")).join("/");
  const validate = ajv.getSchema(`document#/${pointer}`);
  assert.ok(validate !== undefined, `${what}: the document has no ${pointer}`);
  assert.ok(validate(value), `${what}: ${ajv.errorsText(validate.errors)}`);
}

/** Headers that any answer may have, and that are no part of what it says. */
const COMMON_HEADERS = [
  ...["cache-control", "content-length", "content-security-policy", "content-type", "vary"],
  ...["cross-origin-resource-policy", "referrer-policy", "x-accel-buffering"],
  ...["x-content-type-options", "x-frame-options"],
];

/** One request, what it gets, and from whom. */
interface Case {
  readonly operation: string;
  readonly status: number;
  /** The media type of the answer; JSON unless told, and empty for none. */
  readonly type?: string;
  /** Why it is refused. */
  readonly code?: string;
  readonly path: string;
  readonly init?: RequestInit;
  readonly app?: () => Pick<HttpApp, "request">;
}

const BROWSER = { headers: { accept: "text/html" } };

/** A path of each route that is served by the documented run. */
const SERVED: Readonly<Record<string, string>> = Object.fromEntries(ROUTES.map((route) => [
  route.operationId,
  route.example?.request ?? route.path.replace(":name", "main.js"),
]));

/** Every status and form of an answer, and every reason to refuse, that the document names. */
function* cases(): Generator<Case> {
  for (const route of ROUTES) {
    const { operationId: operation, method, refusals } = route;
    const path = SERVED[operation]!;
    const init = { method };
    const [first] = queryNames(route);
    const query = `${path}${path.includes("?") ? "&" : "?"}`;
    yield* guardCases(route, path, init);
    yield { operation, status: 400, code: "unknown_parameter", path: `${query}nonsense=1`, init };
    if (first !== undefined) {
      const code = "repeated_parameter";
      yield { operation, status: 400, code, path: `${query}${first}=0&${first}=0`, init };
    }
    yield {
      operation,
      status: 503,
      code: "starting",
      path,
      app: () => ({ request: answerStarting }),
    };
    if (refusals.includes("internal")) {
      const headers = route.example?.headers ?? {};
      yield {
        operation,
        status: 500,
        code: "internal",
        path,
        init: { ...init, headers },
        app: broken,
      };
    }
    if (refusals.includes("invalid_parameter")) {
      const wrong = new URL(path, "http://localhost");
      wrong.searchParams.set(first!, "yesterday");
      const code = "invalid_parameter";
      yield { operation, status: 400, code, path: wrong.pathname + wrong.search };
    }
    if (refusals.includes("not_saved")) {
      const app = () => createApp(appDeps());
      yield { operation, status: 404, code: "not_saved", path, app };
    }
  }
  for (const [accept, type] of METRICS_TYPES) {
    const init = { headers: { accept } };
    yield { operation: "getMetrics", status: 200, type, path: "/metrics", init };
  }
  const image = { headers: { accept: "image/png" } };
  const code = "not_acceptable";
  yield { operation: "getMetrics", status: 406, code, path: "/metrics", init: image };

  yield { operation: "listWindows", status: 200, path: "/windows" };
  const csv = "/windows?format=csv";
  yield { operation: "listWindows", status: 200, type: "text/csv", path: csv };
  yield { operation: "listOpenWindows", status: 200, path: "/windows/current" };
  yield { operation: "getWindow", status: 200, path: SERVED["getWindow"]! };
  yield { operation: "getWindow", status: 404, code: "unknown_window", path: "/windows/5" };
  yield { operation: "summarize", status: 200, path: "/summary?from=0" };
  yield { operation: "countClients", status: 200, path: SERVED["countClients"]! };
  yield { operation: "listErrors", status: 200, path: "/errors" };

  const stream = "text/event-stream";
  yield { operation: "streamEvents", status: 200, type: stream, path: "/events" };
  for (
    const [answer, code] of [["full", "too_many_event_clients"], ["stopped", "stopping"]] as const
  ) {
    const events = { open: () => answer, counts: { clients: 0, dropped: 0, bytes: 0 } };
    const app = () => createApp(appDeps({ events }));
    yield { operation: "streamEvents", status: 503, code, path: "/events", app };
  }

  yield* deliveryCases();

  for (
    const [operation, path] of [["getHealth", "/healthz"], ["getReadiness", "/readyz"]] as const
  ) {
    yield { operation, status: 200, path };
    const health = { writerIdleMs: 60_000, inputWaiting: true };
    yield { operation, status: 503, path, app: () => createApp(appDeps({ health })) };
  }

  yield { operation: "getIndex", status: 200, path: "/" };
  yield { operation: "getIndex", status: 200, type: "text/html", path: "/", init: BROWSER };
  yield { operation: "getOpenApi", status: 200, path: "/openapi.json" };
  yield { operation: "getDocs", status: 200, type: "text/html", path: "/docs" };
  for (const [name, type] of [["main.js", "text/javascript"], ["docs.css", "text/css"]] as const) {
    yield { operation: "getAsset", status: 200, type, path: `/assets/${name}` };
  }
  yield { operation: "getAsset", status: 404, code: "unknown_path", path: "/assets/nothing" };
  for (const operation of ["getIndex", "getOpenApi", "getDocs", "getAsset"]) {
    const init = { headers: { accept: "text/html", "if-none-match": "*" } };
    yield { operation, status: 304, type: "", path: SERVED[operation]!, init };
  }
}

const METRICS_TYPES = [
  ["*/*", "application/json"],
  ["text/plain", "text/plain"],
  ["application/openmetrics-text", "application/openmetrics-text"],
] as const;

/** What the guard says to requests for a route; to those that it should let pass, too. */
function* guardCases(route: RouteDescription, path: string, init: RequestInit): Generator<Case> {
  const operation = route.operationId;
  const ask = (headers: Record<string, string>, requests = 1) => ({
    init: { ...init, headers: { accept: "application/json", ...headers } },
    app: () => guardedApp(requests),
  });
  const authorization = `Bearer ${TOKEN}`;
  yield {
    ...ask({ authorization, host: "elsewhere.example" }),
    ...{ operation, status: 421, code: "misdirected_request", path },
  };
  yield {
    ...ask({ authorization, "sec-fetch-site": "cross-site" }),
    ...{ operation, status: 403, code: "cross_site", path },
  };
  const long = `${path}?${"a".repeat(8192)}`;
  yield { ...ask({ authorization }), operation, status: 414, code: "url_too_long", path: long };
  if (route.isPublic !== true) {
    yield { ...ask({}), operation, status: 401, code: "missing_token", path };
    const wrong = ask({ authorization: "Bearer wrong" });
    yield { ...wrong, operation, status: 401, code: "invalid_token", path };
  }
  if (path !== HEALTH_PATH) {
    const busy = ask({ authorization }, 0);
    yield { ...busy, operation, status: 503, code: "too_many_requests", path };
  }
}

const TOKEN = "a-token-of-a-test";

/** The documented run behind a guard with a token, that answers so many requests at a time. */
function guardedApp(requests: number): Pick<HttpApp, "request"> {
  const { limits, limitCounter } = testLimits();
  return {
    request: async (path, init) => {
      const guard = new Guard({
        token: await BearerToken.of(TOKEN),
        hosts: new HostList({ hostname: "127.0.0.1" }, []),
        limits: { ...limits, httpRequests: requests },
        limitCounter,
      });
      const request = new Request(`http://localhost${path}`, init);
      return await guard.answer(
        request,
        Promise.resolve(),
        (request) => documentedApp().fetch(request),
      );
    },
  };
}

function* deliveryCases(): Generator<Case> {
  const headers = { "content-type": "text/csv" };
  const send = (more: Record<string, string> = {}) => ({
    method: "POST",
    headers: { ...headers, ...more },
    body: "",
  });
  const operation = "deliverLogs";
  const path = "/logs";
  const answers: [status: number, code: string | undefined, answer: DeliveryAnswer][] = [
    [200, undefined, {
      kind: "delivered",
      isDurable: true,
      isRepeated: false,
      totals: emptyTotals(),
    }],
    [408, "silent", { kind: "broken", why: "silent", lines: 1 }],
    [408, "too_slow", { kind: "broken", why: "too-slow", lines: 1 }],
    [413, "body_too_long", { kind: "broken", why: "too-long", lines: 1 }],
    [400, "broken_encoding", { kind: "broken", why: "encoding", lines: 1 }],
    [400, "broken_body", { kind: "broken", why: "lost", lines: 1 }],
    [422, "other_body", { kind: "other-body" }],
    [409, "key_in_use", { kind: "key-in-use" }],
    [429, "too_many_deliveries", { kind: "overloaded" }],
    [503, "stopping", { kind: "stopped" }],
  ];
  for (const [status, code, answer] of answers) {
    const app = () => createApp(appDeps({ deliveries: receiving(() => answer) }));
    yield { operation, status, path, init: send(), app, ...(code === undefined ? {} : { code }) };
  }
  const app = () => createApp(appDeps());
  yield { operation, status: 503, code: "not_accepting", path, init: send(), app };
  const health = { writerFault: "full" };
  const faulty = () => createApp(appDeps({ health, deliveries: new DeliveryRun().serve() }));
  yield { operation, status: 503, code: "writer_fault", path, init: send(), app: faulty };
  const key = send({ "idempotency-key": "two words" });
  yield { operation, status: 400, code: "invalid_key", path, init: key };
  const type = send({ "content-type": "text/plain" });
  yield { operation, status: 415, code: "unsupported_type", path, init: type };
  const encoding = send({ "content-encoding": "br" });
  yield { operation, status: 415, code: "unsupported_encoding", path, init: encoding };
}

function receiving(answer: () => DeliveryAnswer): DeliveryReceiver {
  // deno-lint-ignore require-await -- what throws has to reject
  return { receive: async () => answer(), counts: new DeliveryRun().serve().counts };
}

/** An app in which nothing works that a route asks for. */
function broken(): HttpApp {
  const fail = (): never => {
    throw new Error("broken on purpose");
  };
  const reader: object = new Proxy({}, { get: fail });
  return createApp({
    ...appDeps({ deliveries: receiving(fail) }),
    live: { fresh: fail },
    health: fail,
    history: reader as never,
    events: { open: fail, counts: { clients: 0, dropped: 0, bytes: 0 } },
    savedErrors: reader as never,
    ...testLimits(),
  });
}

Deno.test("openApiDocument() is an OpenAPI 3.1 document", async () => {
  const validator = new Validator();
  const { valid, errors } = await validator.validate(structuredClone(SENT));
  assert.ok(valid, JSON.stringify(errors, undefined, 2));
  assert.equal(validator.version, "3.1");
  assert.equal(DOCUMENT.info.version, "0.1.0");
  // What is not used would be shown all the same.
  const text = JSON.stringify(SENT);
  for (const name of Object.keys(COMPONENTS)) {
    const isOfEvents = ["StatusEvent", "ResetEvent"].includes(name);
    assert.ok(isOfEvents || text.includes(`"#/components/schemas/${name}"`), `${name} is not used`);
  }
  // A schema that is used is referred to, and never written out a second time.
  assert.equal(text.match(/"unique_ips_exact":\{/g)?.length, 4);
  assert.ok(text.length < 80_000, `${text.length} characters`);
  const ids = ROUTES.map(({ operationId }) => operationId);
  assert.equal(new Set(ids).size, ids.length);
  assert.doesNotMatch(text, /isRepeatable|shownAs/);
});

Deno.test("openApiDocument() tells every answer as it is: every status, form and reason, and nothing else", async () => {
  const seen = new Set<string>();
  for (const { operation, status, type = "application/json", code, path, init, app } of cases()) {
    const what = `${operation} ${status} ${code ?? type}: ${path}`;
    const route = ROUTES.find(({ operationId }) => operationId === operation)!;
    const response = await (app ?? documentedApp)().request(path, init);
    assert.equal(response.status, status, what);
    const place = [
      "paths",
      pathTemplate(route),
      route.method.toLowerCase(),
      "responses",
      `${status}`,
    ];
    const answer = DOCUMENT.paths[place[1]!]![place[2]!]!.responses[status];
    assert.ok(answer !== undefined, `${what}: the document does not have this status`);
    const mediaType = (response.headers.get("content-type") ?? "").replace(/;.*/, "");
    for (const [name] of response.headers) {
      const documented = Object.keys(answer.headers ?? {}).map((header) => header.toLowerCase());
      assert.ok([...COMMON_HEADERS, ...documented].includes(name), `${what}: ${name}`);
    }
    if (status === 304) {
      assert.equal(answer.content, undefined, what);
      seen.add(`${operation} 304`);
      continue;
    }
    assert.equal(mediaType, type, what);
    assert.ok(answer.content?.[mediaType] !== undefined, `${what}: no such form in the document`);
    if (mediaType === "application/json") {
      const body = await response.json();
      check(body, [...place, "content", mediaType, "schema"], what);
      if (code !== undefined) check(body, ["components", "schemas", "Refusal"], what);
      assert.equal(body.error?.code, code, what);
      seen.add(code === undefined ? `${operation} ${status} ${type}` : `${operation} ${code}`);
    } else {
      await response.body?.cancel();
      seen.add(`${operation} ${status} ${type}`);
    }
  }
  assert.deepEqual([...seen].sort(), [...documented()].sort());
});

/** Everything that the document says may be answered, as the test before names it. */
function documented(): ReadonlySet<string> {
  const all = new Set<string>();
  for (const route of ROUTES) {
    const { operationId, answers } = route;
    for (const [status, { json, texts = {} }] of Object.entries(answers)) {
      if (json !== undefined) all.add(`${operationId} ${status} application/json`);
      for (const type of Object.keys(texts)) all.add(`${operationId} ${status} ${type}`);
      if (status === "304") all.add(`${operationId} 304`);
    }
    for (const codes of refusalsByStatus(route).values()) {
      for (const code of codes) all.add(`${operationId} ${code}`);
    }
  }
  return all;
}

Deno.test("openApiDocument() has every route that the program has, and no other reason to refuse", async () => {
  const { routes } = await (await documentedApp().request("/")).json();
  const listed = routes.map(({ method, path }: { method: string; path: string }) =>
    `${method} ${path}`
  );
  const described = ROUTES.map((route) => `${route.method} ${pathTemplate(route)}`);
  assert.deepEqual(described, [...listed, "GET /", "GET /assets/{name}"]);
  // What any route may answer is told once, above all.
  const elsewhere = ["method_not_allowed"];
  const named = new Set(ROUTES.flatMap((route) => [...refusalsByStatus(route).values()].flat()));
  assert.deepEqual(REFUSAL_CODES.filter((code) => !named.has(code)), elsewhere);
  for (const [path, method, status] of [["/nothing", "GET", 404], ["/", "DELETE", 405]] as const) {
    const response = await documentedApp().request(path, { method });
    assert.equal(response.status, status);
    check(await response.json(), ["components", "schemas", "Refusal"], path);
    assert.ok(DOCUMENT.info.description.includes(String(status)));
  }
});

Deno.test("openApiDocument() has examples that the program really answers", async () => {
  for (const route of ROUTES) {
    const { example, method, operationId } = route;
    if (example === undefined) continue;
    const { request, headers = {}, body = null, answer } = example;
    const response = await documentedApp().request(request, { method, headers, body });
    assert.equal(response.status, 200, operationId);
    if (answer === undefined) {
      await response.body!.cancel();
      continue;
    }
    assert.deepEqual(await response.json(), answer, operationId);
    const { content } = DOCUMENT.paths[pathTemplate(route)]![method.toLowerCase()]!.responses[200]!;
    assert.equal(content!["application/json"]!.example, answer);
  }
});

Deno.test("openApiDocument() tells the bounds, the words and the defaults of every parameter", async () => {
  let tried = 0;
  for (const route of ROUTES) {
    const path = pathTemplate(route);
    const base = SERVED[route.operationId]!.replace(/\?.*/, "");
    const ask = async (name: string, value: unknown, count = 1) => {
      const query = new URLSearchParams(
        name === "url" || base !== "/summary/clients" ? {} : { url: "/" },
      );
      // The longest pages are those of CSV.
      if (name === "limit" && base === "/windows") query.set("format", "csv");
      for (let i = 0; i < count; i++) query.append(name, String(value));
      const response = await documentedApp().request(`${base}?${query}`, { method: route.method });
      const text = await response.text();
      const error = response.status === 200 || base === "/events"
        ? undefined
        : JSON.parse(text).error;
      tried++;
      return error?.code === "invalid_parameter" ? error : undefined;
    };
    if (route.operationId === "streamEvents") continue;
    for (const parameter of DOCUMENT.paths[path]![route.method.toLowerCase()]!.parameters) {
      if (parameter.in !== "query") continue;
      const { name, schema } = parameter;
      const what = `${path} ${name}`;
      for (const value of [schema.default, schema.minimum, schema.maximum, ...schema.enum ?? []]) {
        if (value !== undefined) {
          assert.equal(await ask(name, value), undefined, `${what}=${value}`);
        }
      }
      for (const value of schema.examples ?? []) {
        assert.equal(await ask(name, value), undefined, `${what}=${value}`);
      }
      if (schema.minimum !== undefined && schema.maximum !== undefined) {
        const allowed = `a whole number from ${schema.minimum} to ${schema.maximum}`;
        for (const value of [schema.minimum - 1, schema.maximum + 1, "x", ""]) {
          assert.deepEqual((await ask(name, value)).allowed, allowed, `${what}=${value}`);
        }
      }
      if (schema.enum !== undefined) assert.ok(await ask(name, "another word") !== undefined, what);
      if (schema.maxLength !== undefined) {
        assert.equal(await ask(name, "x".repeat(schema.maxLength)), undefined, what);
        const { allowed } = await ask(name, "x".repeat(schema.maxLength + 1));
        assert.equal(allowed, `at most ${schema.maxLength} characters`, what);
      }
      if (schema.type === "array") {
        assert.equal(await ask(name, "/", schema.maxItems!), undefined, what);
        assert.ok(await ask(name, "/", schema.maxItems! + 1) !== undefined, what);
        assert.equal(await ask(name, "/", 0) !== undefined, schema.minItems === 1, what);
        assert.equal(parameter.required, schema.minItems === 1, what);
      } else {
        assert.equal(parameter.required, false, what);
      }
    }
  }
  assert.ok(tried > 80, `${tried}`);
});

Deno.test("openApiDocument() has the shapes of all events", async () => {
  const run = new EventRun();
  run.history.windows.push(nthWindow(-1));
  const client = run.connect("another.output.5");
  await settle();
  run.feed.view = {
    ...run.feed.view,
    open: [{ ...nthWindow(1), state: "open" }],
    samples: [{ kind: "not_json", text: "{" }],
  };
  run.close(nthWindow(0));
  await run.second();
  await run.second();
  await client.leave();
  const schemas: Readonly<Record<string, string>> = {
    reset: "ResetEvent",
    status: "StatusEvent",
    window: "Window",
  };
  for (const { type, data } of client.events) {
    check(data, ["components", "schemas", schemas[type]!], type);
  }
  assert.deepEqual(
    new Set(client.events.map(({ type, data }) => `${type} ${data.state ?? ""}`)),
    new Set(["reset ", "status ", "window closed", "window open"]),
  );
});

Deno.test("the check of answers notices a key too many, one that is missing, and another type", () => {
  const place = ["components", "schemas", "Health"];
  const { answer } = ROUTES.find(({ operationId }) => operationId === "getHealth")!.example!;
  const right = answer as Record<string, unknown>;
  const { version: _, ...less } = right;
  check(right, place, "right");
  for (const wrong of [{ ...right, more: 1 }, less, { ...right, writer_idle_ms: "20" }]) {
    assert.throws(() => check(wrong, place, "wrong"), assert.AssertionError);
  }
  for (const schema of Object.values(DOCUMENT.components.schemas)) {
    assert.equal((schema as JsonSchema).additionalProperties, false);
  }
});
