import assert from "node:assert/strict";
import { ALL_ROUTES } from "../../../analyzer/http/api/all_routes.ts";
import { COMPONENTS } from "../../../analyzer/http/api/components.ts";
import {
  pathTemplate,
  type RouteDescription,
} from "../../../analyzer/http/api/route_description.ts";
import { docsPage } from "../../../analyzer/http/docs_page.ts";
import { openApiDocument } from "../../../analyzer/http/openapi_document.ts";
import { ATTACKS } from "../../hostile/attacks.ts";

const PAGE = docsPage(openApiDocument(ALL_ROUTES, "0.1.0"));

/** The page as a reader sees it. */
const TEXT = PAGE.replaceAll(/<[^>]*>/g, "").replaceAll("&quot;", '"').replaceAll("&#39;", "'")
  .replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&").replaceAll(/\s+/g, " ");

Deno.test("docsPage() shows every route with its parameters, statuses and reasons, and an example", () => {
  for (const route of ALL_ROUTES as readonly RouteDescription[]) {
    const { operationId, method, example } = route;
    const article = new RegExp(`<article class="panel" id="${operationId}">.*?</article>`, "s")
      .exec(PAGE)?.[0];
    assert.ok(article !== undefined, operationId);
    assert.ok(article.includes(`${method} ${pathTemplate(route)}`));
    for (const name of Object.keys({ ...route.query.entries, ...route.headers })) {
      assert.ok(article.includes(`<code>${name}</code>`), `${operationId} ${name}`);
    }
    for (const code of [...route.refusals, "unknown_parameter", "starting"]) {
      assert.ok(article.includes(`<code>${code}</code>`), `${operationId} ${code}`);
    }
    assert.equal(article.includes("curl -s"), example !== undefined);
  }
  for (const [name, { entries }] of Object.entries(COMPONENTS)) {
    const article = new RegExp(`<article class="panel" id="schema-${name}">.*?</article>`, "s")
      .exec(PAGE)?.[0];
    for (const key of Object.keys(entries)) assert.ok(article?.includes(`<code>${key}</code>`));
  }
  assert.match(PAGE, /^<!DOCTYPE html>/);
  assert.ok(TEXT.includes(`curl -s 'localhost:8000/windows?limit=1&urls=1'`));
  assert.ok(TEXT.includes(`"next_cursor": "before.mbb5u6k0"`));
  assert.ok(TEXT.includes("whole number from 0 to 1000"));
  assert.doesNotMatch(TEXT, /\[object|undefined|`/);
});

Deno.test("docsPage() leads to nothing but itself and what is served beside it", () => {
  const links = [...PAGE.matchAll(/(?:href|src)="([^"]*)"/g)].map(([, link]) => link!);
  for (const link of links) {
    if (link.startsWith("#")) assert.ok(PAGE.includes(`id="${link.slice(1)}"`), link);
    else {assert.ok(
        ["./", "data:,", "openapi.json", "assets/styles.css", "assets/docs.css"].includes(link),
      );}
  }
  const ids = [...PAGE.matchAll(/ id="([^"]*)"/g)].map(([, id]) => id);
  assert.equal(new Set(ids).size, ids.length);
  assert.doesNotMatch(PAGE, /<script|<style|\bon\w+=|\bstyle=/);
});

Deno.test("docsPage() lets no text become markup", () => {
  const shape = (page: string) => page.replaceAll(/>[^<]*/g, ">").replaceAll(/"[^"]*"/g, '""');
  for (const { name, text } of ATTACKS) {
    const document = openApiDocument(ALL_ROUTES, "0.1.0");
    const { info, tags, paths } = document;
    const [path, methods] = Object.entries(paths)[0]!;
    const [[method, operation]] = Object.entries(methods) as [[string, typeof methods[string]]];
    const attacked = docsPage({
      ...document,
      info: { ...info, version: text },
      tags: tags.map((tag) => ({ ...tag, description: text })),
      paths: { ...paths, [path]: { [method]: { ...operation, summary: text } } },
    });
    assert.equal(shape(attacked), shape(PAGE), name);
  }
});
