import assert from "node:assert/strict";
import { createApp } from "../../../analyzer/http/app.ts";
import { appDeps, type AppFixture, liveView, sourceState } from "../../support/window_fixtures.ts";

Deno.test("GET /healthz says how the program does", async () => {
  const { status, body } = await get("/healthz", {});
  assert.equal(status, 200);
  assert.deepEqual(body, {
    status: "ok",
    state: "running",
    writer_idle_ms: 20,
    input_waiting: false,
    version: "0.1.0",
    started_at: "2025-05-30T18:52:02.000Z",
    uptime_ms: 60_000,
  });
});

Deno.test("GET /healthz is 503 from the 10th second without a move on, if input waits", async () => {
  const cases = [
    { writerIdleMs: 9_999, inputWaiting: true, expected: 200 },
    { writerIdleMs: 10_000, inputWaiting: true, expected: 503 },
    { writerIdleMs: 10_000, inputWaiting: false, expected: 200 },
    // What it waits for is known, and another start would not bring it.
    { writerIdleMs: 10_000, inputWaiting: true, writerFault: "disk full", expected: 200 },
  ];
  for (const { expected, ...health } of cases) {
    const { status, body } = await get("/healthz", { health });
    assert.equal(status, expected);
    assert.equal(body["status"], expected === 200 ? "ok" : "stuck");
  }
});

Deno.test("GET /healthz stays 200 while the program stops", async () => {
  const { status, body } = await get("/healthz", { health: { state: "stopping" } });
  assert.deepEqual([status, body["state"]], [200, "stopping"]);
});

Deno.test("GET /readyz is 200 only while the program runs and the writer works", async () => {
  const cases: [health: AppFixture["health"] & object, ready: boolean][] = [
    [{}, true],
    [{ state: "stopping" }, false],
    [{ writerFault: "no space left" }, false],
    [{ writerIdleMs: 9_999, inputWaiting: true }, true],
    [{ writerIdleMs: 10_000, inputWaiting: true }, false],
  ];
  for (const [health, ready] of cases) {
    const { status, body } = await get("/readyz", { health });
    assert.equal(status, ready ? 200 : 503);
    assert.equal(body["ready"], ready);
    assert.equal(body["writer_fault"], health.writerFault ?? "");
    assert.equal(body["state"], health.state ?? "running");
  }
});

Deno.test("GET /readyz shows a lost source and stays ready", async () => {
  const source = sourceState({ phase: "waiting", connections: 0, reason: "connection refused" });
  const { status, body } = await get("/readyz", { view: liveView({ sources: [source] }) });
  assert.equal(status, 200);
  assert.deepEqual(body["sources"], [{
    name: "tcp://127.0.0.1:9999",
    phase: "waiting",
    connections: 0,
    connections_total: 1,
    reason: "connection refused",
    last_row_at: "2025-05-30T18:53:01.000Z",
  }]);
});

async function get(
  path: string,
  fixture: AppFixture,
): Promise<{ status: number; body: Record<string, unknown> }> {
  const response = await createApp(appDeps(fixture)).request(path);
  return { status: response.status, body: await response.json() };
}
