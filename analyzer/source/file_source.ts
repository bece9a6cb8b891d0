import { counted } from "../counted.ts";
import { LineDecoder } from "../decode/line_decoder.ts";
import type { InputPosition, RecordBatch } from "../decode/record_batch.ts";
import { messageOf, StartException } from "../exceptions.ts";
import type { InputElement } from "../stream/elements.ts";
import { FileBytes } from "./file_bytes.ts";
import { IdentifiedFile, isSameInode } from "./identified_file.ts";
import type { LogFiles } from "./log_files.ts";
import { readBatches } from "./read_batches.ts";
import type { SavedSource, Source, SourceContext } from "./source.ts";
import { inputIdOf } from "./source_state.ts";

/** Which file a source reads, and with what. */
export interface FileSourceOptions {
  readonly files: LogFiles;
  /** Absolute. */
  readonly path: string;
  readonly nowMs: () => number;
}

/** A file, read from its start or from where the checkpoint left it to its end. */
export class FileSource implements Source {
  readonly name: string;
  readonly isLive = false;
  readonly isReplayable = true;
  readonly #options: FileSourceOptions;

  constructor(name: string, options: FileSourceOptions) {
    this.name = name;
    this.#options = options;
  }

  async prepare(saved: SavedSource | undefined, position?: InputPosition): Promise<SavedSource> {
    const { files, path, nowMs } = this.#options;
    using file = await openAtStart(files, path);
    if (file === undefined) throw notThere(path);
    const before = position?.file ?? saved?.file;
    if (before !== undefined) {
      if (!isSameInode(before, file.identity) || !await file.beginsAs(before)) {
        throw new StartException(
          `${path} is not the file that the checkpoint was made with: ` +
            "take another --output and --checkpoint, or --reset",
          { exitStatus: 2 },
        );
      }
    }
    return {
      name: this.name,
      firstStartedAtMs: saved?.firstStartedAtMs ?? nowMs(),
      // Identified anew: a file that was short then may have more bytes to tell it by now.
      file: file.identity,
    };
  }

  async *open(context: SourceContext): AsyncGenerator<InputElement, void, void> {
    const { clock, signal, turnIntervalMs, position, maxFutureMs, saved } = context;
    const { files, path } = this.#options;
    const inputId = inputIdOf(this.name);
    const startBytes = position?.offsetBytes ?? 0;
    using file = await openAtStart(files, path);
    if (file === undefined) throw notThere(path);
    const { sizeBytes } = await file.facts();
    if (sizeBytes < startBytes) {
      throw new StartException(
        `${path} is shorter than what was read of it before ` +
          `(${sizeBytes} bytes of ${startBytes}): take another --output and --checkpoint, or --reset`,
        { exitStatus: 2 },
      );
    }
    yield this.#changed("connected", 1, "");
    yield { kind: "input-opened", inputId, isLive: false };
    const decoder = new LineDecoder(inputId, context.decoder, position);
    const { identity } = file;
    const placed = (batch: RecordBatch): RecordBatch => ({
      ...batch,
      position: { ...batch.position, file: identity },
    });
    // Fixed at the first start with this file, so that a second run finds the same rows in the
    // future as the first one.
    const futureLimitMs = saved.firstStartedAtMs + maxFutureMs;
    let lines = 0;
    const options = { clock, signal, turnIntervalMs, readsAhead: true };
    const bytes = new FileBytes((buffer, atBytes) => file.read(buffer, atBytes), startBytes);
    try {
      const batches = readBatches(bytes.readable, decoder, {
        ...options,
        futureLimitMs: () => futureLimitMs,
      });
      for await (const batch of batches) {
        lines += batch.counts.lines;
        yield placed(batch);
      }
    } finally {
      await bytes.settled();
    }
    if (signal.aborted) return;
    const rest: InputElement[] = [];
    decoder.end(
      { receivedAtMs: clock.monotonicMs(), futureLimitMs },
      { isCut: false },
      (batch) => {
        lines += batch.counts.lines;
        rest.push(placed(batch));
      },
    );
    yield* rest;
    yield { kind: "input-closed", inputId, isComplete: true };
    yield this.#changed(
      "ended",
      -1,
      lines > 0
        ? `${path}: read to its end, ${counted(lines, "line")}`
        : startBytes > 0
        ? `${path}: was read to its end before, nothing new`
        : `${path}: is empty`,
    );
  }

  #changed(phase: "connected" | "ended", connectionsDelta: 1 | -1, notice: string): InputElement {
    return {
      kind: "source-changed",
      source: this.name,
      phase,
      connectionsDelta,
      reason: "",
      notice,
    };
  }
}

/**
 * Opens a file as a program starts; `undefined` where it is not there.
 *
 * @throws {StartException} where it cannot be read
 */
export async function openAtStart(
  files: LogFiles,
  path: string,
): Promise<IdentifiedFile | undefined> {
  try {
    return await IdentifiedFile.open(files, path);
  } catch (exception) {
    const why = exception instanceof TypeError
      ? `${exception.message}; pipe it in with --source -`
      : messageOf(exception);
    throw new StartException(`Cannot read ${path}: ${why}`, { exitStatus: 1, cause: exception });
  }
}

function notThere(path: string): StartException {
  return new StartException(`Cannot read ${path}: there is no such file`, { exitStatus: 1 });
}
