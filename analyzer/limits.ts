/** Every bound on what input may make the analyzer keep, with its default. */
export const LIMITS = {
  /** Longest line, newline not counted; a longer one is counted as oversized and skipped. */
  lineBytesMax: 64 * 1024,
  /** A URL longer than this is cut before it is counted. */
  urlBytesMax: 2048,
  /** URLs kept for a window and status; beyond, the most frequent ones are. */
  urlsMax: 1000,
  /** Connections to a listening source; beyond, more wait in the system's queue. */
  connectionsMax: 500,
  /** Deliveries over HTTP at a time; beyond, more are told to come back. */
  deliveriesMax: 64,
  /** How long the sender of a delivery may be silent while it is waited for, in ms. */
  deliverySilenceMaxMs: 30_000,
  /** Keys of deliveries that are kept; beyond, those that were used longest ago go. */
  idempotencyKeysMax: 10_000,
  /** A key that was used so long ago is not kept any more, in ms. */
  idempotencyKeyAgeMaxMs: 24 * 60 * 60 * 1000,
  /** Open windows; beyond, the oldest close early. */
  openWindowsMax: 256,
  /** Closed windows kept where nothing is saved; beyond, the oldest are forgotten. */
  windowsUnsavedMax: 1000,
  /** An error file of this size or more is closed and a new one begun. */
  errorFileBytesMax: 128 * 1024 * 1024,
  /** An error file opened so long ago is closed and a new one begun, in ms. */
  errorFileAgeMaxMs: 60 * 60 * 1000,
} as const;
