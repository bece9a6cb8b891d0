/** Tells one file from another that took its name. */
export interface FileIdentity {
  readonly device: number;
  readonly inode: number;
  /** How many of the file's first bytes the hash covers, {@linkcode IDENTITY_BYTES_MAX} at most. */
  readonly hashedBytes: number;
  /** SHA-256 of those bytes, in hexadecimal. */
  readonly hash: string;
  /**
   * When the file, or one that was read before it, was last written to as far as was seen, in ms
   * since the epoch. It does not tell files apart, but which ones came after this one. Checkpoints
   * of earlier versions lack it.
   */
  readonly modifiedAtMs?: number;
}

/** A file's beginning, as much of it as tells the file: a file that is still short has more later. */
export const IDENTITY_BYTES_MAX = 1024;
