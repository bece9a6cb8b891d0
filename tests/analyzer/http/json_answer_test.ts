import assert from "node:assert/strict";
import { Hono } from "hono";
import { answerJson } from "../../../analyzer/http/json_answer.ts";
import { listSources, readText } from "../../architecture/checkout.ts";

Deno.test("answerJson() answers a value as JSON that is safe to show", async () => {
  const value = { url: "/\x9b2J\u202e", count: 1 };
  const app = new Hono().get("/", (context) => answerJson(context, value, 404));
  const response = await app.request("/");
  assert.equal(response.status, 404);
  assert.equal(response.headers.get("content-type"), "application/json");
  const text = await response.text();
  assert.equal(text, '{"url":"/\\u009b2J\\u202e","count":1}');
  assert.deepEqual(JSON.parse(text), value);
});

// S-62
Deno.test("answerJson() and toSafeJson() make all JSON that is answered", async () => {
  for (const path of await listSources()) {
    // The dashboard makes no answers, and what describes the routes shows examples of ours as HTML.
    if (!/^analyzer\/http\/(?!dashboard\/|docs_page\.ts)/.test(path)) continue;
    assert.doesNotMatch(await readText(path), /\bJSON\.stringify|\.json\((?!\))/, path);
  }
});
