import { NO_TRACING, type Span, type SpanAttributes, type Tracing } from "../tracing.ts";

/**
 * Tracing by the OpenTelemetry that Deno has built in, which the variable `OTEL_DENO=true` of the
 * environment switches on; without that, none. What is said here goes to
 * `Deno.telemetry.tracerProvider` as it is: `@opentelemetry/api` would find the same one, and add a
 * package to load at every start.
 */
export function openTelemetry(
  version: string,
  // deno-lint-ignore no-explicit-any -- Deno says no more of its type than a link
  provider: TracerProvider = Deno.telemetry.tracerProvider as any,
): Tracing {
  const tracer = provider.getTracer("vigie", version);
  return isOn(tracer)
    ? {
      begin: (name, attributes = {}) => new TelemetrySpan(tracer.startSpan(name, { attributes })),
    }
    : NO_TRACING;
}

/** The part of OpenTelemetry's `TracerProvider` that is in use. */
export interface TracerProvider {
  getTracer(name: string, version: string): Tracer;
}

interface Tracer {
  startSpan(name: string, options?: { readonly attributes: SpanAttributes }): OpenTelemetrySpan;
}

interface OpenTelemetrySpan {
  isRecording(): boolean;
  addEvent(name: string): void;
  setAttributes(attributes: SpanAttributes): void;
  setStatus(status: { readonly code: number; readonly message: string }): void;
  end(): void;
}

/** Whether anybody gets to see a span. Deno refuses to make one where it is off. */
function isOn(tracer: Tracer): boolean {
  try {
    // One that does not end is told to nobody.
    return tracer.startSpan("is it on?").isRecording();
  } catch {
    // "otel not initialized": the variable is not set, and that is all there is to know.
    return false;
  }
}

class TelemetrySpan implements Span {
  readonly #span: OpenTelemetrySpan;

  constructor(span: OpenTelemetrySpan) {
    this.#span = span;
  }

  reach(what: string): void {
    this.#span.addEvent(what);
  }

  end(attributes: SpanAttributes = {}): void {
    this.#span.setAttributes(attributes);
    this.#span.end();
  }

  fail(why: string, attributes: SpanAttributes = {}): void {
    this.#span.setStatus({ code: STATUS_ERROR, message: why });
    this.end(attributes);
  }
}

/** `SpanStatusCode.ERROR` of OpenTelemetry. */
const STATUS_ERROR = 2;
