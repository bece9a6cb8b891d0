import { sleep } from "../clock.ts";
import { LineDecoder } from "../decode/line_decoder.ts";
import type { CsvLayout, InputPosition, RecordBatch } from "../decode/record_batch.ts";
import { messageOf } from "../exceptions.ts";
import type { InputElement, SourceChanged } from "../stream/elements.ts";
import { FileBytes } from "./file_bytes.ts";
import { type FileSourceOptions, openAtStart } from "./file_source.ts";
import { PASSED_FILES_MAX, type PassedFile } from "./file_identity.ts";
import { type IdentifiedFile, isSameInode } from "./identified_file.ts";
import type { FileFacts } from "./log_files.ts";
import { readBatches, ReadException, throwReadException } from "./read_batches.ts";
import {
  findLogFrom,
  type FoundLog,
  type LogPart,
  type LogPlace,
  rotatedUpTo,
} from "./rotated_files.ts";
import type { SavedSource, Source, SourceContext } from "./source.ts";
import { inputIdOf } from "./source_state.ts";

/**
 * A log file that is read as it grows, for ever, and followed when it is rotated: renamed and
 * created anew, or emptied in place. One input goes on over all of the files.
 */
export class FollowedFileSource implements Source {
  readonly name: string;
  readonly isLive = true;
  readonly isReplayable = true;
  readonly #options: FileSourceOptions;
  #isPastLost = false;

  constructor(name: string, options: FileSourceOptions) {
    this.name = name;
    this.#options = options;
  }

  get isPastLost(): boolean {
    return this.#isPastLost;
  }

  /** A file that is not there is no obstacle: it is waited for. */
  async prepare(saved: SavedSource | undefined, position?: InputPosition): Promise<SavedSource> {
    const { files, path, nowMs } = this.#options;
    if (saved === undefined) {
      using file = await openAtStart(files, path);
      const passed = await rotatedUpTo(files, path, Infinity, file?.identity);
      return { name: this.name, firstStartedAtMs: nowMs(), file: file?.identity, passed };
    }
    const place = placeOf(saved, position);
    try {
      const { how, parts } = await findLogFrom(files, path, place);
      for (const { file } of parts) file[Symbol.dispose]();
      this.#isPastLost = how === "lost" || how === "shortened";
    } catch {
      // Whatever is wrong is told, and tried again, once the log is read. Until then it may be lost.
      this.#isPastLost = true;
    }
    // The file was not followed before, or not by this version: what is older was not to be read.
    const passed = saved.passed ??
      await rotatedUpTo(files, path, place.file?.modifiedAtMs ?? Infinity, place.file);
    return { ...saved, passed };
  }

  open(context: SourceContext): AsyncGenerator<InputElement, void, void> {
    return new Following(this.name, this.#options, context).elements();
  }
}

/** How long a file is left alone once it was read to its end, in ms. */
export const POLL_MS = 100;

/**
 * How long a file whose name was given to another has to be silent before it is left, in ms:
 * servers go on writing to it until they have opened the new one. A name that leads nowhere for so
 * long is told.
 */
export const SILENCE_MS = 1000;

/** How long reading pauses after it has failed, in ms. */
export const RETRY_MS = 1000;

/** How often a rotated file that cannot be read is tried before it is left out for good, or its rest. */
export const ATTEMPTS_MAX = 5;

/** Why a file is read no further. */
type Outcome =
  /** The program stops. */
  | "stopped"
  /** It was read to its end, and another one has its name. */
  | "passed"
  /** Its content is no longer what was read of it. */
  | "changed"
  /** The system does not let it be read. */
  | "failed";

/** One run of a {@linkcode FollowedFileSource}. */
class Following {
  readonly #name: string;
  readonly #inputId: string;
  readonly #options: FileSourceOptions;
  readonly #context: SourceContext;
  #decoder: LineDecoder;
  /** Behind the last line that was emitted. */
  #place: LogPlace;
  #csvLayout: CsvLayout | undefined;
  /** How far the file was read, an unfinished line included. */
  #readBytes = 0;
  /** Files that are to be read after this one, as far as they are known. */
  #parts: LogPart[] = [];
  #isLive = false;
  #isConnected = false;
  /** How often in a row something of the log could not be opened. */
  #failures = 0;
  /** What was left out last; it is not waited for again. */
  #leftOut = "";
  /** How often in a row a file could not be read from one place on. */
  #readFailure: { readonly place: LogPlace; readonly count: number } | undefined;
  /** What people were told last about where reading goes on. */
  #notice = "";
  /** What people were told last; nothing is told twice in a row. */
  #told = "";

  constructor(name: string, options: FileSourceOptions, context: SourceContext) {
    const { position, saved } = context;
    this.#name = name;
    this.#inputId = inputIdOf(name);
    this.#options = options;
    this.#context = context;
    this.#decoder = new LineDecoder(this.#inputId, context.decoder, position);
    this.#place = placeOf(saved, position);
    this.#csvLayout = position?.csvLayout;
  }

  async *elements(): AsyncGenerator<InputElement, void, void> {
    const { clock, signal } = this.#context;
    yield { kind: "input-opened", inputId: this.#inputId, isLive: false };
    let outcome: Outcome | undefined;
    try {
      while (!signal.aborted) {
        if (this.#parts.length === 0 && !(yield* this.#find(outcome))) {
          yield* this.#pause();
          continue;
        }
        const part = this.#parts.shift();
        if (part === undefined) {
          yield* this.#becomeLive();
          do {
            await sleep(clock, POLL_MS, signal);
          } while (!signal.aborted && await this.#look() === undefined);
          // What is nowhere is not looked for again, but what comes after it is.
          outcome = this.#place.file === undefined ? undefined : "passed";
          continue;
        }
        using file = part.file;
        yield* this.#begin(part);
        outcome = yield* this.#follow(file);
        // Only a file that was read to its end is left for the next: else all are found anew.
        if (outcome !== "passed") this.#closeParts();
        if (outcome === "failed") yield* this.#pause();
      }
    } finally {
      this.#closeParts();
    }
  }

  /**
   * Looks for what is to be read next.
   *
   * @param outcome that of the file before, if there was one
   * @returns false where it has to be tried again
   */
  async *#find(outcome: Outcome | undefined): AsyncGenerator<InputElement, boolean, void> {
    const { files, path } = this.#options;
    let found: FoundLog;
    try {
      found = await findLogFrom(files, path, this.#place, { isPassed: outcome === "passed" });
    } catch (exception) {
      yield* this.#wait(`cannot read ${path}: ${messageOf(exception)}; trying again`);
      return false;
    }
    this.#parts = [...found.parts];
    // It may only be for a moment, for want of file handles for example.
    const leftOut = found.unreadable.join("\n");
    if (leftOut !== "" && leftOut !== this.#leftOut) {
      if (++this.#failures < ATTEMPTS_MAX) {
        this.#closeParts();
        yield* this.#wait(`cannot read ${found.unreadable[0]}; trying again`);
        return false;
      }
      for (const what of found.unreadable) yield this.#changed(`${path}: left out ${what}`);
    }
    this.#leftOut = leftOut;
    this.#failures = 0;
    const notice = noticeOf(path, found, this.#place, outcome);
    // After a failure it is found again where it was found before.
    const isTold = outcome === "failed" && notice === this.#notice;
    if (notice !== "" && !isTold) yield this.#changed(notice);
    this.#notice = notice;
    // The rest of a line that was begun is nowhere; elsewhere the line is read from its start.
    const isCut = found.how === "lost" || found.how === "shortened";
    if (outcome === "changed" && isCut) yield* this.#end({ isCut });
    if (found.parts.length === 0) {
      yield* this.#wait(`${path}: there is no such file; waiting for it`);
    }
    return true;
  }

  *#begin({ file, fromBytes }: LogPart): Generator<InputElement, void, void> {
    const { clock, decoder } = this.#context;
    const { file: before, offsetBytes } = this.#place;
    const isSame = before !== undefined && isSameInode(before, file.identity) &&
      offsetBytes === fromBytes;
    this.#place = {
      ...this.#place,
      file: file.identity,
      offsetBytes: fromBytes,
      passed: this.#place.passed.filter((one) => !isSameInode(one.file, file.identity)),
    };
    this.#readBytes = fromBytes;
    // A CSV header stays in force: one that is emptied in place gets no new one.
    const position = { offsetBytes: fromBytes, csvLayout: this.#csvLayout };
    this.#decoder = new LineDecoder(this.#inputId, decoder, position);
    if (!this.#isConnected) {
      this.#isConnected = true;
      this.#told = "";
      yield this.#changed("", { connectionsDelta: 1 });
    }
    // From now on, the checkpoint looks for this file.
    if (!isSame) yield this.#placed(this.#decoder.mark(clock.monotonicMs()), file);
  }

  /** Reads a file and whatever is added to it, until there is nothing more to come. */
  async *#follow(file: IdentifiedFile): AsyncGenerator<InputElement, Outcome, void> {
    const { clock, signal } = this.#context;
    const { modifiedAtMs: asOpened } = file.identity;
    let modifiedAtMs: number | undefined;
    /** When it was read last, or its name was first seen to lead elsewhere. */
    let silentFromMs = clock.monotonicMs();
    let isNamed = true;
    try {
      while (!signal.aborted) {
        const named = await this.#look();
        const isItself = named !== undefined && isSameInode(named, file.identity);
        const facts = isItself ? named : await file.facts().catch(throwReadException);
        if (isNamed && !isItself) silentFromMs = clock.monotonicMs();
        isNamed = isItself;
        if (facts.sizeBytes !== this.#readBytes || facts.modifiedAtMs !== modifiedAtMs) {
          modifiedAtMs = facts.modifiedAtMs;
          // Of a file that was empty nothing tells whether it was written to and emptied meanwhile.
          if (file.identity.hashedBytes === 0 && modifiedAtMs !== asOpened) return "changed";
          const beforeBytes = this.#readBytes;
          yield* this.#read(file);
          if (signal.aborted) return "stopped";
          if (file.isChanged) return "changed";
          if (this.#readBytes > beforeBytes) silentFromMs = clock.monotonicMs();
        }
        if (this.#parts.length === 0) yield* this.#becomeLive();
        const isSilent = clock.monotonicMs() - silentFromMs >= SILENCE_MS;
        const isOver = isSilent &&
          (this.#parts.length > 0 || (named !== undefined && !isItself));
        if (isOver) {
          yield* this.#end({ isCut: false });
          this.#place = { ...this.#place, file: file.identity };
          this.#pass({ file: file.identity, offsetBytes: this.#readBytes });
          return "passed";
        }
        if (isItself) this.#told = "";
        else if (isSilent && this.#parts.length === 0) {
          yield* this.#tell(`${this.#options.path}: is gone; waiting for a new one`);
        }
        await sleep(clock, POLL_MS, signal);
      }
      return "stopped";
    } catch (exception) {
      if (!(exception instanceof ReadException)) throw exception;
      if (await this.#isUnreadable(file)) {
        yield this.#changed(
          `${this.#options.path}: left out the rest of ${file.path}: ${exception.message}`,
        );
        yield* this.#end({ isCut: true });
        this.#pass({ file: file.identity, offsetBytes: Infinity });
        return "passed";
      }
      yield* this.#tell(`cannot read ${file.path}: ${exception.message}; trying again`);
      return "failed";
    }
  }

  /** Whether a file has failed too often; for the one that has the log's name there is no such. */
  async #isUnreadable({ identity }: IdentifiedFile): Promise<boolean> {
    const before = this.#readFailure;
    const isSame = before?.place.file !== undefined && isSameInode(before.place.file, identity) &&
      before.place.offsetBytes === this.#place.offsetBytes;
    const count = isSame ? before.count + 1 : 1;
    this.#readFailure = { place: this.#place, count };
    if (count < ATTEMPTS_MAX) return false;
    const named = await this.#look();
    return named !== undefined && !isSameInode(named, identity);
  }

  /** Reads to the end of what there is by now. */
  async *#read(file: IdentifiedFile): AsyncGenerator<InputElement, void, void> {
    const { clock, signal, turnIntervalMs } = this.#context;
    const bytes = new FileBytes(
      (buffer, atBytes) => file.readUnchanged(buffer, atBytes),
      this.#readBytes,
    );
    try {
      const batches = readBatches(bytes.readable, this.#decoder, {
        clock,
        signal,
        turnIntervalMs,
        futureLimitMs: () => this.#times().futureLimitMs,
        // What is added to a file that was read to its end seldom fills a buffer.
        readsAhead: !this.#isLive,
      });
      for await (const batch of batches) yield this.#placed(batch, file);
    } finally {
      await bytes.settled();
    }
    this.#readBytes = bytes.endBytes;
  }

  /** Takes the end of the file that is being read; what comes next begins a line. */
  *#end(options: { readonly isCut: boolean }): Generator<InputElement, void, void> {
    const rest: RecordBatch[] = [];
    this.#decoder.end(this.#times(), options, (batch) => rest.push(batch));
    for (const batch of rest) yield this.#placed(batch);
  }

  /** What the log's name leads to; nothing where the system does not say. */
  async #look(): Promise<FileFacts | undefined> {
    const { files, path } = this.#options;
    try {
      return await files.look(path);
    } catch {
      // The file itself is open and is read on; opening the next one will tell what is wrong.
      return undefined;
    }
  }

  /** Waits before the next attempt; an input that cannot be read must not hold back the others. */
  async *#pause(): AsyncGenerator<InputElement, void, void> {
    yield* this.#becomeLive();
    await sleep(this.#context.clock, RETRY_MS, this.#context.signal);
  }

  /** Once all is read that was there before, the input is a live one. */
  *#becomeLive(): Generator<InputElement, void, void> {
    if (this.#isLive) return;
    this.#isLive = true;
    yield { kind: "input-opened", inputId: this.#inputId, isLive: true };
  }

  #placed(batch: RecordBatch, file?: IdentifiedFile): RecordBatch {
    const identity = file === undefined ? this.#place.file : file.identity;
    const { offsetBytes, csvLayout } = batch.position;
    this.#place = { ...this.#place, file: identity, offsetBytes };
    this.#csvLayout = csvLayout;
    const { passed } = this.#place;
    const position: InputPosition = identity === undefined
      ? batch.position
      : { ...batch.position, file: identity, passed };
    return { ...batch, position };
  }

  /** Knows a file that is left, so that it is not read again for a line that comes late. */
  #pass(passed: PassedFile): void {
    const others = this.#place.passed.filter(({ file }) => !isSameInode(file, passed.file));
    this.#place = { ...this.#place, passed: [...others, passed].slice(-PASSED_FILES_MAX) };
  }

  #times() {
    const { clock, maxFutureMs } = this.#context;
    return { receivedAtMs: clock.monotonicMs(), futureLimitMs: clock.wallMs() + maxFutureMs };
  }

  /** Says that there is no file to read, and why. */
  *#wait(reason: string): Generator<InputElement, void, void> {
    if (!this.#isConnected) return yield* this.#tell(reason);
    this.#isConnected = false;
    const notice = this.#told === reason ? "" : reason;
    this.#told = reason;
    yield this.#changed(notice, { connectionsDelta: -1, reason });
  }

  /** Says what is wrong, once. */
  *#tell(reason: string): Generator<InputElement, void, void> {
    if (this.#told === reason) return;
    this.#told = reason;
    yield this.#changed(reason, { reason });
  }

  #changed(
    notice: string,
    change: Partial<Pick<SourceChanged, "connectionsDelta" | "reason">> = {},
  ): SourceChanged {
    return {
      kind: "source-changed",
      source: this.#name,
      phase: this.#isConnected ? "connected" : "waiting",
      connectionsDelta: 0,
      reason: "",
      notice,
      ...change,
    };
  }

  #closeParts(): void {
    for (const { file } of this.#parts) file[Symbol.dispose]();
    this.#parts = [];
  }
}

/** Where the checkpoint stands; the one before the first line tells only the file. */
function placeOf(saved: SavedSource, position: InputPosition | undefined): LogPlace {
  return {
    file: position?.file ?? saved.file,
    offsetBytes: position?.offsetBytes ?? 0,
    passed: position?.passed ?? saved.passed ?? [],
    waitedSinceMs: saved.firstStartedAtMs,
  };
}

/** A line for people about where reading goes on; empty where there is nothing to say. */
function noticeOf(
  path: string,
  { how, parts }: FoundLog,
  { file, offsetBytes }: LogPlace,
  outcome: Outcome | undefined,
): string {
  const first = parts[0];
  switch (how) {
    case "here":
      return "";
    case "passed":
      return first === undefined ? "" : `${path}: rotated; going on with the new file`;
    case "renamed":
      return first === undefined
        ? ""
        : first.file.path === path
        ? `${path}: rotated; going on with the new file`
        : `${path}: rotated; going on in ${first.file.path}`;
    case "copied":
      return `${path}: emptied in place; going on in its copy ${first!.file.path}`;
    case "shortened":
      return `${path}: became shorter (${first!.fromBytes} bytes of ${offsetBytes}); ` +
        "going on at its end";
    case "lost":
      return outcome === "changed" && file !== undefined
        ? `${path}: emptied in place; going on at its beginning`
        : `${path}: the file that was read up to byte ${offsetBytes} is gone, and what came ` +
          "after that with it; going on with what is there";
  }
}
