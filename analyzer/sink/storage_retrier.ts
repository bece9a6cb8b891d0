import { type Clock, sleep } from "../clock.ts";
import { formatDuration } from "../../command_line/options.ts";
import { messageOf, StorageException } from "../exceptions.ts";
import { NO_TRACING, type Span, type Tracing } from "../tracing.ts";

/** What a {@linkcode StorageRetrier} needs. */
export interface StorageRetrierOptions {
  readonly clock: Clock;
  /** Once it is aborted, nothing is waited for: an attempt that fails then is the last one. */
  readonly signal: AbortSignal;
  /** Told in one line when an outage begins, and when it is over. */
  readonly notice: (line: string) => void;
  readonly tracing?: Tracing;
}

/**
 * Does again what the storage refuses, for as long as it takes: a full disk must not cost what was
 * read. Meanwhile the writer stands still, and with it all that is before it, down to the sockets.
 */
export class StorageRetrier {
  readonly #options: StorageRetrierOptions;
  #fault = "";
  #refusalCount = 0;

  constructor(options: StorageRetrierOptions) {
    this.#options = options;
  }

  /** Why nothing can be written now, in one line; empty while all is well. */
  get fault(): string {
    return this.#fault;
  }

  /** How often the storage has said no. */
  get refusalCount(): number {
    return this.#refusalCount;
  }

  /**
   * Calls `attempt` until it succeeds: at once, then after pauses of up to a second. It has to begin
   * anew whatever it had half done.
   *
   * @param refused what has failed before, in an attempt that nobody waited for
   * @throws {StorageException} of the last attempt, where the signal was aborted by then
   * @throws what `attempt` throws but for a {@linkcode StorageException}
   */
  async retry<T>(attempt: () => Promise<T> | T, refused?: StorageException): Promise<T> {
    const { clock, signal, notice, tracing = NO_TRACING } = this.#options;
    const startedAtMs = clock.monotonicMs();
    let outage: Span | undefined;
    if (refused !== undefined) this.#refusalCount++;
    for (let failures = 0;; failures++) {
      try {
        const result = await attempt();
        outage?.end({ "vigie.failures": failures });
        if (this.#fault !== "") {
          const outageMs = Math.ceil((clock.monotonicMs() - startedAtMs) / 1000) * 1000;
          notice(`Writing again, after ${formatDuration(outageMs)}: nothing is lost`);
          this.#fault = "";
        }
        return result;
      } catch (exception) {
        if (!(exception instanceof StorageException)) {
          outage?.fail(messageOf(exception), { "vigie.failures": failures });
          throw exception;
        }
        this.#refusalCount++;
        outage ??= tracing.begin("storage outage", { "vigie.reason": exception.message });
        if (signal.aborted) {
          outage.fail(exception.message, { "vigie.failures": failures + 1 });
          throw exception;
        }
        if (this.#fault === "") {
          notice(`${exception.message}; nothing more is read, trying again until it works`);
        }
        this.#fault = exception.message;
        await sleep(clock, Math.min(FIRST_PAUSE_MS * 2 ** failures, PAUSE_MAX_MS), signal);
      }
    }
  }
}

const FIRST_PAUSE_MS = 50;
const PAUSE_MAX_MS = 1000;
