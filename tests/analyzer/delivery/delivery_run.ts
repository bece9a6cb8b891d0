import assert from "node:assert/strict";
import {
  Delivery,
  type DeliveryAnswer,
  type DeliveryReceiver,
} from "../../../analyzer/delivery/delivery.ts";
import { DeliveryLedger } from "../../../analyzer/delivery/delivery_ledger.ts";
import { DeliverySource } from "../../../analyzer/delivery/delivery_source.ts";
import type { Limits } from "../../../analyzer/limits.ts";
import type { Totals } from "../../../analyzer/sink/totals.ts";
import { TotalsCounter } from "../../../analyzer/sink/totals_counter.ts";
import type { InputElement } from "../../../analyzer/stream/elements.ts";
import { TumblingWindowOperator } from "../../../analyzer/window/tumbling_window_operator.ts";
import { sourceContext } from "../source/byte_streams.ts";
import { testLimits } from "../../support/limits.ts";

/** What a checkpoint holds of a {@linkcode DeliveryRun}. */
export interface SavedRun {
  readonly keys: readonly string[];
  readonly totals: Totals;
}

/**
 * A delivery source and the writer's part of it, one element at a time: so that a test can end a
 * run, and go on from a checkpoint, between any two of them.
 */
export class DeliveryRun {
  readonly source: DeliverySource;
  readonly ledger: DeliveryLedger;
  readonly clock;
  readonly controller;
  readonly limitCounter;
  readonly elements: AsyncGenerator<InputElement, void, void>;
  /** Kinds of the elements so far. */
  readonly kinds: string[] = [];
  readonly #totals: TotalsCounter;
  readonly #windows = new TumblingWindowOperator(
    { windowLengthMs: 30_000, ...testLimits() },
    undefined,
  );
  /** One that was left waiting for an element; whoever comes next waits for the same. */
  #step: Promise<boolean> | undefined;

  constructor(
    options: {
      readonly saves?: boolean;
      readonly restored?: SavedRun;
      readonly limits?: Partial<Limits>;
    } = {},
  ) {
    const { saves = true, restored, limits } = options;
    const { clock, controller, context } = sourceContext();
    this.clock = clock;
    this.limitCounter = context.limitCounter;
    this.controller = controller;
    this.ledger = new DeliveryLedger({ saves, ...testLimits(), keys: restored?.keys });
    this.source = new DeliverySource(this.ledger, {
      ...context,
      limits: { ...context.limits, ...limits },
    });
    this.elements = this.source.open();
    this.#totals = new TotalsCounter(restored?.totals);
  }

  get totals(): Totals {
    return this.#totals.snapshot();
  }

  /** Delivers lines; nothing of them is taken before a {@linkcode step}. */
  deliver(
    body: string | Uint8Array | ReadableStream<Uint8Array> | null,
    options: {
      readonly key?: string;
      readonly format?: "json" | "csv";
      readonly isGzip?: boolean;
    } = {},
  ): Promise<DeliveryAnswer> {
    const { key, format = "json", isGzip = false } = options;
    const stream = body === null || body instanceof ReadableStream ? body : bodyOf([body]);
    return this.source.receive({ body: stream, key, format, isGzip });
  }

  /** Takes the next element, as operators and writer would; false after the last one. */
  step(): Promise<boolean> {
    return this.#step ??= this.#takeNext().finally(() => this.#step = undefined);
  }

  async #takeNext(): Promise<boolean> {
    const { done, value: element } = await this.elements.next();
    if (done === true) return false;
    this.kinds.push(element.kind);
    if (element.kind === "delivery-ended") {
      assert.ok(element.delivery instanceof Delivery);
      this.ledger.end(element.delivery, element.isComplete, this.clock.wallMs());
    }
    if (element.kind !== "batch") return true;
    assert.equal(element.inputId, "http");
    this.#windows.push(element, (analyzed) => {
      assert.ok(analyzed.kind === "analyzed");
      this.#totals.add(analyzed);
      this.ledger.add(element.delivery!, analyzed, this.clock.wallMs());
    });
    return true;
  }

  /** Takes elements until so many requests were read to their end. */
  async stepToEndOf(deliveries: number): Promise<void> {
    while (this.kinds.filter((kind) => kind === "delivery-ended").length < deliveries) {
      await this.step();
    }
    // Whoever were answered without a checkpoint would be by now.
    for (let i = 0; i < 20; i++) await null;
  }

  /** Takes elements until the answer is there, saving a checkpoint behind each of them. */
  async until(answer: Promise<DeliveryAnswer>): Promise<DeliveryAnswer> {
    let result: DeliveryAnswer | undefined;
    void answer.then((answer) => result = answer);
    for (;;) {
      const stepped = this.step();
      await Promise.race([stepped, answer]);
      this.save();
      // An answer comes a few promises behind what it waits for.
      for (let i = 0; i < 10; i++) await null;
      if (result !== undefined) {
        void stepped;
        return result;
      }
    }
  }

  /** Answers requests by itself, one at a time, with a checkpoint behind every element. */
  serve(): DeliveryReceiver {
    const { source } = this;
    return {
      receive: (request) => this.until(source.receive(request)),
      get counts() {
        return source.counts;
      },
    };
  }

  /** Saves a checkpoint: what was counted so far is durable. */
  save(): SavedRun {
    const saved = { keys: this.ledger.state(), totals: this.totals };
    this.ledger.becameDurable();
    return saved;
  }

  /** Ends the run, as the end of the program does. */
  async stop(): Promise<void> {
    this.controller.abort();
    while (await this.step());
    this.source.stop();
  }
}

/** A request's body that comes in these pieces, and then ends, breaks or stays open. */
export function bodyOf(
  chunks: readonly (string | Uint8Array)[],
  end: "close" | "open" | Error = "close",
): ReadableStream<Uint8Array> {
  const rest = chunks.map((chunk) =>
    typeof chunk === "string" ? new TextEncoder().encode(chunk) : chunk.slice()
  );
  return new ReadableStream({
    pull(controller) {
      const chunk = rest.shift();
      if (chunk !== undefined) controller.enqueue(chunk);
      else if (end === "close") controller.close();
      else if (end !== "open") controller.error(end);
    },
  }, { highWaterMark: 0 });
}

/** Text as gzip. */
export async function gzip(text: string): Promise<Uint8Array> {
  const stream = new Blob([text]).stream().pipeThrough(new CompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}
