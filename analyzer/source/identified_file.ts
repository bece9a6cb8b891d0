import { type FileIdentity, IDENTITY_BYTES_MAX } from "./file_identity.ts";
import type { FileFacts, LogFile, LogFiles } from "./log_files.ts";

/** An open file that knows its beginning, and so notices when other content takes its place. */
export class IdentifiedFile implements Disposable {
  readonly path: string;
  readonly #file: LogFile;
  readonly #files: LogFiles;
  /** The first bytes of the file, up to {@linkcode IDENTITY_BYTES_MAX}. */
  #head: Uint8Array;
  #identity: FileIdentity;
  #isChanged = false;

  private constructor(
    files: LogFiles,
    path: string,
    file: LogFile,
    head: Uint8Array,
    identity: FileIdentity,
  ) {
    this.path = path;
    this.#file = file;
    this.#files = files;
    this.#head = head;
    this.#identity = identity;
  }

  /**
   * Opens and identifies a file; `undefined` where there is none of that name.
   *
   * @throws {Error} as `LogFiles.open()` does
   */
  static async open(files: LogFiles, path: string): Promise<IdentifiedFile | undefined> {
    const file = await files.open(path);
    if (file === undefined) return undefined;
    try {
      const { device, inode, modifiedAtMs } = await file.facts();
      const head = await readHead(file);
      return new IdentifiedFile(files, path, file, head, {
        device,
        inode,
        hashedBytes: head.length,
        hash: await files.digest(head),
        modifiedAtMs,
      });
    } catch (exception) {
      file.close();
      throw exception;
    }
  }

  /** Which file it is, by as many of its first bytes as were seen. */
  get identity(): FileIdentity {
    return this.#identity;
  }

  /** Whether its content is no longer the one that it began with; the file is to be given up. */
  get isChanged(): boolean {
    return this.#isChanged;
  }

  /** Whether it has begun with the bytes that an identity tells; of a file that was empty, it has. */
  async beginsAs({ hashedBytes, hash }: FileIdentity): Promise<boolean> {
    return this.#head.length >= hashedBytes &&
      await this.#files.digest(this.#head.subarray(0, hashedBytes)) === hash;
  }

  /** Reads as `LogFile.read()` does, without a look at anything else. */
  read(buffer: Uint8Array, atBytes: number): Promise<number> {
    return this.#file.read(buffer, atBytes);
  }

  /**
   * Reads likewise, and gives nothing once {@linkcode isChanged}. The beginning is compared after
   * each read: whatever took the place of the content before the read, shows then.
   */
  async readUnchanged(buffer: Uint8Array, atBytes: number): Promise<number> {
    const bytes = await this.#file.read(buffer, atBytes);
    const head = await readHead(this.#file);
    if (!beginsWith(head, this.#head)) this.#isChanged = true;
    // The time of the emptying is not that of what was read, which may still be on its way.
    else if (bytes === 0 && (await this.#file.facts()).sizeBytes < atBytes) this.#isChanged = true;
    if (this.#isChanged) return 0;
    if (head.length > this.#head.length) {
      const hash = await this.#files.digest(head);
      this.#head = head;
      this.#identity = { ...this.#identity, hashedBytes: head.length, hash };
    }
    return bytes;
  }

  /** Tells of the file as it is now. */
  async facts(): Promise<FileFacts> {
    const facts = await this.#file.facts();
    const { modifiedAtMs } = facts;
    if (modifiedAtMs !== this.#identity.modifiedAtMs) {
      this.#identity = { ...this.#identity, modifiedAtMs };
    }
    return facts;
  }

  [Symbol.dispose](): void {
    this.#file.close();
  }
}

/** Whether two descriptions are of one file, going by its place on the disk alone. */
export function isSameInode(
  a: Pick<FileFacts, "device" | "inode">,
  b: Pick<FileFacts, "device" | "inode">,
): boolean {
  return a.device === b.device && a.inode === b.inode;
}

async function readHead(file: LogFile): Promise<Uint8Array> {
  const head = new Uint8Array(IDENTITY_BYTES_MAX);
  let bytes = 0;
  while (bytes < head.length) {
    const read = await file.read(head.subarray(bytes), bytes);
    if (read === 0) break;
    bytes += read;
  }
  return head.subarray(0, bytes);
}

function beginsWith(bytes: Uint8Array, beginning: Uint8Array): boolean {
  if (bytes.length < beginning.length) return false;
  for (let i = 0; i < beginning.length; i++) if (bytes[i] !== beginning[i]) return false;
  return true;
}
