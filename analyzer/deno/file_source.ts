import { resolve } from "node:path";
import { counted } from "../counted.ts";
import { LineDecoder } from "../decode/line_decoder.ts";
import { messageOf, StartException } from "../exceptions.ts";
import { readBatches } from "../source/read_batches.ts";
import type { FileIdentity, SavedSource, Source, SourceContext } from "../source/source.ts";
import { inputIdOf } from "../source/source_state.ts";
import type { InputElement } from "../stream/elements.ts";

/** A file, read from its start or from where the checkpoint left it to its end. */
export class FileSource implements Source {
  readonly name: string;
  readonly isLive = false;
  readonly #path: string;
  readonly #nowMs: () => number;

  /** @param path relative to the working directory, or absolute */
  constructor(name: string, path: string, nowMs: () => number) {
    this.name = name;
    this.#path = resolve(path);
    this.#nowMs = nowMs;
  }

  async prepare(saved: SavedSource | undefined): Promise<SavedSource> {
    const before = saved?.file;
    if (before !== undefined && !isSame(before, await this.#identify(before.hashedBytes))) {
      throw new StartException(
        `${this.#path} is not the file that the checkpoint was made with: ` +
          "take another --output and --checkpoint, or --reset",
        { exitStatus: 2 },
      );
    }
    return {
      name: this.name,
      firstStartedAtMs: saved?.firstStartedAtMs ?? this.#nowMs(),
      // Identified anew: a file that was short then may have more bytes to tell it by now.
      file: await this.#identify(IDENTITY_BYTES_MAX),
    };
  }

  async *open(context: SourceContext): AsyncGenerator<InputElement, void, void> {
    const { clock, signal, turnIntervalMs, position, maxFutureMs, saved } = context;
    const inputId = inputIdOf(this.name);
    const startBytes = position?.offsetBytes ?? 0;
    using file = await Deno.open(this.#path);
    const { size } = await file.stat();
    if (size < startBytes) {
      throw new StartException(
        `${this.#path} is shorter than what was read of it before ` +
          `(${size} bytes of ${startBytes}): take another --output and --checkpoint, or --reset`,
        { exitStatus: 2 },
      );
    }
    await file.seek(startBytes, Deno.SeekMode.Start);
    yield this.#changed("connected", 1, "");
    yield { kind: "input-opened", inputId, isLive: false };
    const decoder = new LineDecoder(inputId, context.decoder, position);
    // Fixed at the first start with this file, so that a second run finds the same rows in the
    // future as the first one.
    const futureLimitMs = saved.firstStartedAtMs + maxFutureMs;
    let lines = 0;
    const options = { clock, signal, turnIntervalMs, readsAhead: true };
    const batches = readBatches(file.readable, decoder, {
      ...options,
      futureLimitMs: () => futureLimitMs,
    });
    for await (const batch of batches) {
      lines += batch.counts.lines;
      yield batch;
    }
    if (signal.aborted) return;
    const rest: InputElement[] = [];
    decoder.end(
      { receivedAtMs: clock.monotonicMs(), futureLimitMs },
      { isCut: false },
      (batch) => {
        lines += batch.counts.lines;
        rest.push(batch);
      },
    );
    yield* rest;
    yield { kind: "input-closed", inputId, isComplete: true };
    yield this.#changed(
      "ended",
      -1,
      lines > 0
        ? `${this.#path}: read to its end, ${counted(lines, "line")}`
        : startBytes > 0
        ? `${this.#path}: was read to its end before, nothing new`
        : `${this.#path}: is empty`,
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

  /** @param hashedBytes how many bytes to tell it by, if the file has them */
  async #identify(hashedBytes: number): Promise<FileIdentity> {
    try {
      using file = await Deno.open(this.#path);
      const stat = await file.stat();
      if (!stat.isFile) {
        throw new StartException(
          `Cannot read ${this.#path}: it is not a regular file; pipe it in with --source -`,
          { exitStatus: 1 },
        );
      }
      const head = new Uint8Array(hashedBytes);
      let bytes = 0;
      while (bytes < head.length) {
        const read = await file.read(head.subarray(bytes));
        if (read === null) break;
        bytes += read;
      }
      const digest = await crypto.subtle.digest("SHA-256", head.subarray(0, bytes));
      return {
        device: stat.dev,
        inode: stat.ino ?? 0,
        hashedBytes: bytes,
        hash: new Uint8Array(digest).toHex(),
      };
    } catch (exception) {
      if (exception instanceof StartException) throw exception;
      const why = exception instanceof Deno.errors.NotFound
        ? "there is no such file"
        : messageOf(exception);
      throw new StartException(`Cannot read ${this.#path}: ${why}`, {
        exitStatus: 1,
        cause: exception,
      });
    }
  }
}

const IDENTITY_BYTES_MAX = 1024;

function isSame(a: FileIdentity, b: FileIdentity): boolean {
  return a.device === b.device && a.inode === b.inode && a.hashedBytes === b.hashedBytes &&
    a.hash === b.hash;
}
