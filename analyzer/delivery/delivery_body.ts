import type { Clock } from "../clock.ts";
import type { IpMask } from "../decode/ip_mask.ts";
import { BodyHead, type HeadHash } from "./body_head.ts";
import { PaceMeter } from "./pace_meter.ts";
import type { TurnLock } from "./turn_lock.ts";

/** Why a body was not read to its end. */
export type BodyFailure = "silent" | "too-slow" | "too-long" | "encoding" | "lost" | "other-body";

/** How a {@linkcode DeliveryBody} is read. */
export interface DeliveryBodyOptions {
  readonly clock: Clock;
  readonly isGzip: boolean;
  /** Held by whichever body has bytes that are being dealt with. */
  readonly turns: TurnLock;
  /** Longest body, decompressed. */
  readonly bodyBytesMax: number;
  /** How long the sender may be silent while it is waited for, in ms. */
  readonly silenceMaxMs: number;
  /** What of the body was counted before, under its key; `undefined` for nothing. */
  readonly counted: CountedBody | undefined;
  /** For the hash of its beginning; see {@linkcode BodyHead}. */
  readonly ipMask?: IpMask | undefined;
}

/** What is known of a body that was counted, or a part of it. */
export interface CountedBody {
  readonly bytes: number;
  readonly headHash: HeadHash;
  /** Whether that was all of it. */
  readonly isComplete: boolean;
}

/**
 * The body of a request: decompressed, without what was counted before, and with a limit on how
 * long it may be and how long its sender may be silent while it is being waited for. Pull-driven, so
 * a slow disk holds up the sender's socket; of a compressed body a few hundred bytes at a time are
 * expanded, since zeros grow a thousandfold.
 */
export class DeliveryBody {
  /** A byte stream; it breaks where {@linkcode failure} says why. Read or {@linkcode drain}. */
  readonly bytes: ReadableStream<Uint8Array>;
  readonly head: BodyHead;
  /** Bytes that were read so far, decompressed, with those that were counted before. */
  byteCount = 0;
  /** Whether the body was read to its end. */
  isAtEnd = false;
  failure: BodyFailure | undefined;
  /** How fast it comes, while it is waited for. */
  readonly pace: PaceMeter;

  readonly #clock: Clock;
  readonly #silenceMaxMs: number;
  readonly #bodyBytesMax: number;
  readonly #counted: CountedBody | undefined;
  readonly #received: ReadableStreamDefaultReader<Uint8Array> | undefined;
  readonly #decoded: ReadableStreamDefaultReader<Uint8Array> | undefined;
  readonly #turns: TurnLock;
  #isCancelled = false;
  #isChecked = false;
  #isTooLong = false;
  #holdsTurns = false;
  /** How much of what is compressed is expanded at a time. */
  #sliceBytes = SLICE_BYTES_MIN;

  constructor(body: ReadableStream<Uint8Array> | null, options: DeliveryBodyOptions) {
    this.head = new BodyHead(options.ipMask);
    this.#clock = options.clock;
    this.#turns = options.turns;
    this.#silenceMaxMs = options.silenceMaxMs;
    this.#bodyBytesMax = options.bodyBytesMax;
    this.pace = new PaceMeter(options.clock);
    this.#counted = options.counted;
    this.#received = body?.getReader();
    if (options.isGzip) {
      this.#decoded = this.#slices()
        .pipeThrough(
          new DecompressionStream("gzip") as ReadableWritablePair<Uint8Array, Uint8Array>,
        )
        .getReader();
    }
    this.bytes = new ReadableStream({
      type: "bytes",
      pull: (controller) => this.#pull(controller),
      cancel: () => this.#cancel(),
    }) as ReadableStream<Uint8Array>;
  }

  /** Breaks it off, since others wait for its place. */
  giveUp(): void {
    this.#breakOff("too-slow");
  }

  /** Reads the body to its end, or until the signal is aborted, and drops it; never rejects. */
  async drain(signal: AbortSignal): Promise<void> {
    const cancel = () => void this.#cancel();
    signal.addEventListener("abort", cancel);
    if (signal.aborted) cancel();
    try {
      while (await this.#next() !== undefined);
    } catch {
      // `failure` says why.
    } finally {
      signal.removeEventListener("abort", cancel);
    }
  }

  async #pull(controller: ReadableByteStreamController): Promise<void> {
    for (;;) {
      const chunk = await this.#next();
      // What is cancelled is closed already.
      if (this.#isCancelled) return;
      if (chunk === undefined) {
        controller.close();
        controller.byobRequest?.respond(0);
        return;
      }
      const newBytes = Math.min(chunk.length, this.byteCount - (this.#counted?.bytes ?? 0));
      if (newBytes > 0) {
        controller.enqueue(chunk.subarray(chunk.length - newBytes) as Uint8Array<ArrayBuffer>);
        return;
      }
    }
  }

  /**
   * The next bytes of the body, `undefined` at its end. With them comes the lock, until more is asked
   * for: who is waited for does not hold it.
   */
  async #next(): Promise<Uint8Array | undefined> {
    this.#releaseTurns();
    const chunk = await this.#nextChunk();
    if (chunk === undefined) return undefined;
    await this.#turns.acquire();
    this.#holdsTurns = true;
    if (!this.#isCancelled) return chunk;
    this.#releaseTurns();
    if (this.failure !== undefined) throw new Error(this.failure);
    return undefined;
  }

  async #nextChunk(): Promise<Uint8Array | undefined> {
    let chunk: Uint8Array | undefined;
    if (this.#isTooLong) this.#breakOff("too-long");
    if (this.failure !== undefined) throw new Error(this.failure);
    try {
      chunk = this.#decoded === undefined
        ? await this.#receive()
        : (await this.#decoded.read()).value;
    } catch (exception) {
      this.failure ??= "encoding";
      throw exception;
    }
    // A reader that was cancelled sees an ordinary end.
    if (this.failure !== undefined) throw new Error(this.failure);
    if (this.#isCancelled) return undefined;
    if (chunk !== undefined) {
      this.#adapt(chunk.length);
      chunk = this.#cut(chunk);
      this.head.add(chunk);
      this.byteCount += chunk.length;
    }
    this.#check(chunk === undefined);
    this.isAtEnd = chunk === undefined;
    return chunk;
  }

  /** What of the bytes still fits: where a body is cut off does not depend on how it comes. */
  #cut(chunk: Uint8Array): Uint8Array {
    const room = this.#bodyBytesMax - this.byteCount;
    this.#isTooLong = chunk.length > room;
    return chunk.subarray(0, room);
  }

  /** Compares the body with what was counted under its key, as soon as so much of it is there. */
  #check(isEnd: boolean): void {
    if (this.#counted === undefined) return;
    const { bytes, isComplete } = this.#counted;
    const isTooLong = isComplete && this.byteCount > bytes;
    if (this.byteCount < bytes ? !isEnd : this.#isChecked && !isTooLong) return;
    this.#isChecked = true;
    if (this.byteCount >= bytes && !isTooLong && this.#hasSameHead(this.#counted)) return;
    this.#breakOff("other-body");
    throw new Error(this.failure);
  }

  #hasSameHead({ bytes, headHash }: CountedBody): boolean {
    const [high, low] = this.head.hash(bytes);
    return high === headHash[0] && low === headHash[1];
  }

  /** What comes from the sender; `undefined` at the end. */
  async #receive(): Promise<Uint8Array | undefined> {
    if (this.#received === undefined) return undefined;
    const reader = this.#received;
    const stopTimer = this.#clock.schedule(() => this.#breakOff("silent"), this.#silenceMaxMs);
    this.pace.beginWait();
    try {
      const { value } = await reader.read();
      if (this.failure !== undefined) throw new Error(this.failure);
      this.pace.endWait(value?.length ?? 0);
      return value;
    } catch (exception) {
      this.failure ??= "lost";
      throw exception;
    } finally {
      stopTimer();
    }
  }

  /** What comes from the sender, in pieces that do not become too large when they are expanded. */
  #slices(): ReadableStream<Uint8Array> {
    let rest = new Uint8Array(0) as Uint8Array;
    return new ReadableStream<Uint8Array>({
      pull: async (controller) => {
        while (rest.length === 0) {
          const chunk = await this.#receive();
          if (chunk === undefined) return this.#isCancelled ? undefined : controller.close();
          rest = chunk;
        }
        controller.enqueue(rest.subarray(0, this.#sliceBytes));
        rest = rest.subarray(this.#sliceBytes);
      },
    }, { highWaterMark: 0 });
  }

  #adapt(expandedBytes: number): void {
    if (expandedBytes > EXPANDED_BYTES_MAX) this.#sliceBytes = SLICE_BYTES_MIN;
    else if (expandedBytes < EXPANDED_BYTES_MAX / 4) {
      this.#sliceBytes = Math.min(2 * this.#sliceBytes, SLICE_BYTES_MAX);
    }
  }

  #breakOff(failure: BodyFailure): void {
    this.failure ??= failure;
    this.#cancel();
  }

  #releaseTurns(): void {
    if (!this.#holdsTurns) return;
    this.#holdsTurns = false;
    this.#turns.release();
  }

  /** Ends all reading. What cancelling itself may throw is of no use to anyone. */
  #cancel(): void {
    this.#isCancelled = true;
    this.#releaseTurns();
    this.#decoded?.cancel().catch(() => {});
    this.#received?.cancel().catch(() => {});
  }
}

/**
 * A slice is as large as pays for log lines, and as small as there is while what it holds expands
 * to more than so much. One that grows a thousandfold without a warning is 1 MiB.
 */
const EXPANDED_BYTES_MAX = 64 * 1024;
const SLICE_BYTES_MIN = 64;
const SLICE_BYTES_MAX = 1024;
