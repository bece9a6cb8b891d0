import assert from "node:assert/strict";
import { inRequests } from "../../../../analyzer/http/dashboard/url_groups.js";

Deno.test("inRequests() names every URL once, in as few requests as take them", () => {
  const urls = Array.from({ length: 50 }, (_, i) => `/${"é".repeat(i * 10)}`);
  const groups = inRequests(urls);
  assert.deepEqual(groups.flat(), urls);
  for (const [i, group] of groups.entries()) {
    const query = (group: string[]) =>
      new URLSearchParams(group.map((url) => ["url", url])).toString();
    assert.ok(query(group).length <= 6500);
    const next = groups[i + 1]?.[0];
    if (next !== undefined) assert.ok(query([...group, next]).length > 6500);
  }
  assert.deepEqual(inRequests([]), []);
  // One that is as long as can be is asked for, whatever comes of it.
  assert.deepEqual(inRequests(["x".repeat(10_000), "/a"]), [["x".repeat(10_000)], ["/a"]]);
});
