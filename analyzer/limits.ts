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
  /** Open windows; beyond, the oldest close early. */
  openWindowsMax: 256,
  /** Closed windows kept where nothing is saved; beyond, the oldest are forgotten. */
  windowsUnsavedMax: 1000,
  /** An error file of this size or more is closed and a new one begun. */
  errorFileBytesMax: 128 * 1024 * 1024,
  /** An error file opened so long ago is closed and a new one begun, in ms. */
  errorFileAgeMaxMs: 60 * 60 * 1000,
} as const;
