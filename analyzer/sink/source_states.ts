import type { RecordBatch } from "../decode/record_batch.ts";
import { sourceOf, type SourceState } from "../source/source_state.ts";
import type { SourceChanged } from "../stream/elements.ts";

type Writable<T> = { -readonly [K in keyof T]: Writable<T[K]> };

/** What each configured source is doing, as far as the stream has told. */
export class SourceStates {
  readonly #states = new Map<string, Writable<SourceState>>();

  constructor(names: readonly string[]) {
    for (const name of names) {
      this.#states.set(name, {
        name,
        phase: "starting",
        connections: 0,
        connectionsTotal: 0,
        refused: { address: 0, limit: 0, tls: 0 },
        reason: "",
        lastRowAtMs: undefined,
      });
    }
  }

  /** @throws {Error} where no source has that name */
  change(change: SourceChanged): void {
    const state = this.#states.get(change.source);
    if (state === undefined) throw new Error(`Unknown source "${change.source}"`);
    state.phase = change.phase;
    state.connections += change.connectionsDelta;
    if (change.connectionsDelta > 0) state.connectionsTotal++;
    if (change.refusal !== undefined) state.refused[change.refusal]++;
    state.reason = change.reason;
  }

  /** @param wallMs wall-clock time at which the batch is committed */
  sawRows(batch: RecordBatch, wallMs: number): void {
    if (batch.counts.valid === 0) return;
    // The name itself first: that of a file may well end like the number of a connection.
    const state = this.#states.get(batch.inputId) ?? this.#states.get(sourceOf(batch.inputId));
    if (state !== undefined) state.lastRowAtMs = wallMs;
  }

  /** The states at this moment, one a source, in their order. */
  snapshot(): readonly SourceState[] {
    return [...this.#states.values()].map((state) => ({ ...state, refused: { ...state.refused } }));
  }
}
