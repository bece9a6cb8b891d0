import assert from "node:assert/strict";
import { SourceStates } from "../../../analyzer/sink/source_states.ts";
import type { SourceChanged } from "../../../analyzer/stream/elements.ts";
import { recordBatch } from "../../support/batches.ts";
import { START_MS } from "../../support/window_fixtures.ts";

const TCP = "tcp://127.0.0.1:9999";
const LISTEN = "tcp-listen://127.0.0.1:9000";

function changed(overrides: Partial<SourceChanged>): SourceChanged {
  return {
    kind: "source-changed",
    source: TCP,
    phase: "connected",
    connectionsDelta: 0,
    reason: "",
    notice: "",
    ...overrides,
  };
}

Deno.test("SourceStates.snapshot() lists sources in their order, as starting", () => {
  const starting = {
    phase: "starting",
    connections: 0,
    connectionsTotal: 0,
    refused: { address: 0, limit: 0, tls: 0 },
    reason: "",
    lastRowAtMs: undefined,
  };
  assert.deepEqual(new SourceStates([TCP, LISTEN]).snapshot(), [
    { name: TCP, ...starting },
    { name: LISTEN, ...starting },
  ]);
});

Deno.test("SourceStates.change() follows phase, reason and connections", () => {
  const states = new SourceStates([TCP, LISTEN]);
  states.change(changed({ phase: "waiting", reason: "connection refused" }));
  assert.equal(states.snapshot()[0]!.phase, "waiting");
  assert.equal(states.snapshot()[0]!.reason, "connection refused");
  states.change(changed({ connectionsDelta: 1 }));
  states.change(changed({ connectionsDelta: -1, phase: "waiting", reason: "connection closed" }));
  states.change(changed({ connectionsDelta: 1 }));
  assert.deepEqual(states.snapshot()[0], {
    name: TCP,
    phase: "connected",
    connections: 1,
    connectionsTotal: 2,
    refused: { address: 0, limit: 0, tls: 0 },
    reason: "",
    lastRowAtMs: undefined,
  });
  assert.equal(states.snapshot()[1]!.connectionsTotal, 0);
});

Deno.test("SourceStates.change() counts who was not let in, by reason", () => {
  const states = new SourceStates([TCP, LISTEN]);
  for (const refusal of ["tls", "address", "tls", "limit"] as const) {
    states.change(changed({ source: LISTEN, refusal }));
  }
  const [before] = [states.snapshot()[1]!.refused];
  states.change(changed({ source: LISTEN, refusal: "tls" }));
  assert.deepEqual(before, { address: 1, limit: 1, tls: 2 });
  assert.deepEqual(states.snapshot()[0]!.refused, { address: 0, limit: 0, tls: 0 });
});

Deno.test("SourceStates.change() throws for a source that nobody configured", () => {
  const states = new SourceStates([TCP]);
  assert.throws(() => states.change(changed({ source: "tcp://other" })), /"tcp:\/\/other"/);
});

Deno.test("SourceStates.sawRows() takes the time of valid rows, of any of a source's inputs", () => {
  const states = new SourceStates([TCP, LISTEN]);
  states.sawRows(recordBatch([], { inputId: TCP, others: ["not_json"] }), 100);
  assert.equal(states.snapshot()[0]!.lastRowAtMs, undefined);
  states.sawRows(recordBatch([{ time: START_MS, status: 200 }], { inputId: `${LISTEN}#3` }), 200);
  assert.deepEqual(states.snapshot().map(({ lastRowAtMs }) => lastRowAtMs), [undefined, 200]);
});

Deno.test("SourceStates.snapshot() is not changed by what happens later", () => {
  const states = new SourceStates([TCP]);
  const before = states.snapshot();
  states.change(changed({ connectionsDelta: 1 }));
  assert.equal(before[0]!.phase, "starting");
});
