import { partNumberOf } from "./error_file_path.ts";
import type { StoredFile } from "./storage.ts";

/** A piece of an error file: whole lines, and between which times the windows of its rows start. */
export interface ErrorBlock {
  /** Number of the file. */
  readonly part: number;
  readonly path: string;
  readonly startBytes: number;
  readonly endBytes: number;
  readonly minMs: number;
  readonly maxMs: number;
}

/** Keeps blocks from run to run. What it loses costs time only: those pieces are read again. */
export interface ErrorBlockStore {
  /** Takes a block that becomes durable with the next checkpoint, as its rows do. */
  addErrorBlock(block: ErrorBlock): void;
  /** Takes one whose rows were there at the checkpoint before. */
  learnErrorBlock(block: ErrorBlock): void;
  /** Drops all blocks of a file. */
  forgetErrorPart(part: number): void;
  /** All blocks, by part and place; none overlap. */
  errorBlocks(): readonly ErrorBlock[];
}

/** A place between two lines of an error file; what comes before it came in before what follows. */
export interface ErrorPlace {
  /** Number of the file. */
  readonly part: number;
  /** Bytes from its start. */
  readonly bytes: number;
}

/** Where to look for rows. */
export interface ErrorCandidate extends ErrorBlock {
  /** False where nobody has looked yet which times are there. */
  readonly isKnown: boolean;
}

/**
 * Tells in which pieces of the error files rows of a range of time can be, so that no others have to
 * be read: 100 million errors of one day are 12 GB, and those of one window 5 MB.
 *
 * The writer tells of what it appends, so a row is found as soon as it is in its file. Late and
 * future rows stand wherever the writer was when they came, and widen the times of the block there:
 * nothing is missed, but where many of them are, more is read than need be.
 *
 * Memory: about 100 bytes a MiB of error files.
 */
export class ErrorIndex {
  readonly #store: ErrorBlockStore;
  readonly #windowLengthMs: number;
  /** By number, ascending. */
  #parts: Part[] = [];

  /**
   * @param files all error files there are
   * @param store what earlier runs knew of them; what it says of files that are gone is dropped
   */
  constructor(files: readonly StoredFile[], store: ErrorBlockStore, windowLengthMs: number) {
    this.#store = store;
    this.#windowLengthMs = windowLengthMs;
    const known = new Map<number, ErrorBlock[]>();
    for (const block of store.errorBlocks()) {
      const blocks = known.get(block.part);
      if (blocks === undefined) known.set(block.part, [block]);
      else blocks.push(block);
    }
    for (const { path, bytes } of files) {
      const number = partNumberOf(path);
      if (number === undefined) continue;
      this.#parts.push({ number, path, blocks: fillGaps(known.get(number) ?? [], path, bytes) });
      known.delete(number);
    }
    this.#parts.sort((left, right) => left.number - right.number);
    for (const number of known.keys()) store.forgetErrorPart(number);
  }

  /** The writer has appended whole lines, of times in the windows of these two and between them. */
  append(
    path: string,
    startBytes: number,
    endBytes: number,
    times: { readonly minMs: number; readonly maxMs: number },
  ): void {
    const { blocks } = this.#partOf(path);
    const minMs = Math.floor(times.minMs / this.#windowLengthMs) * this.#windowLengthMs;
    const { maxMs } = times;
    let block = blocks.at(-1);
    if (block?.isOpen !== true) {
      block = { startBytes, endBytes, minMs, maxMs, isKnown: true, isOpen: true };
      blocks.push(block);
    } else {
      block.endBytes = endBytes;
      block.minMs = Math.min(block.minMs, minMs);
      block.maxMs = Math.max(block.maxMs, maxMs);
    }
    if (block.endBytes - block.startBytes >= BLOCK_BYTES) this.close(path);
  }

  /** The writer appends no more to what it has begun of a file, or to the file. */
  close(path: string): void {
    const part = this.#partOf(path);
    const block = part.blocks.at(-1);
    if (block?.isOpen !== true) return;
    block.isOpen = false;
    this.#store.addErrorBlock(blockOf(part, block));
  }

  /** A file is gone. */
  remove(path: string): void {
    const number = partNumberOf(path);
    if (number === undefined) return;
    this.#parts = this.#parts.filter((part) => part.number !== number);
    this.#store.forgetErrorPart(number);
  }

  /** Somebody has looked into the end of a piece that was not known, or into all of it. */
  learn(learned: ErrorBlock): void {
    const part = this.#parts.find(({ number }) => number === learned.part);
    const at =
      part?.blocks.findIndex(({ isKnown, startBytes, endBytes }) =>
        !isKnown && startBytes <= learned.startBytes && endBytes === learned.endBytes
      ) ?? -1;
    // Two who looked at the same time.
    if (part === undefined || at < 0) return;
    const { startBytes, endBytes, minMs, maxMs } = learned;
    const block = { startBytes, endBytes, minMs, maxMs, isKnown: true, isOpen: false };
    const rest = part.blocks[at]!;
    const left = rest.startBytes < startBytes ? [{ ...rest, endBytes: startBytes }] : [];
    part.blocks.splice(at, 1, ...left, block);
    this.#store.learnErrorBlock(learned);
  }

  /**
   * The last piece before a place in which rows of windows that start in `[fromMs, toMs)` can be, or
   * that hold times of that range.
   */
  lastBefore(place: ErrorPlace, fromMs: number, toMs: number): ErrorCandidate | undefined {
    for (let i = this.#parts.length - 1; i >= 0; i--) {
      const part = this.#parts[i]!;
      if (part.number > place.part) continue;
      const endMax = part.number === place.part ? place.bytes : Infinity;
      for (let j = part.blocks.length - 1; j >= 0; j--) {
        const block = part.blocks[j]!;
        if (block.startBytes >= endMax) continue;
        if (block.minMs >= toMs || block.maxMs + this.#windowLengthMs <= fromMs) continue;
        return { ...blockOf(part, block), isKnown: block.isKnown };
      }
    }
    return undefined;
  }

  #partOf(path: string): Part {
    const number = partNumberOf(path)!;
    let at = this.#parts.length;
    while (at > 0 && this.#parts[at - 1]!.number > number) at--;
    const found = this.#parts[at - 1];
    if (found?.number === number) return found;
    const part = { number, path, blocks: [] };
    this.#parts.splice(at, 0, part);
    return part;
  }
}

/** A block ends with the batch that makes it as long as that. */
export const BLOCK_BYTES = 1024 * 1024;

interface Part {
  readonly number: number;
  readonly path: string;
  /** By place; together they are the whole file. */
  readonly blocks: Block[];
}

interface Block {
  startBytes: number;
  endBytes: number;
  minMs: number;
  maxMs: number;
  isKnown: boolean;
  /** Whether the writer goes on with it. */
  isOpen: boolean;
}

function blockOf(part: Part, { startBytes, endBytes, minMs, maxMs }: Block): ErrorBlock {
  return { part: part.number, path: part.path, startBytes, endBytes, minMs, maxMs };
}

/** The blocks of a file, and between them pieces of which nothing is known. */
function fillGaps(known: readonly ErrorBlock[], path: string, bytes: number): Block[] {
  const blocks: Block[] = [];
  let endBytes = 0;
  const addGap = (toBytes: number) => {
    if (toBytes > endBytes) {
      blocks.push({
        startBytes: endBytes,
        endBytes: toBytes,
        minMs: -Infinity,
        maxMs: Infinity,
        isKnown: false,
        isOpen: false,
      });
    }
  };
  for (const block of known) {
    // A file that somebody has cut short, or put in its place.
    if (block.startBytes < endBytes || block.endBytes > bytes || block.path !== path) continue;
    addGap(block.startBytes);
    const { startBytes, minMs, maxMs } = block;
    blocks.push({
      startBytes,
      endBytes: block.endBytes,
      minMs,
      maxMs,
      isKnown: true,
      isOpen: false,
    });
    endBytes = block.endBytes;
  }
  addGap(bytes);
  return blocks;
}
