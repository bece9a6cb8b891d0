import assert from "node:assert/strict";
import { createApp } from "../../../analyzer/http/app.ts";
import { ASSETS, PAGE } from "../../../analyzer/http/dashboard/assets.ts";
import { wantsPage } from "../../../analyzer/http/dashboard_routes.ts";
import { listFiles } from "../../architecture/checkout.ts";
import { appDeps } from "../../support/window_fixtures.ts";

/** What Chromium sends when somebody opens an address. */
const BROWSER_ACCEPT = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif," +
  "image/webp,image/apng,*/*;q=0.8,application/signed-exchange;v=b3;q=0.7";

const app = createApp(appDeps());

function get(path: string, headers: Record<string, string> = {}) {
  return app.request(path, { headers: { accept: BROWSER_ACCEPT, ...headers } });
}

Deno.test("GET / gives browsers the page, and everybody else the list of routes", async () => {
  const page = await get("/");
  assert.equal(page.headers.get("content-type"), "text/html; charset=utf-8");
  assert.match(await page.text(), /^<!DOCTYPE html>/);
  for (const accept of ["*/*", "application/json", "", "application/json, text/html;q=0.9"]) {
    const list = await get("/", { accept });
    assert.equal(list.headers.get("content-type"), "application/json", accept);
    assert.match(list.headers.get("vary")!, /Accept/);
    const { name, routes } = await list.json();
    assert.equal(name, "vigie");
    assert.equal(routes[0].path, "/metrics");
  }
  assert.match(page.headers.get("vary")!, /\bAccept\b(?!-)/);
  assert.equal(wantsPage(BROWSER_ACCEPT), true);
  assert.equal(wantsPage(undefined), false);
});

Deno.test("the page loads nothing but what is served beside it", async () => {
  const text = await (await get("/")).text();
  const links = [...text.matchAll(/(?:href|src)="([^"]*)"/g)].map(([, link]) => link!);
  assert.ok(links.length > 20);
  for (const link of links.filter((link) => !link.startsWith("data:image/svg+xml,"))) {
    const response = await get(`/${link}`);
    assert.equal(response.status, 200, link);
    await response.body?.cancel();
  }
  // Each module is announced, so that they are loaded at once.
  const own = [...ASSETS.keys()].filter((name) => name !== "docs.css");
  for (const name of own) assert.ok(PAGE.text.includes(`"assets/${name}"`), name);
  assert.doesNotMatch(text, /<script(?! type="module" src=)|<style|\bon\w+=|\bstyle=/);
});

Deno.test("every module and every sheet of the page is served, and imports only such", async () => {
  const folder = "analyzer/http/dashboard/";
  const files = (await listFiles()).filter((path) => path.startsWith(folder))
    .map((path) => path.slice(folder.length)).filter((name) => /\.(?:js|css)$/.test(name));
  assert.deepEqual([...ASSETS.keys()].filter((name) => name !== "uplot.css").sort(), files.sort());
  for (const [name, { text, contentType }] of ASSETS) {
    assert.match(contentType, name.endsWith(".js") ? /^text\/javascript;/ : /^text\/css;/);
    for (const [, imported] of text.matchAll(/^(?:import|export)\b[^;]*?\bfrom "([^"]+)"/gm)) {
      assert.ok(ASSETS.has(imported!.replace("./", "")), `${name} imports ${imported}`);
    }
  }
});

Deno.test("the page and its assets have a policy that lets nothing else in", async () => {
  for (const path of ["/", "/assets/main.js", "/assets/styles.css"]) {
    const response = await get(path);
    const policy = response.headers.get("content-security-policy")!;
    assert.match(
      policy,
      /^default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'/,
    );
    assert.match(policy, /frame-ancestors 'none'/);
    assert.doesNotMatch(policy, /unsafe/);
    assert.equal(response.headers.get("x-content-type-options"), "nosniff");
    await response.body?.cancel();
  }
});

Deno.test("assets are compressed where that is understood, and sent again only when changed", async () => {
  const plain = await get("/assets/main.js");
  assert.equal(plain.headers.get("content-encoding"), null);
  assert.equal(plain.headers.get("cache-control"), "no-cache");
  const text = await plain.text();
  assert.equal(text, ASSETS.get("main.js")!.text);
  for (const encoding of ["gzip", "br, gzip;q=0.5", "GZIP"]) {
    const compressed = await get("/assets/main.js", { "accept-encoding": encoding });
    assert.equal(compressed.headers.get("content-encoding"), "gzip", encoding);
    assert.match(compressed.headers.get("vary")!, /Accept-Encoding/);
    assert.notEqual(compressed.headers.get("etag"), plain.headers.get("etag"));
    const body = compressed.body!.pipeThrough(new DecompressionStream("gzip"));
    assert.equal(await new Response(body).text(), text);
  }
  for (const encoding of ["br", "gzip;q=0", "identity, gzip;q=0.0"]) {
    const response = await get("/assets/main.js", { "accept-encoding": encoding });
    assert.equal(response.headers.get("content-encoding"), null, encoding);
    await response.body?.cancel();
  }
  const etag = plain.headers.get("etag")!;
  for (const known of [etag, `"other", W/${etag}`, "*"]) {
    const unchanged = await get("/assets/main.js", { "if-none-match": known });
    assert.equal(unchanged.status, 304);
    assert.equal(await unchanged.text(), "");
    assert.equal(unchanged.headers.get("etag"), etag);
  }
  const changed = await get("/assets/main.js", { "if-none-match": '"other"' });
  assert.equal(changed.status, 200);
  await changed.body?.cancel();
});

Deno.test("the page is as dark by the system's choice as by the reader's", () => {
  const { text } = ASSETS.get("styles.css")!;
  const [chosen, bySystem] = [
    ':root[data-theme="dark"] {',
    ':root:not([data-theme="light"]) {',
  ].map((selector) => {
    const from = text.indexOf(selector) + selector.length;
    return text.slice(from, text.indexOf("}", from)).split("\n").map((line) => line.trim());
  });
  assert.ok(chosen!.length > 20);
  assert.deepEqual(bySystem, chosen);
});

Deno.test("there are no other assets, whatever the path is called", async () => {
  for (const name of ["x.js", "..%2fapp.ts", "page.html", "types.ts", "__proto__", "main.js%00"]) {
    const response = await get(`/assets/${name}`);
    assert.equal(response.status, 404, name);
    assert.equal((await response.json()).error.code, "unknown_path");
  }
});
