import type { Limits } from "../limits.ts";
import { formatIpAddress, parseIpAddress } from "./ip_network.ts";
import { LiveActivity } from "./live_connection.ts";

/** The limits on the connections to one listening source. */
export type ConnectionLimits = Pick<
  Limits,
  "connections" | "connectionsPerAddress" | "partialLineTime" | "connectionIdle"
>;

/** A connection that is read, or is about to be. */
export interface Place {
  /** IP address of the other side. */
  readonly address: string;
  readonly activity: LiveActivity;
  /** Closes the connection. */
  readonly close: () => void;
}

/** A connection that has to go before others, and by which limit. */
export interface Overdue {
  readonly place: Place;
  readonly limit: "partialLineTime" | "connectionIdle";
  /** How long it has been so, in ms. */
  readonly forMs: number;
}

/** Who is connected to a listening source: so many at a time, and so many from one address. */
export class ConnectionPlaces {
  readonly #limits: ConnectionLimits;
  readonly #places = new Set<Place>();
  /** How many there are of each origin; none that has no place. */
  readonly #countByOrigin = new Map<string, number>();

  constructor(limits: ConnectionLimits) {
    this.#limits = limits;
  }

  get size(): number {
    return this.#places.size;
  }

  get isFull(): boolean {
    return this.size >= this.#limits.connections;
  }

  /** Whether there are as many connections from an address as there may be. */
  isCrowded(address: string): boolean {
    const count = this.#countByOrigin.get(originOf(address)) ?? 0;
    return count >= this.#limits.connectionsPerAddress;
  }

  /** @param nowMs monotonic time */
  take(address: string, nowMs: number, close: () => void): Place {
    const place = { address, activity: new LiveActivity(nowMs), close };
    const origin = originOf(address);
    this.#places.add(place);
    this.#countByOrigin.set(origin, (this.#countByOrigin.get(origin) ?? 0) + 1);
    return place;
  }

  /** Once for each place. */
  release(place: Place): void {
    this.#places.delete(place);
    const origin = originOf(place.address);
    const count = this.#countByOrigin.get(origin)! - 1;
    if (count === 0) this.#countByOrigin.delete(origin);
    else this.#countByOrigin.set(origin, count);
  }

  /**
   * The connection that gives up its place first: of those that have been in the middle of a line
   * for too long, the one that has been so for longest; else, likewise, of those without a row.
   * One whose bytes wait for us and not we for them is none of either.
   */
  overdue(nowMs: number): Overdue | undefined {
    return this.#longest(nowMs, "partialLineTime", (activity) => activity.unfinishedSinceMs) ??
      this.#longest(nowMs, "connectionIdle", (activity) => activity.lastRowAtMs);
  }

  #longest(
    nowMs: number,
    limit: Overdue["limit"],
    sinceMs: (activity: LiveActivity) => number | undefined,
  ): Overdue | undefined {
    let longest: Overdue | undefined;
    for (const place of this.#places) {
      if (!place.activity.isWaiting) continue;
      const forMs = nowMs - (sinceMs(place.activity) ?? nowMs);
      if (forMs > (longest?.forMs ?? this.#limits[limit])) longest = { place, limit, forMs };
    }
    return longest;
  }
}

/**
 * Where a connection comes from, as far as it counts. Whoever has one IPv6 address has the 2^64 of
 * its network, so all of them are one origin.
 */
function originOf(address: string): string {
  const bytes = parseIpAddress(address);
  if (bytes === undefined) return address;
  return formatIpAddress(bytes.length === 4 ? bytes : bytes.map((byte, i) => i < 8 ? byte : 0));
}
