import { LineDecoder } from "../decode/line_decoder.ts";
import type { InputElement } from "../stream/elements.ts";
import {
  type BufferBounds,
  type ReadActivity,
  readBatches,
  ReadException,
} from "./read_batches.ts";
import type { SourceContext } from "./source.ts";

/** How a connection came to its end. */
export interface ConnectionEnd {
  /** Why it was lost; empty where the other side closed it, or the program stops. */
  readonly reason: string;
  readonly bytes: number;
}

/** What a live input does at this moment, for somebody who chooses between several. */
export class LiveActivity implements ReadActivity {
  isWaiting = false;
  /** When the last row came, or else the input; monotonic, in ms. */
  lastRowAtMs: number;
  #decoder: LineDecoder | undefined;

  constructor(openedAtMs: number) {
    this.lastRowAtMs = openedAtMs;
  }

  /** Since when a line is unfinished, in monotonic ms; `undefined` where none is. */
  get unfinishedSinceMs(): number | undefined {
    return this.#decoder?.unfinishedSinceMs;
  }

  /** Begins to tell of what goes through a decoder. */
  watch(decoder: LineDecoder): void {
    this.#decoder = decoder;
  }
}

/**
 * Reads one connection, pipe or other stream that cannot be read again, as one input.
 *
 * @param options.endIsLoss whether the end of the stream is a lost connection: then a last line without
 *   its newline is counted as partial, else it is an ordinary line
 */
export async function* readLiveInput(
  bytes: ReadableStream<Uint8Array>,
  inputId: string,
  context: SourceContext,
  options: {
    readonly endIsLoss: boolean;
    readonly buffer?: BufferBounds;
    readonly activity?: LiveActivity;
  },
): AsyncGenerator<InputElement, ConnectionEnd, void> {
  const { clock, signal, turnIntervalMs } = context;
  const decoder = new LineDecoder(inputId, context.decoder);
  const { activity } = options;
  activity?.watch(decoder);
  const futureLimitMs = () => clock.wallMs() + context.maxFutureMs;
  let reason = "";
  let byteCount = 0;
  yield { kind: "input-opened", inputId, isLive: true };
  try {
    for await (
      const batch of readBatches(bytes, decoder, {
        ...options,
        clock,
        signal,
        turnIntervalMs,
        futureLimitMs,
      })
    ) {
      byteCount += batch.counts.bytes;
      if (activity !== undefined && batch.counts.valid > 0) {
        activity.lastRowAtMs = batch.receivedAtMs;
      }
      yield batch;
    }
  } catch (exception) {
    if (!(exception instanceof ReadException)) throw exception;
    reason = exception.message;
  }
  const isCut = options.endIsLoss || reason !== "" || signal.aborted;
  const rest: InputElement[] = [];
  decoder.end(
    { receivedAtMs: clock.monotonicMs(), futureLimitMs: futureLimitMs() },
    { isCut },
    // What is cut off since the program stops is counted, but nobody has to look at it.
    (batch) => rest.push(signal.aborted ? { ...batch, samples: [] } : batch),
  );
  yield* rest;
  yield { kind: "input-closed", inputId, isComplete: !isCut };
  return { reason, bytes: byteCount };
}
