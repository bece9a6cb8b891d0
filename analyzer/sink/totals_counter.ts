import { STATUS_MAX } from "../../log_format/log_record.ts";
import { MALFORMED_REASONS, type MalformedReason } from "../decode/malformed_reason.ts";
import type { AnalyzedBatch } from "../stream/elements.ts";
import { emptyTotals, type Totals } from "./totals.ts";

type Writable<T> = { -readonly [K in keyof T]: T[K] };

/** Adds up what became of every line, batch by batch. */
export class TotalsCounter {
  readonly #totals: Writable<Totals>;
  readonly #malformed: Record<MalformedReason, number>;
  /** `[status]`: an index is found faster than a key, and every error row needs it. */
  readonly #errorsByStatus = new Float64Array(STATUS_MAX + 1);

  constructor(restored: Totals = emptyTotals()) {
    this.#malformed = { ...restored.malformed };
    for (const [status, count] of restored.errorsByStatus) this.#errorsByStatus[status] = count;
    this.#totals = { ...restored };
  }

  /** Adds the counts of a batch. */
  add(analyzed: AnalyzedBatch): void {
    const totals = this.#totals;
    const { counts, errors } = analyzed.batch;
    totals.bytes += counts.bytes;
    totals.lines += counts.lines;
    totals.valid += counts.valid;
    totals.oversized += counts.oversized;
    totals.empty += counts.empty;
    totals.header += counts.header;
    totals.partial += counts.partial;
    MALFORMED_REASONS.forEach((reason, i) => this.#malformed[reason] += counts.malformed[i]!);
    totals.late += analyzed.lateCount;
    totals.future += counts.future;
    totals.inWindows += counts.valid - counts.future - analyzed.lateCount;
    totals.errors += errors.count;
    totals.lateErrors += analyzed.lateErrorCount;
    totals.futureErrors += analyzed.futureErrorCount;
    totals.errorsInWindows += errors.count - analyzed.lateErrorCount - analyzed.futureErrorCount;
    const { statuses } = errors;
    for (let row = 0; row < errors.count; row++) this.#errorsByStatus[statuses[row]!]!++;
  }

  /** The totals at this moment; later additions do not change what is returned. */
  snapshot(): Totals {
    return {
      ...this.#totals,
      malformed: { ...this.#malformed },
      errorsByStatus: new Map(
        [...this.#errorsByStatus.entries()].filter(([, count]) => count > 0),
      ),
    };
  }
}
