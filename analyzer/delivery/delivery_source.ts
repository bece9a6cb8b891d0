import { LineDecoder } from "../decode/line_decoder.ts";
import type { LineFormat } from "../decode/parse_line.ts";
import {
  type BufferBounds,
  readBatches,
  ReadException,
  type ReadOptions,
} from "../source/read_batches.ts";
import type { SourceContext } from "../source/source.ts";
import type { InputElement } from "../stream/elements.ts";
import { FairMerge } from "../stream/fair_merge.ts";
import {
  Delivery,
  type DeliveryAnswer,
  type DeliveryCounts,
  type DeliveryReceiver,
  type DeliveryRequest,
} from "./delivery.ts";
import { DeliveryBody } from "./delivery_body.ts";
import type { DeliveryLedger } from "./delivery_ledger.ts";
import type { KeyRecord } from "./key_record.ts";
import { TurnLock } from "./turn_lock.ts";

/** What deliveries are read with. */
export type DeliveryContext = Omit<SourceContext, "saved" | "position">;

/**
 * Lines that come in requests. All requests together are one input, which is open from the first
 * one on: the end of a request says nothing about time, and closes no window.
 *
 * A request travels through the chain as its batches and an element behind the last of them. It
 * holds its key and one of the places that there are until it is answered: so nobody finds a
 * key in the ledger while something under it is still on its way.
 */
export class DeliverySource implements DeliveryReceiver {
  readonly #ledger: DeliveryLedger;
  readonly #context: DeliveryContext;
  readonly #inputs = new FairMerge<InputElement>();
  readonly #keys = new Set<string>();
  /** With one thread, several bodies at a time would only take more memory. */
  readonly #turns: TurnLock;
  /** Those that are being read, with what resolves once their places are free. */
  readonly #bodies = new Map<DeliveryBody, Promise<void>>();
  #open = 0;
  #bytes = 0;
  #repeated = 0;
  #answersDue = 0;
  #hasStopped = false;

  constructor(ledger: DeliveryLedger, context: DeliveryContext) {
    this.#ledger = ledger;
    this.#context = context;
    this.#turns = new TurnLock(context.clock, context.turnIntervalMs);
  }

  get counts(): DeliveryCounts {
    return {
      open: this.#open,
      bytes: this.#bytes,
      repeated: this.#repeated,
      keys: this.#ledger.keyCount,
    };
  }

  /** Whether a body was read to its end, and its sender waits for the answer. */
  get isAnswering(): boolean {
    return this.#answersDue > 0;
  }

  /** The elements of all requests; ends soon after the signal is aborted. Called once. */
  async *open(): AsyncGenerator<InputElement, void, void> {
    const { signal } = this.#context;
    const wake = () => this.#inputs.wake();
    signal.addEventListener("abort", wake);
    let isOpen = false;
    try {
      while (!signal.aborted || this.#inputs.size > 0) {
        const element = this.#inputs.take();
        if (element === undefined) {
          await this.#inputs.changed();
          continue;
        }
        if (!isOpen) yield { kind: "input-opened", inputId: INPUT_ID, isLive: true };
        isOpen = true;
        yield element;
      }
      if (isOpen) yield { kind: "input-closed", inputId: INPUT_ID, isComplete: false };
    } finally {
      signal.removeEventListener("abort", wake);
    }
  }

  async receive(request: DeliveryRequest): Promise<DeliveryAnswer> {
    const { key } = request;
    if (this.#hasStopped || this.#context.signal.aborted) return { kind: "stopped" };
    const { limits, limitCounter } = this.#context;
    while (this.#open >= limits.deliveries) {
      const freed = this.#giveUpSlowest();
      if (freed === undefined) {
        limitCounter.reach("deliveries");
        return { kind: "overloaded" };
      }
      await freed;
    }
    if (this.#hasStopped || this.#context.signal.aborted) return { kind: "stopped" };
    if (key !== undefined && this.#keys.has(key)) return { kind: "key-in-use" };
    this.#open++;
    if (key !== undefined) this.#keys.add(key);
    const freed = Promise.withResolvers<void>();
    let body: DeliveryBody | undefined;
    try {
      const record = key === undefined
        ? undefined
        : this.#ledger.find(key, this.#context.clock.wallMs());
      body = new DeliveryBody(request.body, {
        clock: this.#context.clock,
        isGzip: request.isGzip,
        turns: this.#turns,
        bodyBytesMax: limits.httpBodyBytes,
        silenceMaxMs: limits.deliverySilence,
        ipMask: this.#context.decoder.ipMask,
        counted: record === undefined ? undefined : { ...record, bytes: record.totals.bytes },
      });
      this.#bodies.set(body, freed.promise);
      return record?.isComplete === true
        ? await this.#repeat(body, record)
        : await this.#deliver(body, request, record);
    } finally {
      this.#open--;
      if (key !== undefined) this.#keys.delete(key);
      if (body !== undefined) this.#bodies.delete(body);
      freed.resolve();
    }
  }

  /**
   * Gives up the sender that is slowest of those that are too slow, so that trickling bodies cannot
   * keep others out. While there are places nobody has to hurry.
   *
   * @returns what resolves once its place is free; `undefined` where none is too slow
   */
  #giveUpSlowest(): Promise<void> | undefined {
    const { limits, limitCounter } = this.#context;
    let slowest: DeliveryBody | undefined;
    for (const body of this.#bodies.keys()) {
      if (body.isAtEnd || body.failure !== undefined) continue;
      const { bytesPerSecond } = body.pace;
      if (bytesPerSecond >= limits.deliveryPace) continue;
      if (slowest === undefined || bytesPerSecond < slowest.pace.bytesPerSecond) slowest = body;
    }
    if (slowest === undefined) return undefined;
    limitCounter.reach("deliveryPace");
    slowest.giveUp();
    return this.#bodies.get(slowest);
  }

  /** The chain has ended; whoever still waits is told. */
  stop(): void {
    this.#hasStopped = true;
    this.#ledger.stop();
  }

  async #deliver(
    body: DeliveryBody,
    { key, format }: DeliveryRequest,
    record: KeyRecord | undefined,
  ): Promise<DeliveryAnswer> {
    const delivery = new Delivery(key, body.head);
    this.#ledger.begin(delivery, record);
    this.#inputs.add(this.#read(delivery, body, format, record));
    const settlement = await delivery.settled;
    if (settlement.kind === "stopped") return { kind: "stopped" };
    const { totals, isDurable } = settlement;
    if (body.isAtEnd) return { kind: "delivered", totals, isDurable, isRepeated: false };
    return brokenAnswer(body, totals.lines);
  }

  /** Reads what was counted before; it goes no farther than here. */
  async #repeat(body: DeliveryBody, { totals }: KeyRecord): Promise<DeliveryAnswer> {
    await body.drain(this.#context.signal);
    this.#count(body);
    if (!body.isAtEnd) return brokenAnswer(body, totals.lines);
    this.#repeated++;
    // A key is given up by its request only once what was counted under it is durable.
    return { kind: "delivered", totals, isDurable: this.#ledger.saves, isRepeated: true };
  }

  #count({ byteCount, failure }: DeliveryBody): void {
    this.#bytes += byteCount;
    const { limitCounter } = this.#context;
    if (failure === "silent") limitCounter.reach("deliverySilence");
    if (failure === "too-long") limitCounter.reach("httpBodyBytes");
  }

  async *#read(
    delivery: Delivery,
    body: DeliveryBody,
    format: LineFormat,
    record: KeyRecord | undefined,
  ): AsyncGenerator<InputElement, void, void> {
    const { clock, signal, maxFutureMs } = this.#context;
    const decoder = new LineDecoder(
      INPUT_ID,
      { ...this.#context.decoder, format },
      record === undefined
        ? undefined
        : { offsetBytes: record.totals.bytes, csvLayout: record.csvLayout },
    );
    const futureLimitMs = () => clock.wallMs() + maxFutureMs;
    const options: ReadOptions = {
      clock,
      signal,
      // The body sees to that, for all requests together.
      turnIntervalMs: () => Infinity,
      futureLimitMs,
      buffer: BUFFER,
    };
    try {
      for await (const batch of readBatches(body.bytes, decoder, options)) {
        yield { ...batch, delivery };
      }
    } catch (exception) {
      if (!(exception instanceof ReadException)) throw exception;
    }
    this.#count(body);
    this.#answersDue++;
    void delivery.settled.then(() => this.#answersDue--);
    const isComplete = body.isAtEnd;
    // Under a key the rest of a line that was cut will come: neither part of it is a line.
    if (isComplete || delivery.key === undefined) {
      const rest: InputElement[] = [];
      decoder.end(
        { receivedAtMs: clock.monotonicMs(), futureLimitMs: futureLimitMs() },
        { isCut: !isComplete },
        // What is cut off since the program stops is counted, but nobody has to look at it.
        (batch) => rest.push({ ...batch, delivery, ...(signal.aborted ? { samples: [] } : {}) }),
      );
      yield* rest;
    }
    yield { kind: "delivery-ended", delivery, isComplete };
  }
}

function brokenAnswer({ failure }: DeliveryBody, lines: number): DeliveryAnswer {
  switch (failure) {
    case "other-body":
      return { kind: "other-body" };
    case "silent":
    case "too-slow":
    case "too-long":
    case "encoding":
    case "lost":
      return { kind: "broken", why: failure, lines };
    case undefined:
      return { kind: "stopped" };
  }
}

/** The name of the input that all requests are. */
const INPUT_ID = "http";

/** Where many requests are read, none of them gets as large a buffer as it could use. */
const BUFFER: BufferBounds = { bytesMin: 64 * 1024, bytesMax: 256 * 1024 };
