import assert from "node:assert/strict";
import fc from "fast-check";
import { formatJsonLine } from "../../log_format/json_line.ts";

Deno.test("formatJsonLine() writes the documented layout", () => {
  assert.equal(
    formatJsonLine({
      timestampMs: 1748631167123.456,
      ip: "1.2.3.4",
      method: "GET",
      url: "/resource/42",
      status: 404,
    }),
    '{"timestamp": "2025-05-30T18:52:47.123456Z", "ip": "1.2.3.4", "method": "GET", ' +
      '"url": "/resource/42", "status": 404}',
  );
});

Deno.test("formatJsonLine() is read back by JSON.parse, whatever the texts hold", () => {
  const text = fc.string({ unit: "binary" });
  fc.assert(fc.property(text, text, text, (ip, method, url) => {
    const line = formatJsonLine({ timestampMs: 0, ip, method, url, status: 200 });
    assert(!line.includes("\n"));
    const timestamp = "1970-01-01T00:00:00.000000Z";
    assert.deepEqual(JSON.parse(line), { timestamp, ip, method, url, status: 200 });
  }));
});
