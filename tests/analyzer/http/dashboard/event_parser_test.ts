import assert from "node:assert/strict";
import { EventParser } from "../../../../analyzer/http/dashboard/event_parser.js";

const TEXT = ': hello\nretry: 250\n\nevent: window\ndata: {"a":\ndata: 1}\nid: 7\n\n' +
  "data:no blank\r\n\r\nevent: empty\n\nid: 9\ndata\r\revent: cut\nid: 10\ndata: x";

const EVENTS = [
  { type: "window", data: '{"a":\n1}' },
  { type: "message", data: "no blank" },
  { type: "message", data: "" },
];

Deno.test("EventParser.push() reads events by the standard, cut at every position", () => {
  for (let i = 0; i <= TEXT.length; i++) {
    const parser = new EventParser();
    const events = [...parser.push(TEXT.slice(0, i)), ...parser.push(TEXT.slice(i))];
    assert.deepEqual(events, EVENTS, `cut at ${i}`);
    assert.equal(parser.retryMs, 250);
    // That of the last event that is whole.
    assert.equal(parser.lastId, "9");
  }
});

Deno.test("EventParser.reset() forgets an event that was begun, and no id", () => {
  const parser = new EventParser();
  parser.push("id: 1\ndata: a\n\nid: 2\nevent: b\ndata: b\n");
  parser.reset();
  assert.deepEqual(parser.push("data: c\n\n"), [{ type: "message", data: "c" }]);
  assert.equal(parser.lastId, "1");
});
