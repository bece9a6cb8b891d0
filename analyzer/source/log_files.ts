/**
 * Files that logs are read from: as much of a file system as a file source needs, so that it can
 * be run on a simulated one. Paths are absolute.
 */
export interface LogFiles {
  /**
   * Opens a regular file for reading; `undefined` where there is none of that name.
   *
   * @throws {TypeError} where it is no regular file; another {Error} where it may not be read
   */
  open(path: string): Promise<LogFile | undefined>;
  /**
   * Tells what a path names at this moment; `undefined` where it names nothing.
   *
   * @throws {Error} where the system does not say
   */
  look(path: string): Promise<FileFacts | undefined>;
  /**
   * Paths of all other files in the directory of `path`, in no particular order; any of them may
   * have gone by the time it is opened.
   *
   * @throws {Error} where the directory cannot be listed
   */
  siblings(path: string): Promise<readonly string[]>;
  /** What a checkpoint keeps of the beginning of a file, to know it again. */
  digest(beginning: Uint8Array): Promise<string>;
}

/** An open file: it stays the same one when its name is given to another, or taken away. */
export interface LogFile {
  /**
   * Reads into the buffer from `atBytes` on. Returns how many bytes that were, which may be fewer
   * than there are; 0 at the end, where it may be asked again once the file has grown. One call at
   * a time.
   */
  read(buffer: Uint8Array, atBytes: number): Promise<number>;
  /** Tells of the file as it is now, whatever its name. */
  facts(): Promise<FileFacts>;
  /** May be called again, and while a read is on its way. */
  close(): void;
}

/** What a file system tells of a file. */
export interface FileFacts {
  readonly device: number;
  /** Number of the file within its device; given to another one after the file is deleted. */
  readonly inode: number;
  readonly sizeBytes: number;
  /** Wall-clock time of the last write or truncation, in ms since the epoch. */
  readonly modifiedAtMs: number;
}
