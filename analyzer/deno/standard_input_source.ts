import { readLiveInput } from "../source/live_connection.ts";
import type { SavedSource, Source, SourceContext } from "../source/source.ts";
import { inputIdOf } from "../source/source_state.ts";
import type { InputElement, SourceChanged } from "../stream/elements.ts";

/** Standard input, read to its end; a last line without a newline is an ordinary line. */
export class StandardInputSource implements Source {
  readonly name = "-";
  readonly isLive = true;
  readonly isReplayable = false;
  readonly #bytes: () => ReadableStream<Uint8Array>;
  readonly #nowMs: () => number;

  /** @param bytes standard input, or what stands in for it */
  constructor(bytes: () => ReadableStream<Uint8Array>, nowMs: () => number) {
    this.#bytes = bytes;
    this.#nowMs = nowMs;
  }

  prepare(saved: SavedSource | undefined): Promise<SavedSource> {
    return Promise.resolve(
      saved ?? { name: this.name, firstStartedAtMs: this.#nowMs(), file: undefined },
    );
  }

  async *open(context: SourceContext): AsyncGenerator<InputElement, void, void> {
    yield this.#changed("connected", 1, "", "");
    const { reason } = yield* readLiveInput(
      this.#bytes(),
      inputIdOf(this.name),
      context,
      { endIsLoss: false },
    );
    const isRead = reason === "" && !context.signal.aborted;
    const notice = reason === "" ? "" : `Standard input: lost (${reason})`;
    yield this.#changed("ended", -1, reason, isRead ? "Standard input: read to its end" : notice);
  }

  #changed(
    phase: "connected" | "ended",
    connectionsDelta: 1 | -1,
    reason: string,
    notice: string,
  ): SourceChanged {
    return { kind: "source-changed", source: this.name, phase, connectionsDelta, reason, notice };
  }
}
