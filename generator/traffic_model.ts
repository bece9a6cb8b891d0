import type { LogRecord } from "../log_format/log_record.ts";
import { blockKey, draw, recordState } from "./counter_random.ts";
import { type Burst, STATUSES, statusPhaseAt, type StatusShares } from "./status_shares.ts";

/** What the traffic looks like. */
export interface Traffic {
  /** A safe integer; the same seed gives the same records. */
  readonly seed: number;
  /** How many URLs there are: `/resource/1` to `/resource/N`, all equally frequent. */
  readonly urlCount: number;
  /** How many client addresses there are, all equally frequent; at most {@linkcode IP_COUNT_MAX}. */
  readonly ipCount: number;
  /** How frequent each status is outside bursts. */
  readonly statusShares: StatusShares;
  /** When and how that changes. */
  readonly bursts: readonly Burst[];
  /** A share of the records (0 to 1) carries an event time so far back. */
  readonly late: { readonly share: number; readonly byMs: number };
  /** The share of lines that are no records, 0 to 1. */
  readonly malformedShare: number;
}

/** Which records to make, and how their event time follows from their index. */
export interface RecordRange {
  readonly firstIndex: number;
  readonly rowCount: number;
  /** Event time of record 0, in µs since the epoch. */
  readonly originUs: number;
  /** How many records one second of event time has; `Infinity` gives all the same event time. */
  readonly recordsPerSecond: number;
}

/**
 * The model of the traffic: record i is a pure function of (seed, i) and its event time, so that any
 * range of records can be made alone, in any order, in pieces of any size.
 */
export class TrafficModel {
  readonly #traffic: Traffic;
  readonly #ipKey: number;

  constructor(traffic: Traffic) {
    this.#traffic = traffic;
    this.#ipKey = blockKey(traffic.seed, -1);
  }

  /** Writes records into rows 0 to `rowCount - 1` of the columns, which must have room for them. */
  fill(columns: RecordColumns, range: RecordRange): void {
    const { firstIndex, rowCount, originUs, recordsPerSecond } = range;
    const { timeUs } = columns;
    for (let row = 0; row < rowCount; row++) {
      // Each time comes from its index alone; adding up steps would depend on where a range starts.
      timeUs[row] = Math.floor(originUs + ((firstIndex + row) * 1e6) / recordsPerSecond + 0.5);
    }
    // The key holds for 2^32 records: a range across that border is made in two pieces.
    for (let row = 0; row < rowCount;) {
      const index = firstIndex + row;
      const indexHigh = Math.floor(index / 2 ** 32);
      const endRow = Math.min(rowCount, row + (indexHigh + 1) * 2 ** 32 - index);
      const piece = { key: blockKey(this.#traffic.seed, indexHigh), indexLow: index | 0 };
      // Lateness first: what a late record says must fit the time that it carries.
      if (this.#traffic.late.share > 0) this.#moveBack(columns, row, endRow, piece);
      this.#fillFields(columns, row, endRow, piece);
      this.#fillMalformations(columns, row, endRow, piece);
      row = endRow;
    }
  }

  /** One record as an object: the slow way, for tests and for a look at single records. */
  recordAt(index: number, time: Pick<RecordRange, "originUs" | "recordsPerSecond">): LogRecord {
    const columns = new RecordColumns(1);
    this.fill(columns, { ...time, firstIndex: index, rowCount: 1 });
    const address = columns.address[0]!;
    return {
      timestampMs: columns.timeUs[0]! / 1000,
      ip: [24, 16, 8, 0].map((shift) => address >>> shift & 255).join("."),
      method: METHODS[columns.methodIndex[0]!]!,
      url: `${URL_PREFIX}${columns.urlNumber[0]}`,
      status: STATUSES[columns.statusIndex[0]!]!,
    };
  }

  #moveBack(columns: RecordColumns, row: number, endRow: number, piece: Piece): void {
    const { share, byMs } = this.#traffic.late;
    const { timeUs } = columns;
    for (let low = piece.indexLow; row < endRow; row++, low++) {
      const word = draw(recordState(piece.key, low), low, Purpose.late) >>> 0;
      if (word < share * 2 ** 32) timeUs[row]! -= byMs * 1000;
    }
  }

  #fillFields(columns: RecordColumns, row: number, endRow: number, piece: Piece): void {
    const { timeUs, address, urlNumber, methodIndex, statusIndex } = columns;
    const urlScale = this.#traffic.urlCount / 2 ** 32;
    const ipScale = this.#traffic.ipCount / 2 ** 32;
    const ipKey = this.#ipKey;
    const { key } = piece;
    // NaN: no time is inside, so the first row looks the phase up.
    let [fromUs, untilUs, end200, end404] = [NaN, NaN, 0, 0];
    for (let low = piece.indexLow; row < endRow; row++, low++) {
      const time = timeUs[row]!;
      if (!(time >= fromUs && time < untilUs)) {
        const phase = statusPhaseAt(time, this.#traffic);
        ({ fromUs, untilUs } = phase);
        end200 = phase.shares[0] * 2 ** 32;
        end404 = (1 - phase.shares[2]) * 2 ** 32;
      }
      const state = recordState(key, low);
      const ipWord = draw(state, low, Purpose.ip) >>> 0;
      address[row] = poolAddress(Math.floor(ipWord * ipScale), ipKey);
      urlNumber[row] = 1 + Math.floor((draw(state, low, Purpose.url) >>> 0) * urlScale);
      // The status is decided by the order of magnitude, so its two lowest bits are free to use.
      const statusWord = draw(state, low, Purpose.status);
      methodIndex[row] = statusWord & 3;
      const position = statusWord >>> 0;
      statusIndex[row] = position < end200 ? 0 : position < end404 ? 1 : 2;
    }
  }

  #fillMalformations(columns: RecordColumns, row: number, endRow: number, piece: Piece): void {
    const { malformedShare } = this.#traffic;
    if (malformedShare === 0) {
      columns.malformation.fill(0, row, endRow);
      return;
    }
    for (let low = piece.indexLow; row < endRow; row++, low++) {
      const state = recordState(piece.key, low);
      const isMalformed = (draw(state, low, Purpose.malformed) >>> 0) < malformedShare * 2 ** 32;
      const kind = (draw(state, low, Purpose.malformation) >>> 0) % MALFORMATIONS.length;
      columns.malformation[row] = isMalformed ? 1 + kind : 0;
    }
  }
}

/** Records as columns: one row a record. */
export class RecordColumns {
  /** Event time in whole µs since the epoch; exact up to the year 2255. */
  readonly timeUs: Float64Array<ArrayBuffer>;
  /** IPv4 address, the first octet in the highest byte. */
  readonly address: Uint32Array<ArrayBuffer>;
  /** The N of `/resource/N`, from 1. */
  readonly urlNumber: Uint32Array<ArrayBuffer>;
  /** Index into {@linkcode METHODS}. */
  readonly methodIndex: Uint8Array<ArrayBuffer>;
  /** Index into {@linkcode STATUSES}. */
  readonly statusIndex: Uint8Array<ArrayBuffer>;
  /** 0 for a valid line, else 1 + the index into {@linkcode MALFORMATIONS}. */
  readonly malformation: Uint8Array<ArrayBuffer>;

  constructor(readonly rowsMax: number) {
    this.timeUs = new Float64Array(rowsMax);
    this.address = new Uint32Array(rowsMax);
    this.urlNumber = new Uint32Array(rowsMax);
    this.methodIndex = new Uint8Array(rowsMax);
    this.statusIndex = new Uint8Array(rowsMax);
    this.malformation = new Uint8Array(rowsMax);
  }
}

/** The methods that occur, all equally frequent. */
export const METHODS = ["GET", "POST", "PUT", "DELETE"] as const;

/** What every URL starts with. */
export const URL_PREFIX = "/resource/";

/** Most URLs that there can be: their numbers have up to nine digits. */
export const URL_COUNT_MAX = 999_999_999;

/** What can be wrong with a line that is no record. */
export const MALFORMATIONS = [
  "cut in half",
  "unreadable time",
  "status out of range",
  "wrong first byte",
  "NUL byte",
  "invalid UTF-8",
] as const;

const FIRST_OCTET_COUNT = 222;

/** How many addresses look like a client's: first octet 1 to 223, without 127. */
export const IP_COUNT_MAX: number = FIRST_OCTET_COUNT * 2 ** 24;

interface Piece {
  readonly key: number;
  /** Lower 32 bits of the index of the first record, signed. */
  readonly indexLow: number;
}

const Purpose = { ip: 1, url: 2, status: 3, late: 4, malformed: 5, malformation: 6 } as const;

/**
 * The first octets in order, twice over: a look-up takes the place of a remainder and of branches
 * that no processor can predict.
 */
const FIRST_OCTETS = Uint8Array.from({ length: 2 * FIRST_OCTET_COUNT }, (_, i) => {
  const octet = 1 + i % FIRST_OCTET_COUNT;
  return octet < 127 ? octet : octet + 1;
});

/**
 * The n-th address of the pool, n below {@linkcode IP_COUNT_MAX}: a bijection that spreads the first
 * few over the whole space. The lower three octets are those of n, scattered; the first octet is
 * that of n, moved by an amount that depends on the others.
 */
export function poolAddress(n: number, seedKey: number): number {
  const low = (Math.imul(n, 0x9e3779b1) + seedKey) & 0xffffff;
  const move = ((Math.imul(low, 0x85ebca6b) >>> 16) * FIRST_OCTET_COUNT) >>> 16;
  return (FIRST_OCTETS[(n >>> 24) + move]! << 24 | low) >>> 0;
}
