import assert from "node:assert/strict";
import {
  Analyzer,
  beforeDeadline,
  generated,
  LineServer,
  linesOf,
  send,
  TemporaryDirectory,
} from "./support.ts";

const LINES = linesOf(await generated(["--count", "2000", "--seed", "3", "--event-rate", "40"]));

Deno.test("analyze tells OpenTelemetry of starts, checkpoints and lost sources, with OTEL_DENO=true", async () => {
  using directory = new TemporaryDirectory();
  await using collector = new Collector();
  await using server = new LineServer();
  const args = ["--source", server.source, "--max-future", "off", ...directory.options()];
  // No flag of the task is changed, and no permission is added.
  const env = {
    OTEL_DENO: "true",
    OTEL_SERVICE_NAME: "vigie",
    OTEL_EXPORTER_OTLP_PROTOCOL: "http/json",
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
  };
  await using analyzer = await Analyzer.start(args, { env });
  const first = await server.accept();
  await send(first, LINES.slice(0, 1000).join("\n") + "\n");
  await analyzer.untilLines(1000);
  first.close();
  const second = await server.accept();
  await send(second, LINES.slice(1000).join("\n") + "\n");
  await analyzer.untilLines(LINES.length);
  const { status } = await analyzer.stop();
  assert.equal(status, 0);

  // What is not sent yet is sent at the end.
  const restored = await collector.span(({ name }) => name === "restore state");
  assert.equal(restored.attributes["vigie.epoch"], 0);
  const outage = await collector.span(({ name }) => name === "source outage");
  assert.equal(outage.attributes["vigie.source"], server.source);
  assert.match(String(outage.attributes["vigie.reason"]), /\w/);
  assert.ok(outage.endNs > outage.startNs);
  const checkpoints = await collector.until(
    (spans) => spans.filter(({ name }) => name === "save checkpoint"),
    (spans) => sum(spans, "vigie.lines") === LINES.length,
  );
  assert.deepEqual(
    checkpoints.map(({ attributes }) => attributes["vigie.epoch"]).sort((a, b) =>
      Number(a) - Number(b)
    ),
    checkpoints.map((_, i) => i + 1),
  );
  assert.deepEqual(checkpoints[0]!.events, ["errors are durable", "windows are durable"]);
  assert.equal(checkpoints[0]!.service, "vigie");
  assert.equal(checkpoints[0]!.scope, "vigie");
  const request = await collector.span(({ scope }) => scope === "deno");
  assert.equal(request.name, "GET");
});

Deno.test("analyze goes on where nobody takes what it tells OpenTelemetry", async () => {
  using directory = new TemporaryDirectory();
  await using server = new LineServer();
  const args = ["--source", server.source, "--max-future", "off", ...directory.options()];
  // A port that was free just now refuses.
  const nobody = new LineServer();
  nobody.close();
  const env = {
    OTEL_DENO: "true",
    OTEL_EXPORTER_OTLP_PROTOCOL: "http/json",
    OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${nobody.port}`,
  };
  await using analyzer = await Analyzer.start(args, { env });
  await send(await server.accept(), LINES.join("\n") + "\n");
  await analyzer.untilLines(LINES.length);
  const { status } = await analyzer.stop();
  assert.equal(status, 0);
});

function sum(spans: readonly CollectedSpan[], attribute: string): number {
  return spans.reduce((total, { attributes }) => total + Number(attributes[attribute]), 0);
}

interface CollectedSpan {
  readonly name: string;
  readonly scope: string;
  readonly service: string;
  readonly attributes: Readonly<Record<string, string | number | boolean>>;
  readonly events: readonly string[];
  readonly startNs: bigint;
  readonly endNs: bigint;
}

/** What takes OTLP over HTTP, as far as a test needs it. */
class Collector implements AsyncDisposable {
  readonly #server: Deno.HttpServer<Deno.NetAddr>;
  readonly #spans: CollectedSpan[] = [];
  #changed = Promise.withResolvers<void>();

  constructor() {
    this.#server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen: () => {} },
      async (request) => {
        const body = await request.json();
        if (new URL(request.url).pathname === "/v1/traces") this.#take(body);
        return Response.json({});
      },
    );
  }

  get url(): string {
    return `http://127.0.0.1:${this.#server.addr.port}`;
  }

  /** Waits for a span. */
  async span(isWanted: (span: CollectedSpan) => boolean): Promise<CollectedSpan> {
    const found = await this.until((spans) => spans.filter(isWanted), ({ length }) => length > 0);
    return found[0]!;
  }

  /** Waits until what `select` finds is as wanted. */
  async until(
    select: (spans: readonly CollectedSpan[]) => readonly CollectedSpan[],
    isReached: (spans: readonly CollectedSpan[]) => boolean,
  ): Promise<readonly CollectedSpan[]> {
    for (;;) {
      const selected = select(this.#spans);
      if (isReached(selected)) return selected;
      await beforeDeadline(
        this.#changed.promise,
        () => `not told: ${isReached}: ${this.#spans.map(({ name }) => name)}`,
      );
    }
  }

  // deno-lint-ignore no-explicit-any -- the JSON of another program
  #take({ resourceSpans }: any): void {
    for (const { resource, scopeSpans } of resourceSpans) {
      const service = String(attributesOf(resource.attributes)["service.name"]);
      for (const { scope, spans } of scopeSpans) {
        for (const span of spans) {
          this.#spans.push({
            name: span.name,
            scope: scope.name,
            service,
            attributes: attributesOf(span.attributes),
            events: span.events.map(({ name }: { name: string }) => name),
            startNs: BigInt(span.startTimeUnixNano),
            endNs: BigInt(span.endTimeUnixNano),
          });
        }
      }
    }
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
  }
}

interface OtlpAttribute {
  readonly key: string;
  readonly value: Readonly<Record<string, string | number | boolean>>;
}

function attributesOf(attributes: readonly OtlpAttribute[]) {
  return Object.fromEntries(attributes.map(({ key, value }) => {
    const number = value["intValue"] ?? value["doubleValue"];
    return [key, number === undefined ? Object.values(value)[0]! : Number(number)];
  }));
}
