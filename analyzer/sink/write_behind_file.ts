import type { AppendFile } from "./storage.ts";

/**
 * A file that is written behind the caller's back: small pieces are collected and written
 * together, one write at a time, while the caller goes on. A caller that is faster than the disk
 * is held up once a buffer is full while the one before is still being written: at most twice
 * {@linkcode COLLECTED_BYTES_MAX} wait here.
 *
 * Much that was written is made durable behind the caller's back as well, so that little is left
 * to wait for when it has to be.
 */
export class WriteBehindFile {
  readonly #file: AppendFile;
  #collected = new Uint8Array(0);
  #collectedBytes = 0;
  #spare = new Uint8Array(0);
  #writing: Promise<void> = Promise.resolve();
  #unsyncedBytes = 0;
  #syncing: Promise<void> = Promise.resolve();
  #isSyncing = false;

  constructor(file: AppendFile) {
    this.#file = file;
  }

  /**
   * Takes bytes that must not change from then on. Resolves when there is room for more; rejects
   * with what an earlier write has failed with.
   */
  async write(bytes: Uint8Array): Promise<void> {
    if (this.#collectedBytes + bytes.length > COLLECTED_BYTES_MAX) {
      await this.#beginCollected();
      // As large as that it gains nothing from being copied.
      if (bytes.length > COLLECTED_BYTES_MAX / 2) return await this.#begin(bytes);
    }
    if (this.#collectedBytes + bytes.length > this.#collected.length) this.#grow(bytes.length);
    this.#collected.set(bytes, this.#collectedBytes);
    this.#collectedBytes += bytes.length;
  }

  /** Writes all that was taken: other programs can read it then. */
  async flush(): Promise<void> {
    await this.#beginCollected();
    await this.#writing;
  }

  /** Makes all that was taken durable. */
  async sync(): Promise<void> {
    await this.flush();
    // A system tells only once that bytes could not be made durable.
    await this.#syncing;
    this.#unsyncedBytes = 0;
    await this.#file.sync();
  }

  /** Closes the file; what is not synced may be lost. */
  close(): void {
    this.#file.close();
  }

  async #beginCollected(): Promise<void> {
    if (this.#collectedBytes === 0) return;
    await this.#begin(this.#collected.subarray(0, this.#collectedBytes));
    [this.#collected, this.#spare] = [this.#spare, this.#collected];
    this.#collectedBytes = 0;
  }

  /** Begins to write, once the write before has ended. */
  async #begin(bytes: Uint8Array): Promise<void> {
    await this.#writing;
    if (this.#unsyncedBytes >= SYNC_AHEAD_BYTES && !this.#isSyncing) this.#syncAhead();
    this.#unsyncedBytes += bytes.length;
    this.#writing = this.#file.write(bytes);
    // Whoever writes or syncs next is told; until then a failure is nobody's.
    this.#writing.catch(() => {});
  }

  #syncAhead(): void {
    this.#unsyncedBytes = 0;
    this.#isSyncing = true;
    this.#syncing = this.#file.sync().then(() => {
      this.#isSyncing = false;
    });
    // Whoever syncs next is told; after a failure nothing is synced ahead any more.
    this.#syncing.catch(() => {});
  }

  #grow(bytes: number): void {
    const needed = this.#collectedBytes + bytes;
    const grown = new Uint8Array(Math.min(COLLECTED_BYTES_MAX, Math.max(4096, 2 * needed)));
    grown.set(this.#collected.subarray(0, this.#collectedBytes));
    this.#collected = grown;
  }
}

/** As much as is collected before it is written: larger writes cost no less a byte. */
export const COLLECTED_BYTES_MAX = 512 * 1024;

/** What is written without having been made durable before that is begun: a tenth of a second. */
export const SYNC_AHEAD_BYTES = 16 * 1024 * 1024;
