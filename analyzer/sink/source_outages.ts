import type { SourceChanged } from "../stream/elements.ts";
import type { Span, Tracing } from "../tracing.ts";

/**
 * Tells of each time in which a source was lost, as one span from the first attempt that failed to
 * the connection that was made again.
 */
export class SourceOutages {
  readonly #tracing: Tracing;
  /** Outages that are not over, by source. */
  readonly #open = new Map<string, { readonly span: Span; attempts: number; reason: string }>();

  constructor(tracing: Tracing) {
    this.#tracing = tracing;
  }

  change({ source, phase, reason, refusal }: SourceChanged): void {
    // Whoever is not let in says nothing about the source.
    if (refusal !== undefined) return;
    const outage = this.#open.get(source);
    // A listening source that nobody is connected to waits, too, but lacks nothing.
    if (phase === "waiting" && reason !== "") {
      if (outage === undefined) {
        const span = this.#tracing.begin("source outage", { "vigie.source": source });
        this.#open.set(source, { span, attempts: 1, reason });
      } else {
        outage.attempts++;
        outage.reason = reason;
      }
    } else if (outage !== undefined) {
      this.#open.delete(source);
      outage.span.end(attributesOf(outage));
    }
  }

  /** The run ends, whatever is lost by then. */
  close(): void {
    for (const outage of this.#open.values()) {
      outage.span.fail("The program stopped before it was over", attributesOf(outage));
    }
    this.#open.clear();
  }
}

function attributesOf(
  { attempts, reason }: { readonly attempts: number; readonly reason: string },
) {
  return { "vigie.failures": attempts, "vigie.reason": reason };
}
