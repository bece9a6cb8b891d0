import assert from "node:assert/strict";
import { createApp } from "../../../analyzer/http/app.ts";
import { isPublic } from "../../../analyzer/http/guard.ts";
import { appDeps } from "../../support/window_fixtures.ts";

const DOCUMENTS = [["/openapi.json", "application/json"], [
  "/docs",
  "text/html; charset=utf-8",
]] as const;

Deno.test("GET /openapi.json and /docs are sent again only when they have changed", async () => {
  const app = createApp(appDeps());
  for (const [path, type] of DOCUMENTS) {
    const first = await app.request(path, { headers: { "accept-encoding": "gzip" } });
    assert.equal(first.headers.get("content-type"), type);
    assert.equal(first.headers.get("content-encoding"), "gzip");
    const bytes = await first.arrayBuffer();
    assert.ok(bytes.byteLength < 12_000, `${path}: ${bytes.byteLength} bytes`);
    const headers = { "accept-encoding": "gzip", "if-none-match": first.headers.get("etag")! };
    const again = await app.request(path, { headers });
    assert.equal(again.status, 304);
    // Another version of the program says so in both, so that nobody keeps the old ones.
    const newer = createApp({ ...appDeps(), version: "0.2.0" });
    const changed = await newer.request(path, { headers });
    assert.equal(changed.status, 200);
    assert.match(
      await new Response(changed.body!.pipeThrough(new DecompressionStream("gzip"))).text(),
      /0\.2\.0/,
    );
  }
});

Deno.test("GET /openapi.json and /docs run nothing, load nothing, and hold nothing secret", async () => {
  const app = createApp(appDeps());
  for (const [path] of DOCUMENTS) {
    const response = await app.request(path);
    const policy = response.headers.get("content-security-policy")!;
    assert.match(policy, /^default-src 'none'; (?:style-src 'self'; .*)?frame-ancestors 'none'$/);
    assert.doesNotMatch(policy, /script|unsafe|connect/);
    await response.body!.cancel();
    // A browser that opens an address sends no token.
    assert.equal(isPublic(path, "text/html"), true);
    assert.equal(isPublic(`${path}/`, "text/html"), false);
  }
});
