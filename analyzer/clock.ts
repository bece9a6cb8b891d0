/** Where processing time comes from: the only way in which the analyzer learns it or waits. */
export interface Clock {
  /** Milliseconds since the Unix epoch; may jump either way when somebody sets the clock. */
  wallMs(): number;
  /** Milliseconds since some fixed point; never goes back. */
  monotonicMs(): number;
  /** Calls back once, `delayMs` from now at the earliest. Returns a function that calls it off. */
  schedule(callback: () => void, delayMs: number): () => void;
  /**
   * Gives everything else that waits (timers, signals, HTTP) a chance to run. Reads that are always
   * ready never do, however often they are awaited.
   */
  turn(): Promise<void>;
}

/** The clock of this machine. */
export const systemClock: Clock = {
  wallMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  schedule(callback, delayMs) {
    const timer = setTimeout(callback, delayMs);
    return () => clearTimeout(timer);
  },
  async turn() {
    // Promises, messages and setImmediate() give no real turn. A timer does, of a millisecond or
    // two: long enough for a request to be accepted and read, or an answer to be sent. (What is
    // shorter, such as awaiting a digest, lets one step of it be made.)
    await new Promise((resolve) => setTimeout(resolve));
  },
};

/** Resolves after `delayMs`, or at once when the signal is aborted; never rejects. */
export function sleep(clock: Clock, delayMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const finish = () => {
      cancel();
      signal.removeEventListener("abort", finish);
      resolve();
    };
    const cancel = clock.schedule(finish, delayMs);
    signal.addEventListener("abort", finish);
  });
}

/** Resolves once the signal is aborted; at once where it is already. */
export function whenAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
