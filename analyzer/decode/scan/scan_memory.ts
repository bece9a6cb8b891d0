/**
 * The memory that scanners work in, one for all of them: a scan is over before anything else runs,
 * so the lines of one input at a time stand here. From one scan to the next only constants stay, and
 * what belongs to a layout, whichever input follows it.
 *
 * @module
 */
import { transitions } from "./automaton.ts";

/** Where things stand in the memory, in bytes. Numbers are 32-bit integers. */
export const Place = {
  /** Rows of the second at hand are counted from this ms of it on, and for so many ms. */
  fromMs: 0,
  spanMs: 4,
  minStatus: 8,
  lineBytesMax: 12,
  /** Why the scan came to its end, an {@linkcode Exit}. */
  exit: 16,
  /** Rows counted; all lines that were read are rows, and one more where one has to be placed. */
  rowCount: 20,
  /** The latest of them, in ms of the second. */
  fractionMaxMs: 24,
  errorCount: 28,
  /** The row that has to be placed, in ms of the second. */
  fractionMs: 32,
  /** Where the time stands whose second has to be read. */
  secondPosition: 36,
  /** 1 once a string had escapes. */
  hasEscapes: 40,
  /** Longest URL that is packed, in bytes, and whether lines are: 1 or 0. */
  packedUrlBytesMax: 44,
  packsLines: 48,
  /** Pieces of text that the packed lines are. */
  lineRunCount: 52,
  /** The table of the automaton. */
  transitions: 256,
  /** Error rows, `ERRORS_MAX` of them, and one that has to be placed. */
  errors: 16 * 1024,
  /** What layouts need, one after another: {@linkcode LayoutPlace}. */
  layouts: 128 * 1024,
  /** What a layout needs that has found no place among those, until another one needs it. */
  sharedLayout: 256 * 1024,
  /** Error rows as columns, {@linkcode ERRORS_MAX} of each. */
  packedIpHashes: 320 * 1024,
  packedUrlHashes: 336 * 1024,
  packedUrlEnds: 352 * 1024,
  packedLineEnds: 360 * 1024,
  packedStatuses: 368 * 1024,
  /** Where the packed lines stand in the text, start and end: those that follow each other as one. */
  lineRuns: 376 * 1024,
  /** Of a rest of 0 to 15 bytes, the vector that leaves nothing else of 16. */
  restMasks: 392 * 1024,
  /** Vectors that packing needs. */
  packerConstants: 392 * 1024 + 256,
  /** The URLs one after another; there may be as many bytes of them as of text. */
  packedUrls: 393 * 1024,
  text: 652 * 1024,
} as const;

/** `YYYY-MM-DDThh:mm:ss` */
export const SECOND_BYTES = 19;

/** What stands where a layout has its place, in bytes from there. */
export const LayoutPlace = {
  /** The second at hand: the first 16 of its 19 bytes, and the last 16. */
  second: 0,
  secondTail: 16,
  /** Vectors that texts and fields are compared with. */
  constants: 32,
} as const;

/** Fields of an error row, 32-bit integers; starts and ends are places in the memory. */
export const ErrorField = {
  status: 0,
  /** 1 where the URL has escapes of JSON. */
  hasEscapedUrl: 1,
  lineStart: 2,
  lineEnd: 3,
  timestampStart: 4,
  timestampEnd: 5,
  ipStart: 6,
  ipEnd: 7,
  methodStart: 8,
  methodEnd: 9,
  urlStart: 10,
  urlEnd: 11,
} as const;

/** Size of an error row. */
export const ERROR_BYTES = 48;

/** Most error rows of one scan. */
export const ERRORS_MAX = 2000;

/** Why a scan came to its end. */
export const Exit = {
  /** All is read, or the next line does not follow the layout. */
  line: 0,
  /** The row read last has to be placed: it stands behind the error rows, and is not counted. */
  place: 1,
  /** The next line is of another second, which has to be read. */
  second: 2,
  /** No more error rows fit. */
  full: 3,
} as const;

/** Most bytes of lines that one scan can read. */
export const TEXT_BYTES_MAX = 256 * 1024;

/**
 * Behind the text there are zeros, at which no search goes on. A scanner whose line has come to an
 * unexpected end may look so far before it notices: over the texts of a layout, and its fields.
 */
const SLACK_BYTES = 32 * 1024;

/** Size of the memory in pages of 64 KiB. */
export const PAGES = Math.ceil((Place.text + TEXT_BYTES_MAX + SLACK_BYTES) / (64 * 1024));

/** What modules import. */
export const memory = new WebAssembly.Memory({ initial: PAGES, maximum: PAGES });

/** All of the memory. */
export const memoryBytes = new Uint8Array(memory.buffer);
/** All of it, for reading pieces. */
export const memoryView = new DataView(memory.buffer);
/** `[place / 4]`, in the byte order of this machine, which is little-endian wherever this runs. */
export const memoryWords = new Int32Array(memory.buffer);

memoryBytes.set(transitions(), Place.transitions);
