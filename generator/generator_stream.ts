import { concatReadableStreams } from "@std/streams/concat-readable-streams";
import { type Clock, sleepUntil, systemClock } from "./clock.ts";
import type { GeneratorConfig } from "./config.ts";
import { headerLine, LineWriter } from "./line_templates.ts";
import { Pacer } from "./pacer.ts";
import { RecordColumns, type RecordRange, TrafficModel } from "./traffic_model.ts";

/**
 * The lines of a run as byte chunks of whole lines: the history, as fast as it is read, and the live
 * part, paced by a {@linkcode Pacer}. Each part is pull-driven: it makes a chunk when one is asked
 * for, and nothing before. The clock starts with the first chunk asked for.
 *
 * Read either `readable`, or `history` to its end (or cancel it) and then `live`.
 */
export class GeneratorStream {
  /** Records with event times up to the start of the clock; empty without a backfill. */
  readonly history: ReadableStream<Uint8Array<ArrayBuffer>>;
  /** Records from the start of the clock on. Cancelling it stops its timer at once. */
  readonly live: ReadableStream<Uint8Array<ArrayBuffer>>;
  /** The header line, if there is one, the history and the live part. */
  readonly readable: ReadableStream<Uint8Array<ArrayBuffer>>;
  /** The longest line in bytes, its LF included. */
  readonly lineBytesMax: number;

  readonly #config: GeneratorConfig;
  readonly #clock: Clock;
  readonly #model: TrafficModel;
  readonly #writer: LineWriter;
  readonly #columns: RecordColumns;
  readonly #abort = new AbortController();
  /** Records of the history: those before this index. */
  readonly #historyCount: number;
  /** End of the live part: records from this index on are never made. */
  readonly #endCount: number;
  #run: Run | undefined;
  #madeCount = 0;
  #dueCount = 0;

  /**
   * Makes nothing yet. The clock is that of the machine unless another one is given.
   *
   * @param chunkBytesMax most bytes of a chunk: smaller ones cost throughput, larger ones memory
   */
  constructor(
    config: GeneratorConfig,
    clock: Clock = systemClock,
    chunkBytesMax: number = CHUNK_BYTES_MAX,
  ) {
    this.#config = config;
    this.#clock = clock;
    this.#model = new TrafficModel(config.traffic);
    this.#writer = new LineWriter(config.format);
    this.lineBytesMax = this.#writer.lineBytesMax;
    this.#columns = new RecordColumns(Math.floor(chunkBytesMax / this.lineBytesMax));
    const { recordCountMax, recordsPerSecond, durationMs, backfillMs } = config;
    this.#historyCount = Math.min(
      Math.floor((backfillMs * this.#eventRecordsPerSecond) / 1000),
      recordCountMax,
    );
    this.#endCount = Math.min(
      // Without the guard this is Infinity as well at the highest rate: there, the clock decides.
      this.#historyCount + Math.floor((durationMs * recordsPerSecond) / 1000),
      recordCountMax,
    );
    this.history = this.#stream(() => this.#nextHistoryChunk(), () => {});
    this.live = this.#stream(() => this.#nextLiveChunk(), () => this.#abort.abort());
    this.readable = this.#joined();
  }

  /** How many lines have been made, header and skipped history apart. */
  get linesCount(): number {
    return this.#linesCount;
  }
  #linesCount = 0;

  /**
   * How many records of the live part were due when it last looked at the clock and are not made
   * yet; 0 when it keeps up.
   */
  get backlogCount(): number {
    return Math.max(0, this.#dueCount - this.#madeCount);
  }

  get #eventRecordsPerSecond(): number {
    const { recordsPerSecond, eventRecordsPerSecond } = this.#config;
    return recordsPerSecond === Infinity ? eventRecordsPerSecond : recordsPerSecond;
  }

  #nextHistoryChunk(): Uint8Array<ArrayBuffer> | undefined {
    const run = this.#started();
    return this.#madeCount < this.#historyCount
      ? this.#chunk(this.#historyCount, run.eventTime)
      : undefined;
  }

  async #nextLiveChunk(): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const run = this.#started();
    // A history that was cancelled is skipped, so that indices and event times stay the same.
    this.#madeCount = Math.max(this.#madeCount, this.#historyCount);
    if (this.#config.recordsPerSecond === Infinity) return this.#nextChunkAtMax(run);
    const { signal } = this.#abort;
    if (this.#madeCount >= this.#endCount) {
      // The last record is due before the duration is over; one that is counted ends the run.
      if (this.#endCount < this.#config.recordCountMax) {
        await sleepUntil(run.endMs, this.#clock, signal);
      }
      return undefined;
    }
    if (this.#madeCount >= this.#dueCount) {
      const sentCount = this.#madeCount - this.#historyCount;
      this.#dueCount = this.#historyCount + await run.pacer.dueCount(sentCount, signal);
      if (signal.aborted) return undefined;
      this.#followWallClock(run);
    }
    return this.#chunk(Math.min(this.#dueCount, this.#endCount), run.eventTime);
  }

  #nextChunkAtMax(run: Run): Uint8Array<ArrayBuffer> | undefined {
    if (this.#madeCount >= this.#endCount || this.#clock.nowMs() >= run.endMs) return undefined;
    if (this.#config.startMs !== undefined) return this.#chunk(this.#endCount, run.eventTime);
    this.#followWallClock(run);
    const originUs = (run.wallStartMs + this.#clock.nowMs() - run.startMs) * 1000;
    return this.#chunk(this.#endCount, { originUs, recordsPerSecond: Infinity });
  }

  /** The next records as one chunk: as many as fit, none from `endIndex` on. */
  #chunk(endIndex: number, eventTime: EventTime): Uint8Array<ArrayBuffer> {
    const firstIndex = this.#madeCount;
    const rowCount = Math.min(endIndex - firstIndex, this.#columns.rowsMax);
    this.#model.fill(this.#columns, { ...eventTime, firstIndex, rowCount });
    // A fresh buffer for each chunk: the reader may keep it, as one that serves many clients does.
    const buffer = new Uint8Array(this.#writer.targetBytes(rowCount));
    const bytes = this.#writer.write(this.#columns, rowCount, buffer);
    this.#madeCount += rowCount;
    this.#linesCount += rowCount;
    return buffer.subarray(0, bytes);
  }

  #started(): Run {
    return this.#run ??= this.#start();
  }

  #start(): Run {
    const { startMs: eventStartMs, recordsPerSecond, durationMs } = this.#config;
    const startMs = this.#clock.nowMs();
    const wallStartMs = this.#clock.wallMs();
    return {
      startMs,
      wallStartMs,
      endMs: startMs + durationMs,
      pacer: new Pacer(this.#clock, { startMs, recordsPerSecond }),
      eventTime: {
        originUs: eventStartMs === undefined
          ? this.#wallOriginUs(wallStartMs)
          : eventStartMs * 1000,
        recordsPerSecond: this.#eventRecordsPerSecond,
      },
    };
  }

  /**
   * Event time of record 0 where the history ends at the start of the clock: the event time of a
   * live record is the wall-clock time at which it is due.
   */
  #wallOriginUs(wallStartMs: number): number {
    return wallStartMs * 1000 - ((this.#historyCount - 1) * 1e6) / this.#eventRecordsPerSecond;
  }

  /**
   * The schedule runs on a clock that neither jumps nor counts a suspended machine's sleep. Where
   * the wall clock has moved away from it, event time follows the wall clock.
   */
  #followWallClock(run: Run): void {
    if (this.#config.startMs !== undefined) return;
    const wallStartMs = this.#clock.wallMs() - (this.#clock.nowMs() - run.startMs);
    if (Math.abs(wallStartMs - run.wallStartMs) < WALL_DRIFT_MS_MAX) return;
    run.wallStartMs = wallStartMs;
    run.eventTime = { ...run.eventTime, originUs: this.#wallOriginUs(wallStartMs) };
  }

  #stream(next: NextChunk, onCancel: () => void): ReadableStream<Uint8Array<ArrayBuffer>> {
    return new ReadableStream({
      pull: async (controller) => {
        const chunk = await next();
        if (this.#abort.signal.aborted) return; // cancelled while it waited
        chunk === undefined ? controller.close() : controller.enqueue(chunk);
      },
      cancel: onCancel,
    }, { highWaterMark: 0 });
  }

  /**
   * Header, history and live part in one. Joined streams read one chunk ahead from the moment they
   * are joined, and do not promise to cancel the part being read: hence joined at the first read,
   * and cancelled here.
   */
  #joined(): ReadableStream<Uint8Array<ArrayBuffer>> {
    const header = this.#config.header ? [headerLine(this.#config.format)] : [];
    const isLiveOnly = header.length === 0 && this.#historyCount === 0;
    let parts: ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>> | undefined;
    const next = async () => {
      parts ??= (isLiveOnly ? this.live : concatReadableStreams(
        ReadableStream.from(header),
        this.history,
        this.live,
      )).getReader();
      return (await parts.read()).value;
    };
    return this.#stream(next, () => {
      this.#abort.abort();
      return parts?.cancel();
    });
  }
}

/** The lines of a run as one stream; see {@linkcode GeneratorStream}. */
export function generatorStream(
  config: GeneratorConfig,
  clock?: Clock,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  return new GeneratorStream(config, clock).readable;
}

type EventTime = Pick<RecordRange, "originUs" | "recordsPerSecond">;
type NextChunk = () =>
  | Uint8Array<ArrayBuffer>
  | undefined
  | Promise<Uint8Array<ArrayBuffer> | undefined>;

/** A run whose clock has started. */
interface Run {
  /** Start by `clock.nowMs()`. */
  readonly startMs: number;
  /** When the live part ends, by `clock.nowMs()`. */
  readonly endMs: number;
  readonly pacer: Pacer;
  /** Start by the wall clock. */
  wallStartMs: number;
  eventTime: EventTime;
}

/** Most bytes of a chunk, where nothing else was said: what several clients share is sent well so. */
const CHUNK_BYTES_MAX = 192 * 1024;

/** Wall-clock jumps below this are left alone: event time stays smooth. */
const WALL_DRIFT_MS_MAX = 100;
