/**
 * Where the analyzer tells how long something took that is worth a look: a checkpoint, an outage, a
 * start. Few things are, since each costs some microseconds where somebody listens; nothing that
 * happens a line or a batch is among them.
 */
export interface Tracing {
  /** Something begins now. Never throws. */
  begin(name: SpanName, attributes?: SpanAttributes): Span;
}

/** Something that takes time; it is told of once it is over. */
export interface Span {
  /** It has come so far now. */
  reach(what: string): void;
  /** It is over. Called once, unless {@linkcode Span.fail} was; later calls have no effect. */
  end(attributes?: SpanAttributes): void;
  /** It is over, and has not come to what it was for. */
  fail(why: string, attributes?: SpanAttributes): void;
}

/** Everything that is told of; docs/integrations/README.md says what each means. */
export type SpanName = "restore state" | "save checkpoint" | "source outage" | "storage outage";

/** What is known of a span, under names that begin with `vigie.`. */
export type SpanAttributes = Readonly<Record<`vigie.${string}`, string | number | boolean>>;

const NO_SPAN: Span = { reach: () => {}, end: () => {}, fail: () => {} };

/** Tells nobody. */
export const NO_TRACING: Tracing = { begin: () => NO_SPAN };
