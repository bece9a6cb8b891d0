import assert from "node:assert/strict";
import { createApp } from "../../analyzer/http/app.ts";
import type { ErrorReader } from "../../analyzer/history/error_reader.ts";
import { encodePageCursor } from "../../analyzer/http/page_cursor.ts";
import { DeliveryRun } from "../analyzer/delivery/delivery_run.ts";
import { SavedErrorsFixture, storedRow } from "../support/saved_errors.ts";
import {
  appDeps,
  InMemoryHistory,
  liveView,
  sourceState,
  START_MS,
  statusSummary,
  windowSummary,
} from "../support/window_fixtures.ts";
import { ATTACKS, attacksOn, UNSAFE_TO_SHOW } from "./attacks.ts";

/** An app whose windows and sources hold an attack everywhere. */
function attackedApp(text: string, savedErrors?: ErrorReader) {
  const urls = [{ url: text, count: 7, countErrorMax: 0 }];
  const window = windowSummary({ statuses: [statusSummary({ urls })] });
  return createApp(appDeps({
    view: liveView({
      sources: [
        sourceState({ name: text, reason: text, phase: "waiting" }),
        sourceState({ name: text }),
      ],
      open: [{ ...window, state: "open" }],
    }),
    history: new InMemoryHistory([window]),
    health: { writerFault: text },
    deliveries: new DeliveryRun().serve(),
    ...(savedErrors === undefined ? {} : { savedErrors }),
  }));
}

const JSON_PATHS = [
  ...["/", "/metrics", "/windows", "/windows/current", `/windows/${START_MS}`],
  ...["/windows?step=1m", "/summary", "/errors"],
];

// S-62
Deno.test("no attack in a log line or a source gets out of an answer, or is changed by it", async () => {
  for (const { name, text } of ATTACKS) {
    using saved = await SavedErrorsFixture.create();
    await saved.append([storedRow(START_MS, { url: text })]);
    const app = attackedApp(text, saved.search);
    for (const path of [...JSON_PATHS, "/healthz", "/readyz"]) {
      const response = await app.request(path);
      assert.equal(response.headers.get("x-content-type-options"), "nosniff");
      assert.equal(response.headers.get("content-type"), "application/json", `${name} ${path}`);
      const body = await response.text();
      assert.doesNotMatch(body, UNSAFE_TO_SHOW, `${name} ${path}`);
      assert.doesNotMatch(body, /\n/, `${name} ${path}`);
      const strings = stringsOf(JSON.parse(body));
      if (path !== "/" && path !== "/healthz") assert.ok(strings.includes(text), `${name} ${path}`);
    }
  }
});

Deno.test("no attack in the name of a source gets out of its label", async () => {
  const count = async (text: string) => {
    const app = attackedApp(text);
    const counts = [];
    for (const accept of ["text/plain", "application/openmetrics-text"]) {
      const body = await (await app.request("/metrics", { headers: { accept } })).text();
      assert.doesNotMatch(body, UNSAFE_TO_SHOW, text);
      for (const line of body.trimEnd().split("\n")) assert.match(line, EXPOSITION_LINE, text);
      const samples = body.match(/^[^#].*(?= )/gm)!;
      assert.equal(new Set(samples).size, samples.length, "no sample is there twice");
      counts.push(body.split("\n").length);
    }
    return counts;
  };
  const harmless = await count("tcp://127.0.0.1:9999");
  for (const { name, text } of ATTACKS) assert.deepEqual(await count(text), harmless, name);
});

/** A line of Prometheus' text format or of OpenMetrics: a comment, or a sample. */
const EXPOSITION_LINE =
  /^(?:# (?:HELP|TYPE|UNIT) [a-z_]+ [ -~]+|# EOF|[a-z_]+(?:\{(?:[a-z_]+="(?:[^"\\\n]|\\[\\"n])*",?)+\})? [-+.\de]+)$/;

Deno.test("no attack in a request gets out of its refusal, which repeats 100 characters at most", async () => {
  const app = attackedApp("/");
  const requests: [name: string, path: string, init: RequestInit][] = [];
  for (const { name, text } of ATTACKS) {
    const encoded = encodeURIComponent(text.toWellFormed());
    for (const parameter of ["from", "to", "status", "limit", "cursor", "urls"]) {
      requests.push([name, `/windows?${parameter}=${encoded}`, {}]);
    }
    requests.push(
      [name, `/windows?cursor=${encodePageCursor(START_MS)}${encoded}`, {}],
      [name, `/windows?${encoded}=1`, {}],
      [name, `/windows?limit=1&limit=${encoded}`, {}],
      [name, `/windows/${encoded}`, {}],
      [name, `/${encoded}`, {}],
    );
    const value = asHeader(text);
    if (value === undefined) continue;
    for (const header of ["accept", "origin", "host", "authorization", "content-type"]) {
      requests.push([name, "/metrics", { headers: { [header]: value } }]);
    }
    const ndjson = { "content-type": "application/x-ndjson" };
    requests.push(
      [name, "/logs", { method: "POST", body: "{}", headers: { "content-type": value } }],
      ...["content-encoding", "idempotency-key"].map((header): [string, string, RequestInit] => [
        name,
        "/logs",
        { method: "POST", body: "{}\n", headers: { ...ndjson, [header]: value } },
      ]),
    );
  }
  for (const [name, path, init] of requests) {
    const response = await app.request(path, init);
    const facts = `${name}: ${path} ${JSON.stringify(init)} ${response.status}`;
    assert.ok(response.status < 500 || response.status === 503, facts);
    assert.equal(response.headers.get("x-content-type-options"), "nosniff", facts);
    const body = await response.text();
    assert.doesNotMatch(body, UNSAFE_TO_SHOW, facts);
    if (response.status === 200) continue;
    const { error } = JSON.parse(body);
    assert.ok((error.value ?? "").length <= 100 && (error.parameter ?? "").length <= 100, facts);
    for (const value of response.headers.values()) assert.ok(value.length < 200, facts);
  }
});

Deno.test("names of an object's prototype are unknown like any other name", async () => {
  const app = attackedApp("/");
  for (const { text } of attacksOn("prototype")) {
    const encoded = encodeURIComponent(text);
    for (
      const [path, status] of [
        [`/windows?${encoded}=1`, 400],
        [`/windows?status=${encoded}`, 400],
        [`/windows?cursor=${encoded}`, 400],
        [`/windows/${encoded}`, 404],
        [`/${encoded}`, 404],
      ] as const
    ) {
      const response = await app.request(path);
      assert.equal(response.status, status, path);
      await response.body?.cancel();
    }
  }
});

/** A text as the value of a header, if there is a way to send it at all. */
function asHeader(text: string): string | undefined {
  try {
    return new Headers({ a: text }).get("a") ?? undefined;
  } catch (exception) {
    if (exception instanceof TypeError) return undefined;
    throw exception;
  }
}

/** Every string in a JSON value. */
function stringsOf(value: unknown): string[] {
  if (typeof value === "string") return [value];
  if (typeof value !== "object" || value === null) return [];
  return Object.values(value).flatMap(stringsOf);
}
