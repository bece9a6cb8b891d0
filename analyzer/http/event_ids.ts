/** What the ids of one run are made of. */
export interface EventIdOptions {
  /** Name of the output, such as a UUID; empty where nothing is saved. */
  readonly outputId: string;
  /** Name of the run, unlike that of any other. */
  readonly runId: string;
  /** Start of the last closed window that was stored when the run began, if there was one. */
  readonly newestStartMs: number | undefined;
}

/**
 * The ids of server-sent events: places in the order in which windows close, which is that of their
 * starts (S-21), so that the stored history alone says what comes after one. An id also names the
 * output, since those of another say nothing here, and the run: what a crash has taken back closes
 * once more in the next one (S-70).
 */
export class EventIds {
  readonly #prefix: string;
  readonly #output: string;
  readonly #newestStartMs: number;

  constructor({ outputId, runId, newestStartMs = -Infinity }: EventIdOptions) {
    this.#output = (outputId === "" ? runId : outputId).slice(0, NAME_LENGTH);
    this.#prefix = `${this.#output}.${runId.slice(0, NAME_LENGTH)}.`;
    this.#newestStartMs = newestStartMs;
  }

  /** The id of the place right after a closed window; `-Infinity` is that before the first one. */
  encode(startMs: number): string {
    return this.#prefix + (startMs === -Infinity ? "" : startMs);
  }

  /**
   * The start of the window that whoever has come to this place has got last, `-Infinity` where it
   * has got none; `undefined` where the id is not of this output, or none at all.
   */
  decode(id: string): number | undefined {
    const match = /^(\w+)\.(\w+)\.(-?\d{1,16}|)$/.exec(id);
    if (match === null || match[1] !== this.#output) return undefined;
    const startMs = match[3] === "" ? -Infinity : Number(match[3]);
    // An earlier run may have told of windows that it had not saved when it crashed.
    return id.startsWith(this.#prefix) ? startMs : Math.min(startMs, this.#newestStartMs);
  }
}

/** Characters of a name that are enough to tell it from others. */
const NAME_LENGTH = 8;
