import { StorageException } from "../exceptions.ts";
import type { AppendFile, Storage } from "./storage.ts";
import type { StorageRetrier } from "./storage_retrier.ts";

/**
 * A file that is written behind the caller's back, and keeps what it was given until that is
 * durable. Few bytes are copied into blocks, many are kept where they are, if they may be; as much
 * as a block is written at a time, while the caller goes on, and much that was written is made
 * durable likewise, so that little is left to wait for when it has to be.
 *
 * Where the storage refuses anything, the file is cut back to what is known to be durable, and all
 * that came after it is written anew: after a failed write nobody knows how much of it is there,
 * and after a failed sync a system may take lost bytes for written ones (Rebello et al., "Can
 * Applications Recover from fsync Failures?", 2020). A caller that is faster than the disk is held
 * up once {@linkcode KEPT_BYTES_MAX} are not durable yet.
 *
 * One call at a time.
 */
export class WriteBehindFile {
  readonly #storage: Storage;
  readonly #path: string;
  readonly #retrier: StorageRetrier;
  #file: AppendFile | undefined;

  /** What is kept, in order; only to the last one something may be added. */
  readonly #pieces: Piece[] = [];
  readonly #pool: BlockPool;

  // Places in the file: how far it is durable, is being made durable, is written, is being written,
  // was taken from callers.
  #durable: number;
  #syncing: number;
  #written: number;
  #writing: number;
  #taken: number;

  /** What goes on behind the caller's back. Neither ever rejects: the next caller is told. */
  #write: Promise<void> = Promise.resolve();
  #sync: Promise<void> | undefined;
  #refused: StorageException | undefined;
  #broken: { readonly cause: unknown } | undefined;

  /**
   * @param bytes length of the file, all of it durable
   * @param pool where blocks come from, and go back to once they are durable
   */
  constructor(
    storage: Storage,
    path: string,
    bytes: number,
    retrier: StorageRetrier,
    pool: BlockPool = new BlockPool(),
  ) {
    this.#pool = pool;
    this.#storage = storage;
    this.#path = path;
    this.#retrier = retrier;
    this.#durable = this.#syncing = bytes;
    this.#written = this.#writing = this.#taken = bytes;
  }

  /** Length of the file once all is written that was taken. */
  get bytes(): number {
    return this.#taken;
  }

  /**
   * Takes bytes, and resolves when there is room for more.
   *
   * @param giveBack called when the bytes, and all of their buffer, are no longer needed; until then
   * they may not change. Without it they are copied
   */
  async write(bytes: Uint8Array, giveBack?: () => void): Promise<void> {
    if (giveBack !== undefined && isWorthKeeping(bytes)) {
      this.#pieces.push({ start: this.#taken, bytes, length: bytes.length, giveBack });
      this.#taken += bytes.length;
      return await this.#writeBlocks();
    }
    for (let start = 0; start < bytes.length;) {
      start += this.#copy(bytes.subarray(start));
      await this.#writeBlocks();
    }
    giveBack?.();
  }

  /** Writes all that was taken: other programs can read it then. */
  async flush(): Promise<void> {
    // What is less than a block may be the end of one piece and the beginning of another.
    while (this.#writing < this.#taken) await this.#beginWrite();
    await this.#write;
    await this.#mend();
  }

  /** Makes all that was taken durable. */
  async sync(): Promise<void> {
    await this.flush();
    while (this.#durable < this.#taken) await this.#waitForSync();
  }

  /** Closes the file; what is not durable may be lost. */
  close(): void {
    this.#file?.close();
    this.#file = undefined;
  }

  /** Copies as many bytes as there is room for in a block; returns how many. */
  #copy(bytes: Uint8Array): number {
    let last = this.#pieces.at(-1);
    if (last === undefined || last.length === last.bytes.length) {
      const block = this.#pool.take();
      const giveBack = () => this.#pool.giveBack(block);
      last = { start: this.#taken, bytes: block, length: 0, giveBack };
      this.#pieces.push(last);
    }
    const copied = bytes.subarray(0, last.bytes.length - last.length);
    last.bytes.set(copied, last.length);
    last.length += copied.length;
    this.#taken += copied.length;
    return copied.length;
  }

  /** Begins to write as long as there is as much as a block. */
  async #writeBlocks(): Promise<void> {
    while (this.#taken - this.#writing >= BLOCK_BYTES) await this.#beginWrite();
  }

  /** Begins to write what was taken and is not being written yet: of one piece, a block at most. */
  async #beginWrite(): Promise<void> {
    await this.#write;
    await this.#mend();
    while (this.#written - this.#durable >= KEPT_BYTES_MAX) await this.#waitForSync();
    if (this.#writing === this.#taken) return;
    this.#file ??= await this.#retrier.retry(() => this.#storage.append(this.#path));
    if (this.#isMuchWritten()) this.#beginSync(this.#file);
    const piece = this.#pieces.find(({ start, length }) => start + length > this.#writing)!;
    const bytes = keptBytes(piece, this.#writing).subarray(0, BLOCK_BYTES);
    const end = this.#writing = this.#writing + bytes.length;
    this.#write = this.#file.write(bytes).then(
      () => void (this.#written = end),
      (exception) => this.#fail(exception),
    );
  }

  async #waitForSync(): Promise<void> {
    if (this.#file !== undefined) this.#beginSync(this.#file);
    await this.#sync;
    await this.#mend();
  }

  #beginSync(file: AppendFile): void {
    // After a failed sync the next one may say that all is well.
    if (this.#sync !== undefined || this.#hasFailed) return;
    const end = this.#syncing = this.#written;
    this.#sync = file.sync().then(
      () => this.#release(end),
      (exception) => this.#fail(exception),
    ).then(() => {
      this.#sync = undefined;
      // At once, so that a disk that is slower than the caller is never idle.
      if (this.#file === file && this.#isMuchWritten()) this.#beginSync(file);
    });
  }

  /** Whether something has failed that nobody has dealt with. */
  get #hasFailed(): boolean {
    return this.#refused !== undefined || this.#broken !== undefined;
  }

  #isMuchWritten(): boolean {
    return this.#written - this.#syncing >= SYNC_AHEAD_BYTES;
  }

  #fail(exception: unknown): void {
    if (exception instanceof StorageException) this.#refused ??= exception;
    else this.#broken ??= { cause: exception };
  }

  /** Deals with what has failed meanwhile, if anything has. */
  async #mend(): Promise<void> {
    if (this.#broken !== undefined) throw this.#broken.cause;
    const refused = this.#refused;
    if (refused === undefined) return;
    await this.#write;
    await this.#sync;
    await this.#retrier.retry(() => this.#writeAnew(), refused);
    this.#refused = undefined;
  }

  async #writeAnew(): Promise<void> {
    this.close();
    await this.#storage.truncate(this.#path, this.#durable);
    const file = await this.#storage.append(this.#path);
    try {
      for (const piece of this.#pieces) await file.write(keptBytes(piece, this.#durable));
      await file.sync();
    } catch (exception) {
      file.close();
      throw exception;
    }
    this.#file = file;
    this.#writing = this.#written = this.#syncing = this.#taken;
    this.#release(this.#taken);
  }

  /** Gives back the pieces that hold nothing behind `durable`. */
  #release(durable: number): void {
    this.#durable = durable;
    const pieces = this.#pieces;
    while (pieces.length > 0 && pieces[0]!.start + pieces[0]!.length <= durable) {
      pieces.shift()!.giveBack();
    }
  }
}

/** A part of the file that is kept until it is durable. */
interface Piece {
  /** Where it begins in the file. */
  readonly start: number;
  readonly bytes: Uint8Array;
  /** How many of the bytes are in use; only the last piece has room for more. */
  length: number;
  readonly giveBack: () => void;
}

/** Whether to keep bytes where they are: as many as a block, and no small part of what that takes. */
function isWorthKeeping(bytes: Uint8Array): boolean {
  return bytes.length >= BLOCK_BYTES && 2 * bytes.length >= bytes.buffer.byteLength;
}

/** The bytes of a piece that come behind a place in the file. */
function keptBytes({ start, bytes, length }: Piece, place: number): Uint8Array {
  return bytes.subarray(Math.max(0, place - start), length);
}

/**
 * Blocks of one piece of memory, which takes none before it is used: made one by one they would lie
 * between everything else that comes and goes, and keep its place taken.
 */
export class BlockPool {
  /** The one used last at the end: it may still be in the processor's cache. */
  readonly #spare: Uint8Array[];

  constructor() {
    const count = KEPT_BYTES_MAX / BLOCK_BYTES + 2;
    const memory = new ArrayBuffer(count * BLOCK_BYTES);
    this.#spare = Array.from(
      { length: count },
      (_, i) => new Uint8Array(memory, (count - 1 - i) * BLOCK_BYTES, BLOCK_BYTES),
    );
  }

  /** A block, whatever is in it; a new one where several files have taken all. */
  take(): Uint8Array {
    return this.#spare.pop() ?? new Uint8Array(BLOCK_BYTES);
  }

  giveBack(block: Uint8Array): void {
    this.#spare.push(block);
  }
}

/** As much as is written at once: larger writes cost no less a byte. */
export const BLOCK_BYTES = 512 * 1024;

/** What is written before it is begun to be made durable. */
export const SYNC_AHEAD_BYTES = 4 * 1024 * 1024;

/** What may wait to become durable; a fast disk never has as much to do. */
export const KEPT_BYTES_MAX = 8 * 1024 * 1024;
