import assert from "node:assert/strict";
import { SourceOutages } from "../../../analyzer/sink/source_outages.ts";
import type { SourcePhase } from "../../../analyzer/source/source_state.ts";
import { RecordedTracing } from "../../support/recorded_tracing.ts";

function setUp() {
  const tracing = new RecordedTracing();
  const outages = new SourceOutages(tracing);
  const change = (source: string, phase: SourcePhase, reason = "") =>
    outages.change({
      kind: "source-changed",
      source,
      phase,
      reason,
      connectionsDelta: 0,
      notice: "",
    });
  return { outages, change, log: tracing.log };
}

Deno.test("SourceOutages tells of an outage from its first failure to the next connection", () => {
  const { change, log } = setUp();
  change("tcp://a:1", "connected");
  assert.deepEqual(log, []);
  change("tcp://a:1", "waiting", "connection lost");
  change("tcp://a:1", "waiting", "connection refused");
  assert.deepEqual(log, ['begin source outage {"vigie.source":"tcp://a:1"}']);
  change("tcp://a:1", "connected");
  change("tcp://a:1", "connected");
  assert.deepEqual(log.slice(1), [
    'end {"vigie.failures":2,"vigie.reason":"connection refused"}',
  ]);
});

Deno.test("SourceOutages keeps sources apart, and sees no outage where nobody connects", () => {
  const { change, log } = setUp();
  change("tcp-listen://b:2", "waiting");
  assert.deepEqual(log, []);
  change("tcp://a:1", "waiting", "connection refused");
  change("tcp://c:3", "waiting", "timed out");
  change("tcp://c:3", "ended");
  assert.deepEqual(log.slice(2), ['end {"vigie.failures":1,"vigie.reason":"timed out"}']);
});

Deno.test("SourceOutages sees no outage, and no end of one, in a stranger who is not let in", () => {
  const { change, outages, log } = setUp();
  const refuse = () =>
    outages.change({
      kind: "source-changed",
      source: "tcp-listen://b:2",
      phase: "waiting",
      reason: "refused 192.0.2.1: not in --allow",
      refusal: "address",
      connectionsDelta: 0,
      notice: "",
    });
  refuse();
  assert.deepEqual(log, []);
  change("tcp-listen://b:2", "waiting", "cannot listen");
  refuse();
  change("tcp-listen://b:2", "connected");
  assert.deepEqual(log.slice(1), ['end {"vigie.failures":1,"vigie.reason":"cannot listen"}']);
});

Deno.test("SourceOutages.close() tells of those that are not over", () => {
  const { change, outages, log } = setUp();
  change("tcp://a:1", "waiting", "connection refused");
  outages.close();
  outages.close();
  assert.deepEqual(log.slice(1), [
    "fail The program stopped before it was over " +
    '{"vigie.failures":1,"vigie.reason":"connection refused"}',
  ]);
});
