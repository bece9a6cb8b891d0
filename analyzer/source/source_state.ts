/** What a source is doing: `waiting` is a source that will try to connect again. */
export type SourcePhase = "starting" | "waiting" | "connected" | "ended";

/**
 * Why a listening source does not let somebody in: the address is not allowed, too many connections
 * from it are open, or the TLS handshake failed.
 */
export type RefusalReason = "address" | "limit" | "tls";

/** The state of one configured source, as immutable data. */
export interface SourceState {
  /** The source as it was asked for on the command line, such as `tcp://127.0.0.1:9999`. */
  readonly name: string;
  /** What it is doing. */
  readonly phase: SourcePhase;
  /** Connections open now; 0 or 1 but for a listening source. */
  readonly connections: number;
  /** Connections made since the start of the program. */
  readonly connectionsTotal: number;
  /** Connections that were not let in since the start of the program, by reason. */
  readonly refused: Readonly<Record<RefusalReason, number>>;
  /** Why the last attempt or connection failed, in a few words; empty while all is well. */
  readonly reason: string;
  /** Wall-clock time of the last row, in ms since the epoch; `undefined` before the first. */
  readonly lastRowAtMs: number | undefined;
}

/** The name of one of a source's inputs: `tcp-listen://…#3`; without a number, its only one. */
export function inputIdOf(source: string, connection?: number): string {
  return connection === undefined ? source : `${source}#${connection}`;
}

/** The source that an input belongs to. */
export function sourceOf(inputId: string): string {
  return inputId.replace(/#\d+$/, "");
}
