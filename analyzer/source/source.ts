import type { Clock } from "../clock.ts";
import type { DecoderOptions } from "../decode/line_decoder.ts";
import type { InputPosition } from "../decode/record_batch.ts";
import type { LimitCounter, Limits } from "../limits.ts";
import type { InputElement } from "../stream/elements.ts";
import type { FileIdentity, PassedFile } from "./file_identity.ts";

/** One place that lines come from, as named on the command line. */
export interface Source {
  /** The source as it was asked for, such as `tcp://127.0.0.1:9999`. */
  readonly name: string;
  /**
   * True where more may come for ever, and what came long before can no longer be had. When its
   * inputs may fall silent is told as they are opened.
   */
  readonly isLive: boolean;
  /**
   * True where what was read can be read again from a position, so that nothing of it is lost in a
   * crash: a file is replayable, and a live source too if it is a file that is followed.
   */
  readonly isReplayable: boolean;
  /**
   * True where a replayable source cannot be read again from its position this time, since what
   * stood there is gone; known once it is prepared.
   */
  readonly isPastLost?: boolean;
  /**
   * Looks at the source before anything is consumed, and compares it with what the checkpoint
   * tells of it.
   *
   * @param position where a replayable source stood at the checkpoint, if anything of it was read
   * @throws {StartException} where the source is not there, or is another one than before
   */
  prepare(saved: SavedSource | undefined, position?: InputPosition): Promise<SavedSource>;
  /**
   * Emits the elements of all inputs of this source, batches in the order in which their bytes
   * came. Pull-driven. It ends after the last input has ended, or soon after `context.signal` is
   * aborted: then with everything decoded that was read, but for a last line without its newline.
   */
  open(context: SourceContext): AsyncIterable<InputElement>;
}

/** What a source is given to work with. */
export interface SourceContext {
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly decoder: DecoderOptions;
  readonly limits: Limits;
  readonly limitCounter: LimitCounter;
  /** How far ahead of {@linkcode SavedSource.firstStartedAtMs} or of now a row may be, in ms. */
  readonly maxFutureMs: number;
  /** How long reading may keep everything else waiting, in ms, for now. */
  readonly turnIntervalMs: () => number;
  readonly saved: SavedSource;
  /** Where a replayable input stood at the checkpoint. */
  readonly position: InputPosition | undefined;
}

/** What a checkpoint keeps of a source. */
export interface SavedSource {
  readonly name: string;
  /** Wall-clock time of the first start with this source, in ms since the epoch. */
  readonly firstStartedAtMs: number;
  /** Which file it was at the start, however it is called; a position tells which one it is now. */
  readonly file: FileIdentity | undefined;
  /** Files beside a log that is followed which were rotated away before the first start. */
  readonly passed?: readonly PassedFile[];
}
