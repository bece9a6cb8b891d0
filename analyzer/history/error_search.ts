import { recordOf } from "../decode/parse_line.ts";
import type { LimitCounter, Limits } from "../limits.ts";
import { DistinctCounter } from "../sketch/distinct_counter.ts";
import { addText } from "../sketch/hash_text.ts";
import type { ErrorCandidate, ErrorIndex, ErrorPlace } from "../sink/error_index.ts";
import type { PieceStorage } from "../sink/storage.ts";
import { TIME_MAX_MS } from "../time_max.ts";
import type {
  ClientCounts,
  ClientQuery,
  ErrorPage,
  ErrorQuery,
  ErrorReader,
  StoredError,
} from "./error_reader.ts";
import { type LineNeedles, linesFromEnd } from "./error_lines.ts";
import { matchesUrl, plainInJson, urlNeedle } from "./url_filter.ts";

/** What a search reads from. */
export interface ErrorSearchOptions {
  readonly files: PieceStorage;
  readonly index: ErrorIndex;
  readonly windowLengthMs: number;
  readonly limits: Limits;
  readonly limitCounter: LimitCounter;
  /** Monotonic time, by which a count takes no longer than it may. */
  readonly monotonicMs: () => number;
}

/** The end of everything that was stored. */
export const NEWEST: ErrorPlace = { part: Infinity, bytes: Infinity };

/**
 * Reads stored errors back, those that came in last first. Of the files only those pieces are read
 * in which there can be something, each a few milliseconds' worth; reading one is a wait in which
 * others get their turn.
 *
 * A place is that of a line in its file, so new errors, which all come behind it, move nothing.
 */
export class ErrorSearch implements ErrorReader {
  readonly #options: ErrorSearchOptions;
  /** The piece that was begun last, of whichever answer. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(options: ErrorSearchOptions) {
    this.#options = options;
  }

  async find(query: ErrorQuery): Promise<ErrorPage> {
    const { index, limits, limitCounter } = this.#options;
    const { fromMs = -Infinity, toMs = Infinity, limit } = query;
    const needles = needlesOf(query);
    const errors: StoredError[] = [];
    let place = query.before ?? NEWEST;
    let [readBytes, foundLength] = [0, 0];
    for (;;) {
      const candidate = index.lastBefore(place, fromMs, toMs);
      if (candidate === undefined) return { errors, next: undefined, isComplete: true };
      if (errors.length === limit) return { errors, next: place, isComplete: true };
      if (foundLength >= PAGE_LENGTH) return { errors, next: place, isComplete: false };
      if (readBytes >= limits.errorReadBytes) {
        limitCounter.reach("errorReadBytes");
        return { errors, next: place, isComplete: false };
      }
      const piece = await this.#visit(candidate, place, needles, (error, lineLength) => {
        if (!this.#matches(error, query)) return true;
        foundLength += lineLength;
        return errors.push(error) < limit && foundLength < PAGE_LENGTH;
      });
      readBytes += piece.readBytes;
      place = piece.endedAt;
    }
  }

  async countClients(query: ClientQuery): Promise<ClientCounts> {
    const { index, limits, limitCounter, windowLengthMs, monotonicMs } = this.#options;
    const { fromMs, toMs, urls, status } = query;
    const needles = urls.length === 1 ? { exact: urlNeedle(urls[0]!) } : {};
    const counters = urls.map(() => new DistinctCounter());
    const startedAtMs = monotonicMs();
    let place = NEWEST;
    let readBytes = 0;
    let isComplete = true;
    for (;;) {
      const candidate = index.lastBefore(place, fromMs, toMs);
      if (candidate === undefined) break;
      const isSlow = monotonicMs() - startedAtMs >= limits.clientReadTime;
      if (isSlow || readBytes >= limits.clientReadBytes) {
        limitCounter.reach(isSlow ? "clientReadTime" : "clientReadBytes");
        isComplete = false;
        break;
      }
      const piece = await this.#visit(
        candidate,
        place,
        needles,
        ({ timeMs, url, ip, ...error }) => {
          if (timeMs === undefined || url === undefined || ip === undefined) return true;
          if (status !== undefined && error.status !== status) return true;
          const windowMs = Math.floor(timeMs / windowLengthMs) * windowLengthMs;
          if (windowMs < fromMs || windowMs >= toMs) return true;
          for (let i = 0; i < urls.length; i++) {
            if (matchesUrl(url, urls[i]!, limits.urlBytes)) addText(counters[i]!, ip);
          }
          return true;
        },
      );
      readBytes += piece.readBytes;
      place = piece.endedAt;
    }
    return {
      clients: counters.map((counter) => ({ count: counter.count(), isExact: counter.isExact })),
      isComplete,
    };
  }

  /**
   * Goes through the errors at the end of a candidate, as far as it lies before a place, the last
   * one first, for as long as `visit` wants another one. One piece of all that are asked for at the
   * same time comes after another: each begins with a read, in which everybody else gets a turn.
   */
  #visit(
    candidate: ErrorCandidate,
    place: ErrorPlace,
    needles: LineNeedles,
    visit: (error: StoredError, lineLength: number) => boolean,
  ): Promise<{ readonly endedAt: ErrorPlace; readonly readBytes: number }> {
    const visited = this.#last.then(async () => {
      const { lines, startBytes, readBytes } = await this.#read(candidate, place);
      const { part } = candidate;
      for (const line of linesFromEnd(lines, needles)) {
        const error = parseError(line.text);
        if (error === undefined || visit(error, line.text.length)) continue;
        return { endedAt: { part, bytes: startBytes + line.startBytes }, readBytes };
      }
      return { endedAt: { part, bytes: startBytes }, readBytes };
    });
    // Whoever has asked learns of what is refused, and nobody else.
    this.#last = visited.catch(() => {});
    return visited;
  }

  /** Reads the end of a candidate, as far as it lies before a place. */
  async #read(candidate: ErrorCandidate, place: ErrorPlace): Promise<Piece> {
    const { files, index } = this.#options;
    const { path, isKnown } = candidate;
    const endBytes = candidate.part === place.part
      ? Math.min(candidate.endBytes, place.bytes)
      : candidate.endBytes;
    let readBytes = 0;
    for (let length = READ_BYTES;; length *= 2) {
      const startBytes = Math.max(candidate.startBytes, endBytes - length);
      const bytes = await files.readPiece(path, startBytes, endBytes);
      if (bytes === undefined) {
        // Somebody took it away; so much for the rest of it.
        index.remove(path);
        return { lines: NO_BYTES, startBytes: 0, readBytes };
      }
      readBytes += bytes.length;
      const isWhole = startBytes === candidate.startBytes;
      const isShort = bytes.length < endBytes - startBytes;
      // What stands before the first line end is the end of a line that begins before.
      const from = isWhole ? 0 : bytes.indexOf(NEWLINE) + 1;
      // Lines that are being written, or were cut short by somebody, have no end.
      const to = bytes.lastIndexOf(NEWLINE) + 1;
      const isLineCut = !isWhole && (from === 0 || from === to);
      if (isLineCut && !isShort) continue;
      const lines = isLineCut ? NO_BYTES : bytes.subarray(from, to);
      const piece = { lines, startBytes: isLineCut ? startBytes : startBytes + from, readBytes };
      if (!isKnown && !isShort && endBytes === candidate.endBytes) {
        index.learn({ ...candidate, startBytes: piece.startBytes, ...this.#timesOf(lines) });
      }
      return piece;
    }
  }

  /** Between which times the windows of these lines start. */
  #timesOf(lines: Uint8Array): { readonly minMs: number; readonly maxMs: number } {
    const { windowLengthMs } = this.#options;
    let [minMs, maxMs] = [TIME_MAX_MS, -TIME_MAX_MS];
    for (const { text } of linesFromEnd(lines)) {
      const { timeMs } = parseError(text) ?? {};
      if (timeMs === undefined) continue;
      const windowMs = Math.floor(timeMs / windowLengthMs) * windowLengthMs;
      minMs = Math.min(minMs, windowMs);
      maxMs = Math.max(maxMs, windowMs);
    }
    return { minMs, maxMs };
  }

  #matches(error: StoredError, query: ErrorQuery): boolean {
    const { fromMs, toMs, status, url, ip } = query;
    const { timeMs } = error;
    return (fromMs === undefined || timeMs !== undefined && timeMs >= fromMs) &&
      (toMs === undefined || timeMs !== undefined && timeMs < toMs) &&
      (status === undefined || error.status === status) &&
      (ip === undefined || error.ip === ip) &&
      (url === undefined || matchesUrl(error.url, url, this.#options.limits.urlBytes));
  }
}

/** What was read of a file at once. */
interface Piece {
  /** Whole lines. */
  readonly lines: Uint8Array;
  /** Where they begin in the file. */
  readonly startBytes: number;
  readonly readBytes: number;
}

/** What is read at once, unless a line is longer. */
export const READ_BYTES = 512 * 1024;

/** A page of as many characters is not added to: it is written in one piece. */
export const PAGE_LENGTH = 1024 * 1024;

const NO_BYTES = new Uint8Array();
const NEWLINE = 0x0a;

/** The text is looked for as it is stored; of the other filters, the one that says most. */
function needlesOf({ text, url, ip }: ErrorQuery): LineNeedles {
  return {
    anyCase: text?.toLowerCase(),
    exact: url === undefined ? ip && plainInJson(ip) : urlNeedle(url),
  };
}

/** The error of a line; `undefined` where it is no JSON object, which vigie never writes. */
function parseError(text: string): StoredError | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // JSON.parse throws nothing but a SyntaxError.
    return undefined;
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
  const record = value as Readonly<Record<string, unknown>>;
  const known = recordOf(value);
  const method = record["method"];
  return {
    timeMs: known?.eventTimeMs,
    status: known?.status,
    method: typeof method === "string" ? method : undefined,
    url: known?.url,
    ip: known?.ip,
    record,
  };
}
