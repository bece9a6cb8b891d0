import type { DeliveryReceiver } from "../delivery/delivery.ts";
import type { ErrorReader } from "../history/error_reader.ts";
import type { LimitCounter, Limits } from "../limits.ts";
import type { LiveViewReader } from "../sink/live_view.ts";
import type { RetentionCounts } from "../sink/retention.ts";
import type { Totals } from "../sink/totals.ts";
import type { WindowHistoryReader } from "../sink/window_history.ts";
import type { EventFeed } from "./event_publisher.ts";
import type { GuardReason } from "./guard.ts";

/** What the HTTP interface reads from, and whom it gives what it takes. */
export interface AppDeps {
  /** Totals, sources and open windows. */
  readonly live: LiveViewReader;
  /** Closed windows. */
  readonly history: WindowHistoryReader;
  /** Stored errors; `undefined` where the run saves none. */
  readonly savedErrors: ErrorReader | undefined;
  /** Takes the lines of `POST /logs`; `undefined` where the run takes none. */
  readonly deliveries: DeliveryReceiver | undefined;
  /** Tells the clients of `GET /events` what happens. */
  readonly events: EventFeed;
  /** What was removed as too old; `undefined` where everything is kept. */
  readonly retention?: { readonly counts: RetentionCounts } | undefined;
  /** The bounds in force. */
  readonly limits: Limits;
  /** How often each had an effect. */
  readonly limitCounter: LimitCounter;
  /** How many requests did not get here, by why. */
  readonly refused: Readonly<Record<GuardReason, number>>;
  /** Gives everything else that waits a chance to run: between two pieces of a long answer. */
  turn(): Promise<void>;
  /** How the program does at this moment; cheap and synchronous. */
  health(): Health;
  /** Version of the program, such as `0.1.0`. */
  readonly version: string;
  /** What earlier runs had counted when this one started; nothing unless told. */
  readonly totalsAtStart?: Totals;
  /** When the program started, in ms since the Unix epoch. */
  readonly startedAtMs: number;
  /** The wall clock, in ms since the Unix epoch. */
  nowMs(): number;
  /** Learns of each exception that a client sees only as status 500, or as an answer cut off. */
  readonly onException?: (exception: unknown) => void;
}

/** How the program does. */
export interface Health {
  /** `stopping` once it was asked to end. */
  readonly state: "running" | "stopping";
  /** How long ago the writer last moved, in ms. */
  readonly writerIdleMs: number;
  /** Whether rows have been read that the writer has not committed yet. */
  readonly inputWaiting: boolean;
  /** Why the writer cannot write, so that nothing is read; empty while it can. */
  readonly writerFault: string;
  /** How often the storage has refused something since the start. */
  readonly writerRefusals: number;
}
