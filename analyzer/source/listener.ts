import type { Connection } from "./tcp_source.ts";

/** A socket that accepts connections. */
export interface Listener {
  /**
   * Connections as they come, and in the place of one that could not be accepted, why: then it is
   * tried again, slowly. Ends when the listener is closed.
   */
  readonly connections: AsyncIterable<IncomingConnection | Error>;
  /** May be called again. */
  close(): void;
}

/** A connection that somebody made to us, and of which nothing was read yet. */
export interface IncomingConnection {
  /** IP address of the other side. */
  readonly address: string;
  /**
   * Does what comes before the first byte of data, such as a TLS handshake; called once. Rejects
   * with a message that says in a few words why it cannot, and once the connection is closed.
   */
  open(): Promise<Connection>;
  /** Closes it, opened or not. May be called again. */
  close(): void;
}
