import type { InputPosition, RecordBatch } from "../../../analyzer/decode/record_batch.ts";
import { FollowedFileSource } from "../../../analyzer/source/followed_file_source.ts";
import type { SavedSource } from "../../../analyzer/source/source.ts";
import type { InputElement } from "../../../analyzer/stream/elements.ts";
import { jsonLine } from "../../support/log_lines.ts";
import type { ManualClock } from "../../support/manual_clock.ts";
import type { MemoryLogFiles } from "../../support/memory_log_files.ts";
import { sourceContext } from "./byte_streams.ts";

/** The log that tests follow. */
export const LOG = "/logs/access.log";

/** An error line that says which one it is. */
export function numberedLine(index: number): string {
  return `${jsonLine({ status: 404, url: `/${index}` })}\n`;
}

/** The numbers of all lines of batches. */
export function numbersOf(batches: readonly RecordBatch[]): number[] {
  return batches.flatMap(({ errors }) =>
    [...new TextDecoder().decode(errors.lineBytes).matchAll(/"url":"\/(\d+)"/g)]
      .map(([, index]) => Number(index))
  );
}

/** What a checkpoint keeps of a followed file. */
export interface Kept {
  readonly saved: SavedSource | undefined;
  readonly position: InputPosition | undefined;
}

/** One run of a followed file, on a clock that stands still. */
export class Following {
  readonly elements: InputElement[] = [];
  readonly #clock: ManualClock;
  readonly #files: MemoryLogFiles;
  readonly #controller: AbortController;
  #done: Promise<void> = Promise.resolve();
  #failure: unknown;
  saved: SavedSource | undefined;

  private constructor(clock: ManualClock, files: MemoryLogFiles, controller: AbortController) {
    this.#clock = clock;
    this.#files = files;
    this.#controller = controller;
  }

  /** Starts one, and waits until it has read what there is. */
  static async start(
    clock: ManualClock,
    files: MemoryLogFiles,
    kept: Kept = { saved: undefined, position: undefined },
  ): Promise<Following> {
    const { context, controller } = sourceContext();
    const following = new Following(clock, files, controller);
    const source = new FollowedFileSource("file:access.log", {
      files,
      path: LOG,
      nowMs: () => clock.wallMs(),
    });
    const saved = await source.prepare(kept.saved, kept.position);
    following.saved = saved;
    const elements = source.open({ ...context, clock, saved, position: kept.position });
    following.#done = following.#collect(elements);
    await following.#untilIdle();
    return following;
  }

  /** Lets time pass, a poll at a time. */
  async pass(durationMs: number): Promise<void> {
    for (let passedMs = 0; passedMs < durationMs; passedMs += 100) {
      this.#clock.advance(Math.min(100, durationMs - passedMs));
      await this.#untilIdle();
    }
  }

  /** Ends it; what it says after that is thrown away. */
  async stop(): Promise<void> {
    const { length } = this.elements;
    this.#controller.abort();
    await this.#done;
    this.elements.length = length;
    if (this.#files.openCount !== 0) throw new Error(`${this.#files.openCount} files stay open`);
  }

  get batches(): RecordBatch[] {
    return this.elements.filter((element) => element.kind === "batch");
  }

  get numbers(): number[] {
    return numbersOf(this.batches);
  }

  /** Lines that are none, or were cut. */
  get badCount(): number {
    return this.batches.reduce((sum, { counts }) => sum + counts.lines - counts.valid, 0);
  }

  get notices(): string[] {
    return this.elements.flatMap((element) =>
      element.kind === "source-changed" && element.notice !== "" ? [element.notice] : []
    );
  }

  /** What a checkpoint behind its first `count` batches would keep; of all, where none is said. */
  kept(before: Kept = { saved: undefined, position: undefined }, count = Infinity): Kept {
    const position = this.batches.slice(0, count).at(-1)?.position ?? before.position;
    return { saved: this.saved, position };
  }

  async #collect(elements: AsyncIterable<InputElement>): Promise<void> {
    try {
      for await (const element of elements) this.elements.push(element);
    } catch (exception) {
      this.#failure = exception;
    }
  }

  async #untilIdle(): Promise<void> {
    await Promise.race([this.#clock.whenWaiting(), this.#done]);
    if (this.#failure !== undefined) throw this.#failure;
  }
}
