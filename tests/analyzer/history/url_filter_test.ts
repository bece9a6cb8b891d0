import assert from "node:assert/strict";
import { matchesUrl, plainInJson, urlNeedle } from "../../../analyzer/history/url_filter.ts";

// S-16
Deno.test("matchesUrl() knows a cut URL from a short one that ends alike", () => {
  assert.ok(matchesUrl("/a", "/a", 10));
  assert.ok(!matchesUrl("/ab", "/a", 10));
  assert.ok(!matchesUrl(undefined, "/a", 10));
  assert.ok(matchesUrl("/012345678901", "/0123…", 10));
  assert.ok(matchesUrl("/0123…", "/0123…", 10));
  assert.ok(!matchesUrl("/01234567", "/0123…", 10), "it is short enough to be listed whole");
  assert.ok(!matchesUrl("/0124567890123", "/0123…", 10));
});

Deno.test("urlNeedle() and plainInJson() give what stands in JSON as it is", () => {
  assert.equal(urlNeedle("/a?b=ü"), "/a?b=ü");
  assert.equal(urlNeedle("/long…"), "/long");
  assert.equal(urlNeedle("…"), undefined);
  assert.equal(urlNeedle(""), undefined);
  for (const text of ['"', "\\", "\n", "\x7f\u0000", "\ud800"]) {
    assert.equal(plainInJson(`/${text}`), undefined);
  }
});
