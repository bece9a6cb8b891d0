import assert from "node:assert/strict";
import { EventIds } from "../../../analyzer/http/event_ids.ts";

const OUTPUT = "0b1c2d3e-0000-4000-8000-000000000000";
const FIRST = ids({ runId: "aaaaaaaa-1" });

function ids(options: { outputId?: string; runId?: string; newestStartMs?: number }): EventIds {
  return new EventIds({ outputId: OUTPUT, runId: "run", newestStartMs: undefined, ...options });
}

Deno.test("EventIds.decode() gives back the place, also before 1970 and before all windows", () => {
  for (const startMs of [0, 1_748_631_150_000, -30_000, -Infinity]) {
    assert.equal(FIRST.decode(FIRST.encode(startMs)), startMs);
  }
  assert.match(FIRST.encode(30_000), /^[\w.-]+$/);
});

Deno.test("EventIds.decode() knows the ids of an earlier run of the same output (S-70)", () => {
  const later = ids({ runId: "bbbbbbbb-2", newestStartMs: 30_000 });
  assert.equal(later.decode(FIRST.encode(30_000)), 30_000, "the last one that is saved");
  assert.equal(later.decode(FIRST.encode(60_000)), 30_000, "it was taken back, and closes again");
  assert.equal(later.decode(FIRST.encode(-Infinity)), -Infinity);
  assert.equal(later.decode(later.encode(90_000)), 90_000, "but those of this run are as they are");
});

Deno.test("EventIds.decode() knows no ids of another output, nor anything else (S-70)", () => {
  const other = ids({ outputId: "ffffffff-0000-4000-8000-000000000000" });
  for (
    const id of [
      other.encode(0),
      "",
      "0",
      "0b1c2d3e.aaaaaaaa.x",
      "0b1c2d3e.aaaaaaaa.1e5",
      "0b1c2d3e.aaaaaaaa.12345678901234567",
      "0b1c2d3e.aaaaaaaa",
      ` ${FIRST.encode(0)}`,
    ]
  ) assert.equal(FIRST.decode(id), undefined, JSON.stringify(id));
});

Deno.test("EventIds.decode() knows only its own run where nothing is saved", () => {
  const [one, two] = [ids({ outputId: "", runId: "one" }), ids({ outputId: "", runId: "two" })];
  assert.equal(one.decode(one.encode(30_000)), 30_000);
  assert.equal(two.decode(one.encode(30_000)), undefined);
});
