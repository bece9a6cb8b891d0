import assert from "node:assert/strict";
import { readAddress, writeAddress } from "../../../../analyzer/http/dashboard/address.js";
import type { View } from "../../../../analyzer/http/dashboard/types.ts";
import { ATTACKS } from "../../../hostile/attacks.ts";

const START: View = { range: { preset: "1h" }, status: undefined, url: undefined, search: "" };

Deno.test("readAddress() reads what writeAddress() wrote", () => {
  const views: View[] = [
    START,
    { ...START, range: { preset: "30d" }, status: 404 },
    { ...START, range: { fromMs: 1_748_631_150_000, toMs: 1_748_631_180_001 } },
    ...ATTACKS.map(({ text }) => ({
      ...START,
      url: text.toWellFormed(),
      search: text.toWellFormed(),
    })),
  ];
  for (const view of views) {
    assert.deepEqual(readAddress(writeAddress(view)), view);
    assert.deepEqual(readAddress(`#${writeAddress(view)}`), view);
  }
});

Deno.test("writeAddress() is empty for the view that the page starts with, and legible for others", () => {
  assert.equal(writeAddress(START), "");
  const view = {
    ...START,
    range: { fromMs: 1_748_631_150_000, toMs: 1_748_634_750_000 },
    url: "/a",
  };
  assert.equal(
    writeAddress(view),
    "from=2025-05-30T18:52:30.000Z&to=2025-05-30T19:52:30.000Z&url=/a",
  );
});

Deno.test("readAddress() leaves out what cannot be understood", () => {
  for (
    const hash of [
      "#range=2h",
      "#status=99",
      "#status=600",
      "#status=4e2x",
      "#from=yesterday&to=today",
      "#from=2025-05-30T19:00:00Z&to=2025-05-30T18:00:00Z",
      "#from=2025-05-30T19:00:00Z",
      // Such a time cannot be asked for, nor even be written.
      "#from=2025-05-30T19:00:00Z&to=%2B275760-09-13T00:00:00Z",
      "#from=-000001-01-01T00:00:00Z&to=2025-05-30T19:00:00Z",
      "#what=ever",
      "#%%%",
    ]
  ) assert.deepEqual(readAddress(hash), START, hash);
});
