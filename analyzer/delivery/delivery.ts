import type { Totals } from "../sink/totals.ts";
import type { BodyHead } from "./body_head.ts";

/**
 * One request that delivers log lines, on its way through the chain: its batches refer to it, and
 * so does the element behind the last of them. Whoever waits for its answer waits for
 * {@linkcode settled}.
 */
export class Delivery {
  /** Its `Idempotency-Key`; `undefined` where it has none. */
  readonly key: string | undefined;
  /** The beginning of its body; at least as much as any of its batches was made of. */
  readonly head: BodyHead;
  readonly #settlement = Promise.withResolvers<Settlement>();

  constructor(key: string | undefined, head: BodyHead) {
    this.key = key;
    this.head = head;
  }

  /** What has become of it; never rejects. */
  get settled(): Promise<Settlement> {
    return this.#settlement.promise;
  }

  /** Only the first call has an effect. */
  settle(settlement: Settlement): void {
    this.#settlement.resolve(settlement);
  }
}

/**
 * How a delivery came to its end in the writer: everything of it that was read is counted, and,
 * where it was read to its end and anything is kept at all, durable; or the program has stopped
 * before that.
 */
export type Settlement =
  | { readonly kind: "counted"; readonly totals: Totals; readonly isDurable: boolean }
  | { readonly kind: "stopped" };

/** Takes log lines that are sent in requests, and answers for them. */
export interface DeliveryReceiver {
  /**
   * Reads the body and resolves once its records are durable, or with why not. Never rejects. A
   * body that was refused is left unread.
   */
  receive(request: DeliveryRequest): Promise<DeliveryAnswer>;
  /** What was delivered since the program started. */
  readonly counts: DeliveryCounts;
}

/** The request as far as it matters here. */
export interface DeliveryRequest {
  /** `null` for a body of nothing. */
  readonly body: ReadableStream<Uint8Array> | null;
  /** Whether the body is compressed. */
  readonly isGzip: boolean;
  /** What every line of it is. */
  readonly format: "json" | "csv";
  /** 1 to 255 visible ASCII characters. */
  readonly key: string | undefined;
}

/** What the sender is told. */
export type DeliveryAnswer =
  | {
    readonly kind: "delivered";
    readonly totals: Totals;
    readonly isDurable: boolean;
    /** Whether all of it had been counted before, under its key. */
    readonly isRepeated: boolean;
  }
  /** The body broke off: what was counted of it stays counted. */
  | {
    readonly kind: "broken";
    readonly why: "silent" | "too-slow" | "too-long" | "encoding" | "lost";
    readonly lines: number;
  }
  /** The key belongs to another body; nothing of this one was counted. */
  | { readonly kind: "other-body" }
  /** Nothing of it was counted: try again. */
  | { readonly kind: "overloaded" | "key-in-use" }
  /** The program stops: with a key it can be sent again, and counts once. */
  | { readonly kind: "stopped" };

/** For metrics. */
export interface DeliveryCounts {
  /** Requests that are being read or wait to become durable. */
  readonly open: number;
  /** Bytes of the bodies, decompressed. */
  readonly bytes: number;
  /** Requests that had been counted before, under their key. */
  readonly repeated: number;
  /** Keys that are kept. */
  readonly keys: number;
}
