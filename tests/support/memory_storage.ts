import type { AppendFile, PieceStorage, Storage, StoredFile } from "../../analyzer/sink/storage.ts";

/**
 * A {@linkcode Storage} in memory that keeps apart what was written and what is durable, and that
 * ends on demand as a process or a machine does.
 */
export class MemoryStorage implements Storage, PieceStorage {
  readonly root = "/memory";
  /** What a running process sees. */
  readonly #written = new Map<string, Uint8Array>();
  /** What is there after a crash of the machine. */
  readonly #durable = new Map<string, Uint8Array>();
  /** What a refused sync has lost: from here to there it is zeros, whatever later syncs say. */
  readonly #lost = new Map<string, { readonly start: number; readonly end: number }>();
  /** When files were last written to, as far as a test says so. */
  readonly #modified = new Map<string, number>();
  readonly #onOperation: (operation: string) => void;
  #operationCount = 0;
  #failFrom = Infinity;
  #openCount = 0;

  /**
   * @param onOperation told of each operation before it begins, as `"sync errors/…"`; where it
   *   throws, the operation fails as those of {@linkcode failAt} do, but others go on
   */
  constructor(onOperation: (operation: string) => void = () => {}) {
    this.#onOperation = onOperation;
  }

  /** Operations begun so far: every call of this interface and of its files but `close`. */
  get operationCount(): number {
    return this.#operationCount;
  }

  /** Files opened and not yet closed. */
  get openCount(): number {
    return this.#openCount;
  }

  /**
   * Lets the `count`-th operation from here on fail, 1 being the next, and all after it: a write
   * with half of its bytes written, any other with nothing done.
   */
  failAt(count: number): void {
    this.#failFrom = this.#operationCount + count;
  }

  /** The process ends: whatever was written stays. Operations succeed again. */
  kill(): void {
    this.#failFrom = Infinity;
  }

  /** The machine ends: only what was made durable stays. Operations succeed again. */
  crash(): void {
    this.kill();
    this.#lost.clear();
    this.#written.clear();
    for (const [path, bytes] of this.#durable) this.#written.set(path, bytes);
  }

  /** A file's text, or `undefined` where there is none; no operation. */
  text(path: string): string | undefined {
    const bytes = this.#written.get(path);
    return bytes === undefined ? undefined : new TextDecoder().decode(bytes);
  }

  /** A file's bytes, likewise. */
  bytes(path: string): Uint8Array | undefined {
    return this.#written.get(path);
  }

  /** Paths of all files, in order; no operation. */
  paths(): string[] {
    return [...this.#written.keys()].sort();
  }

  /** Puts a durable file there, as somebody else would; no operation. */
  set(path: string, content: string | Uint8Array): void {
    const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content.slice();
    this.#written.set(path, bytes);
    this.#durable.set(path, bytes);
  }

  /** Says when a file was last written to; 0 unless told. No operation. */
  touch(path: string, modifiedAtMs: number): void {
    this.#modified.set(path, modifiedAtMs);
  }

  /** Takes a file away, as somebody else would; no operation. */
  delete(path: string): void {
    this.#written.delete(path);
    this.#durable.delete(path);
  }

  async read(path: string): Promise<Uint8Array | undefined> {
    await this.#begin("read", path);
    return this.#written.get(path)?.slice();
  }

  async readPiece(
    path: string,
    startBytes: number,
    endBytes: number,
  ): Promise<Uint8Array | undefined> {
    await this.#begin("read", path);
    return this.#written.get(path)?.slice(startBytes, endBytes);
  }

  async replace(path: string, bytes: Uint8Array): Promise<void> {
    await this.#begin("replace", path);
    this.set(path, bytes);
  }

  async append(path: string): Promise<AppendFile> {
    await this.#begin("append", path);
    if (!this.#written.has(path)) this.#written.set(path, new Uint8Array());
    this.#openCount++;
    return {
      write: async (bytes) => {
        try {
          await this.#begin("write", path);
        } catch (exception) {
          this.#add(path, bytes.subarray(0, bytes.length >> 1));
          throw exception;
        }
        this.#add(path, bytes);
      },
      sync: async () => {
        const written = this.#get(path);
        try {
          await this.#begin("sync", path);
        } catch (exception) {
          const start = this.#durable.get(path)?.length ?? 0;
          this.#lost.set(path, { start, end: written.length });
          throw exception;
        }
        const durable = written.slice();
        const lost = this.#lost.get(path);
        if (lost !== undefined) durable.fill(0, lost.start, lost.end);
        this.#durable.set(path, durable);
      },
      close: () => void this.#openCount--,
    };
  }

  async truncate(path: string, bytes: number): Promise<void> {
    await this.#begin("truncate", path);
    const file = this.#written.get(path);
    if (file === undefined || file.length <= bytes) return;
    this.set(path, file.subarray(0, bytes));
    if (bytes <= (this.#lost.get(path)?.start ?? Infinity)) this.#lost.delete(path);
  }

  async move(from: string, to: string): Promise<void> {
    await this.#begin("move", from);
    // Only the name becomes durable, of as much of the file as was durable already.
    const durable = this.#durable.get(from) ?? new Uint8Array();
    this.#written.set(to, this.#get(from));
    this.#durable.set(to, durable);
    this.delete(from);
  }

  async remove(path: string): Promise<void> {
    await this.#begin("remove", path);
    this.delete(path);
  }

  async removeDirectory(path: string): Promise<void> {
    await this.#begin("removeDirectory", path);
  }

  async list(directory: string): Promise<readonly StoredFile[]> {
    await this.#begin("list", directory);
    return this.paths()
      .filter((path) => path.startsWith(`${directory}/`))
      .map((path) => ({
        path,
        bytes: this.#get(path).length,
        modifiedAtMs: this.#modified.get(path) ?? 0,
      }));
  }

  /** Fails where that was asked for. Asynchronous, so that nobody comes to rely on an order. */
  async #begin(operation: string, path: string): Promise<void> {
    this.#operationCount++;
    this.#onOperation(`${operation} ${path}`);
    const hasFailed = this.#operationCount >= this.#failFrom;
    await Promise.resolve();
    if (hasFailed) throw new StorageFailure(`${operation} ${path}`);
  }

  #add(path: string, bytes: Uint8Array): void {
    const before = this.#get(path);
    const after = new Uint8Array(before.length + bytes.length);
    after.set(before);
    after.set(bytes, before.length);
    this.#written.set(path, after);
  }

  #get(path: string): Uint8Array {
    const bytes = this.#written.get(path);
    if (bytes === undefined) throw new Error(`No file ${path}`);
    return bytes;
  }
}

/** What {@linkcode MemoryStorage.failAt} throws. */
export class StorageFailure extends Error {
  override readonly name = "StorageFailure";
}
