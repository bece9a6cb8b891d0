/** Tells one file from another that took its name. */
export interface FileIdentity {
  readonly device: number;
  readonly inode: number;
  /** How many of the file's first bytes the hash covers, {@linkcode IDENTITY_BYTES_MAX} at most. */
  readonly hashedBytes: number;
  /** What `LogFiles.digest()` makes of those bytes. */
  readonly hash: string;
  /**
   * When the file was last written to as far as was seen, in ms since the epoch. It does not tell
   * files apart, but which ones came after this one. Checkpoints of earlier versions lack it.
   */
  readonly modifiedAtMs?: number;
}

/** A file that is not to be read, or no further. */
export interface PassedFile {
  readonly file: FileIdentity;
  /** Up to where it was read; `Infinity` where it is none of the log's, or cannot be read. */
  readonly offsetBytes: number;
}

/**
 * How many files are known as {@linkcode PassedFile}: those that came last. Each costs some 200
 * bytes of every checkpoint, and who writes to a log that so many have come after is at fault.
 */
export const PASSED_FILES_MAX = 8;

/** A file's beginning, as much of it as tells the file: a file that is still short has more later. */
export const IDENTITY_BYTES_MAX = 1024;
