/**
 * Files below one directory, as much of them as the analyzer needs. Paths are relative to it and
 * use `/`; whatever of a path is missing is made. "Durable" means that it is there after a crash
 * of the machine. Where the system refuses something, a call rejects with a
 * {@linkcode StorageException} and may be repeated.
 */
export interface Storage {
  /** The directory as people know it: an absolute path, for messages. */
  readonly root: string;
  /** The whole file, or `undefined` where there is none. */
  read(path: string): Promise<Uint8Array | undefined>;
  /**
   * Replaces the whole file, or leaves it as it was; durable once resolved.
   *
   * @param options `isSecret` where nobody but the user who runs this may read it
   */
  replace(
    path: string,
    bytes: Uint8Array,
    options?: { readonly isSecret?: boolean },
  ): Promise<void>;
  /** Opens a file for writing at its end, making it where it is missing. */
  append(path: string): Promise<AppendFile>;
  /** Cuts a file that is longer, and leaves others as they are; durable once resolved. */
  truncate(path: string, bytes: number): Promise<void>;
  /** Gives a file another path; durable once resolved. */
  move(from: string, to: string): Promise<void>;
  /** Removes a file, if it is there; durable once resolved. */
  remove(path: string): Promise<void>;
  /** Removes a directory where it is empty; else leaves it as it is. */
  removeDirectory(path: string): Promise<void>;
  /** Files below a directory, at any depth, as paths in order; none where it is missing. */
  list(directory: string): Promise<readonly StoredFile[]>;
}

/** Reads pieces of files, whose paths are those of a {@linkcode Storage}. */
export interface PieceStorage {
  /**
   * The bytes from one place of a file to another, as many as there are; `undefined` where there is
   * no file.
   */
  readPiece(path: string, startBytes: number, endBytes: number): Promise<Uint8Array | undefined>;
}

/** A file as {@linkcode Storage.list} finds it. */
export interface StoredFile {
  readonly path: string;
  readonly bytes: number;
  /** Wall-clock time of the last write to it, in ms since the epoch. */
  readonly modifiedAtMs: number;
}

/** A file that is open for writing at its end. */
export interface AppendFile {
  /** Writes all bytes, or rejects with some of them written; they may be reused then. */
  write(bytes: Uint8Array): Promise<void>;
  /**
   * Makes everything written durable, and the file's name with it; of a write that is not resolved
   * yet, as much as it has come to. A system tells only once that it could not: what was written
   * may be lost then, whatever a later call says.
   */
  sync(): Promise<void>;
  close(): void;
}
