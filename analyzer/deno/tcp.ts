import { formatHostPort, type HostPort } from "../../command_line/options.ts";
import { type Clock, sleep } from "../clock.ts";
import { messageOf, StartException } from "../exceptions.ts";
import type { IncomingConnection, Listener } from "../source/listener.ts";
import type { Connection } from "../source/tcp_source.ts";

/** Makes a connection of what was connected: encrypts it, for example. */
export type Upgrade = (connection: Deno.TcpConn) => Promise<Connection>;

/**
 * Opens a TCP connection.
 *
 * @throws {Error} with a few words that say why it cannot, or once the signal is aborted
 */
export async function connectTcp(
  address: HostPort,
  signal: AbortSignal,
  upgrade: Upgrade = asIs,
): Promise<Connection> {
  const attempt = Deno.connect(address);
  const aborted = Promise.withResolvers<never>();
  aborted.promise.catch(() => {});
  const abort = () => aborted.reject(new Error("stopped"));
  signal.addEventListener("abort", abort);
  let connection: Deno.TcpConn | undefined;
  try {
    connection = await Promise.race([attempt, aborted.promise]);
    keepAlive(connection);
    return await Promise.race([upgrade(connection), aborted.promise]);
  } catch (exception) {
    // An attempt that was given up may still succeed; nobody wants that connection any more, and
    // nobody wants to know why it failed either.
    attempt.then(closeQuietly, () => {});
    throw new Error(whyNot(exception), { cause: exception });
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

/**
 * Begins to accept TCP connections.
 *
 * @throws {StartException} where the port is in use or the address is none of this machine's
 */
export function listenTcp(address: HostPort, clock: Clock, upgrade: Upgrade = asIs): Listener {
  try {
    return acceptConnections(Deno.listen(address), clock, upgrade);
  } catch (exception) {
    throw cannotListen(address, exception);
  }
}

/** Accepts connections until it is closed, whatever happens to one of them. */
export function acceptConnections(
  listener: Pick<Deno.TcpListener, "accept" | "close">,
  clock: Clock,
  upgrade: Upgrade = asIs,
): Listener {
  const closing = new AbortController();
  async function* accept(): AsyncGenerator<IncomingConnection | Error, void, void> {
    while (!closing.signal.aborted) {
      try {
        const connection = await listener.accept();
        keepAlive(connection);
        yield {
          address: connection.remoteAddr.hostname,
          open: () => upgrade(connection),
          close: () => closeQuietly(connection),
        };
      } catch (exception) {
        if (closing.signal.aborted) return;
        // Such as too many open files: that may pass, and the connections that are there go on.
        yield new Error(whyNot(exception), { cause: exception });
        await sleep(clock, ACCEPT_RETRY_MS, closing.signal);
      }
    }
  }
  return {
    connections: accept(),
    close() {
      if (closing.signal.aborted) return;
      closing.abort();
      listener.close();
    },
  };
}

/** The one line that says why nothing can listen at an address. */
export function cannotListen(address: HostPort, exception: unknown): StartException {
  const why = exception instanceof Deno.errors.AddrInUse
    ? "the port is in use; stop what listens there, or take another port"
    : whyNot(exception);
  return new StartException(`Cannot listen on ${formatHostPort(address)}: ${why}`, {
    exitStatus: 1,
    cause: exception,
  });
}

/** Closes a connection that may be closed already. */
export function closeQuietly(connection: Deno.TcpConn): void {
  try {
    connection.close();
  } catch (exception) {
    // Reading a stream to its end, or cancelling it, has closed the connection already.
    if (!(exception instanceof Deno.errors.BadResource)) throw exception;
  }
}

const ACCEPT_RETRY_MS = 100;

function asIs(connection: Deno.TcpConn): Promise<Connection> {
  return Promise.resolve({
    readable: connection.readable,
    close: () => closeQuietly(connection),
  });
}

/** Nothing is ever sent: without probes, a machine that is gone would look like a quiet one. */
function keepAlive(connection: Deno.TcpConn): void {
  try {
    connection.setKeepAlive(true);
  } catch {
    // Some systems refuse it where the other side has gone already: reading tells so at once.
  }
}

function whyNot(exception: unknown): string {
  if (exception instanceof Deno.errors.ConnectionRefused) return "nothing is listening there";
  if (exception instanceof Deno.errors.TimedOut) return "no answer";
  if (exception instanceof Deno.errors.AddrNotAvailable) return "no address of this machine";
  return messageOf(exception);
}
