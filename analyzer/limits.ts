import { DISTINCT_EXACT_MAX } from "./sketch/distinct_counter.ts";

/** One bound on what input may make the analyzer keep or do. */
export interface LimitDefinition {
  /** What its value counts. */
  readonly unit: "count" | "bytes" | "bytes/s" | "ms";
  /** Where nothing else is asked for. */
  readonly default: number;
  /** The lowest that can be set. */
  readonly min: number;
  /** The same as `min` where it cannot be changed. */
  readonly max: number;
  /** What happens beyond it, in one sentence. */
  readonly help: string;
}

/**
 * Every bound that has a name. Each is set by `--limit`, listed by `--help limits`, and shown by
 * two metrics: its value, and how often it had an effect.
 */
export const LIMIT_TABLE = {
  lineBytes: {
    unit: "bytes",
    default: 64 * 1024,
    min: 256,
    max: 16 * 1024 * 1024,
    help: "A longer line, its line end not counted, is counted as oversized and skipped",
  },
  urlBytes: {
    unit: "bytes",
    default: 2048,
    min: 16,
    max: 64 * 1024,
    help: "A longer URL is cut before it is counted; its line is kept whole",
  },
  statuses: {
    unit: "count",
    default: 500,
    min: 500,
    max: 500,
    help: "Statuses are 100 to 599; a line with another one is malformed (bad_status)",
  },
  openWindows: {
    unit: "count",
    default: 256,
    min: 2,
    max: 10_000,
    help: "Beyond so many open windows, the oldest close early",
  },
  windowUrls: {
    unit: "count",
    default: 1000,
    min: 1,
    max: 100_000,
    help: "URLs listed of a window and status; beyond, the most frequent ones are, with the most " +
      "that each count may be too high by",
  },
  exactAddresses: {
    unit: "count",
    default: DISTINCT_EXACT_MAX,
    min: DISTINCT_EXACT_MAX,
    max: DISTINCT_EXACT_MAX,
    help:
      "Distinct addresses of a window and status are counted exactly up to here, then estimated",
  },
  unsavedWindows: {
    unit: "count",
    default: 1000,
    min: 10,
    max: 1_000_000,
    help: "Closed windows kept where nothing is saved; beyond, the oldest are forgotten",
  },
  queuedBatches: {
    unit: "count",
    default: 1,
    min: 1,
    max: 64,
    help: "Batches that wait to be written; beyond, nothing more is read",
  },
  connections: {
    unit: "count",
    default: 500,
    min: 1,
    max: 100_000,
    help: "Connections to a listening source; beyond, more wait until one is closed",
  },
  connectionsPerAddress: {
    unit: "count",
    default: 100,
    min: 1,
    max: 100_000,
    help: "Connections to a listening source from one address (of IPv6: from one /64); beyond, " +
      "more are closed at once",
  },
  partialLineTime: {
    unit: "ms",
    default: 30_000,
    min: 100,
    max: 24 * 60 * 60 * 1000,
    help: "A connection to a listening source that has been in the middle of a line for longer " +
      "is closed where another one waits for its place",
  },
  connectionIdle: {
    unit: "ms",
    default: 10 * 60 * 1000,
    min: 100,
    max: 366 * 24 * 60 * 60 * 1000,
    help: "A connection to a listening source that has brought no row for longer is closed where " +
      "another one waits for its place",
  },
  tlsHandshakeTime: {
    unit: "ms",
    default: 10_000,
    min: 100,
    max: 10 * 60 * 1000,
    help: "A connection that has not done its TLS handshake in this time is closed",
  },
  deliveries: {
    unit: "count",
    default: 64,
    min: 1,
    max: 10_000,
    help: "Requests to POST /logs at a time; beyond, more are told to come back",
  },
  deliverySilence: {
    unit: "ms",
    default: 30_000,
    min: 100,
    max: 24 * 60 * 60 * 1000,
    help: "A delivery whose sender is silent for longer, while it is waited for, is broken off",
  },
  deliveryPace: {
    unit: "bytes/s",
    default: 16 * 1024,
    min: 1,
    max: 1024 ** 3,
    help: "A delivery that brings less, while it is waited for, is broken off when all " +
      "places are taken and another one comes",
  },
  idempotencyKeys: {
    unit: "count",
    default: 10_000,
    min: 1,
    max: 1_000_000,
    help: "Keys of deliveries that are kept; beyond, those used longest ago are forgotten",
  },
  idempotencyKeyAge: {
    unit: "ms",
    default: 24 * 60 * 60 * 1000,
    min: 1000,
    max: 366 * 24 * 60 * 60 * 1000,
    help: "A key that was used longer ago is forgotten",
  },
  eventClients: {
    unit: "count",
    default: 1000,
    min: 1,
    max: 100_000,
    help: "Clients of GET /events at a time; beyond, more are told to come back",
  },
  eventQueueBytes: {
    unit: "bytes",
    default: 256 * 1024,
    min: 4 * 1024,
    max: 64 * 1024 * 1024,
    help: "Bytes that wait for one client of GET /events; beyond, it is dropped",
  },
  httpBodyBytes: {
    unit: "bytes",
    default: 1024 ** 3,
    min: 1024,
    max: 2 ** 40,
    help: "A delivery that is longer, decompressed, is cut off there and refused",
  },
  httpRequests: {
    unit: "count",
    default: 256,
    min: 1,
    max: 100_000,
    help: "Requests over HTTP at a time, but /healthz; beyond, more are told to come back",
  },
  httpUrlBytes: {
    unit: "bytes",
    default: 8192,
    min: 256,
    max: 60 * 1024,
    help: "A request over HTTP whose path and query are longer is refused",
  },
  responseRows: {
    unit: "count",
    default: 1000,
    min: 1,
    max: 10_000,
    help: "Windows or errors on a page over HTTP; a request for more is refused",
  },
  errorFileBytes: {
    unit: "bytes",
    default: 128 * 1024 * 1024,
    min: 1024,
    max: 2 ** 40,
    help: "An error file of this size is closed, and the next one begun",
  },
  errorFileAge: {
    unit: "ms",
    default: 60 * 60 * 1000,
    min: 1000,
    max: 366 * 24 * 60 * 60 * 1000,
    help: "An error file that was begun longer ago is closed, and the next one begun",
  },
  errorReadBytes: {
    unit: "bytes",
    default: 64 * 1024 * 1024,
    min: 1024,
    max: 2 ** 40,
    help: "Error files that one answer of GET /errors reads; beyond, it says where to go on",
  },
  clientReadBytes: {
    unit: "bytes",
    default: 256 * 1024 * 1024,
    min: 1024,
    max: 2 ** 40,
    help: "Error files that one answer of GET /summary/clients reads; beyond, it is not complete",
  },
  clientReadTime: {
    unit: "ms",
    default: 2000,
    min: 10,
    max: 60 * 60 * 1000,
    help: "How long one answer of GET /summary/clients reads; beyond, it is not complete",
  },
} as const satisfies Readonly<Record<string, LimitDefinition>>;

/** Name of a limit, in camelCase. */
export type LimitName = keyof typeof LIMIT_TABLE;

/** The names in the order of the table. */
export const LIMIT_NAMES = Object.keys(LIMIT_TABLE) as readonly LimitName[];

/** The value of each limit, in the unit of the table. */
export type Limits = Readonly<Record<LimitName, number>>;

/** The values where nothing else is asked for. */
export const DEFAULT_LIMITS: Limits = Object.freeze(
  Object.fromEntries(LIMIT_NAMES.map((name) => [name, LIMIT_TABLE[name].default])) as Record<
    LimitName,
    number
  >,
);

/** How often each limit had an effect since the program started. */
export class LimitCounter {
  readonly #counts = new Map<LimitName, number>();

  /** Counts that a limit had an effect, on so many things. */
  reach(name: LimitName, times = 1): void {
    this.#counts.set(name, this.count(name) + times);
  }

  /** How often it had one. */
  count(name: LimitName): number {
    return this.#counts.get(name) ?? 0;
  }
}
