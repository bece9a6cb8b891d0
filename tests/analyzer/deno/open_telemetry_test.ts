import assert from "node:assert/strict";
import { openTelemetry, type TracerProvider } from "../../../analyzer/deno/open_telemetry.ts";
import { NO_TRACING } from "../../../analyzer/tracing.ts";

/** A provider that tells what it is asked for. */
function provider(log: string[], isRecording = true): TracerProvider {
  return {
    getTracer: (name, version) => ({
      startSpan(spanName, options) {
        log.push(`${name} ${version}: ${spanName} ${JSON.stringify(options?.attributes)}`);
        return {
          isRecording: () => isRecording,
          addEvent: (name) => log.push(`event ${name}`),
          setAttributes: (attributes) => log.push(`attributes ${JSON.stringify(attributes)}`),
          setStatus: ({ code, message }) => log.push(`status ${code} ${message}`),
          end: () => log.push("end"),
        };
      },
    }),
  };
}

Deno.test("openTelemetry() passes spans on", () => {
  const log: string[] = [];
  const tracing = openTelemetry("0.1.0", provider(log));
  log.length = 0;
  const span = tracing.begin("save checkpoint", { "vigie.epoch": 3 });
  span.reach("errors are durable");
  span.end({ "vigie.lines": 5 });
  tracing.begin("storage outage").fail("disk full");
  assert.deepEqual(log, [
    'vigie 0.1.0: save checkpoint {"vigie.epoch":3}',
    "event errors are durable",
    'attributes {"vigie.lines":5}',
    "end",
    "vigie 0.1.0: storage outage {}",
    "status 2 disk full",
    "attributes {}",
    "end",
  ]);
});

Deno.test("openTelemetry() traces nothing where OpenTelemetry is off, in whichever way it says so", () => {
  // Deno throws; the API's own provider gives spans that record nothing.
  assert.equal(openTelemetry("0.1.0"), NO_TRACING);
  assert.equal(openTelemetry("0.1.0", provider([], false)), NO_TRACING);
});

Deno.test("openTelemetry() leaves no span of its own behind that has ended", () => {
  const log: string[] = [];
  openTelemetry("0.1.0", provider(log));
  assert.deepEqual(log, ["vigie 0.1.0: is it on? undefined"]);
});
