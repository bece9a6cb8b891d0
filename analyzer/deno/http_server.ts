import { formatHostPort, type HostPort } from "../../command_line/options.ts";
import { cannotListen } from "./tcp.ts";

/** What answers a request; never rejects. */
export type RequestHandler = (request: Request) => Response | Promise<Response>;

/** A server that listens. */
export interface RunningServer {
  /** Where it listens, such as `http://127.0.0.1:8000`. */
  readonly url: string;
  /** Whether a request is being answered, or was just now: the answer may still be on its way. */
  isAnswering(): boolean;
  /** Stops at once, whoever is still connected. */
  stop(): Promise<void>;
}

/**
 * Serves HTTP.
 *
 * @param onException learns of what went wrong in an answer after its beginning was sent
 * @throws {StartException} where the port is in use
 */
export function startServer(
  address: HostPort,
  handler: RequestHandler,
  onException: (exception: unknown) => void,
): RunningServer {
  const stopping = new AbortController();
  let openRequests = 0;
  let answeredAtMs = -Infinity;
  const countedHandler = async (request: Request) => {
    openRequests++;
    try {
      return await handler(request);
    } finally {
      openRequests--;
      answeredAtMs = performance.now();
    }
  };
  let server: Deno.HttpServer<Deno.NetAddr>;
  try {
    server = Deno.serve({
      ...address,
      handler: countedHandler,
      signal: stopping.signal,
      // Who wants to know where it listens is told by the caller.
      onListen: () => {},
      onError: (exception) => {
        onException(exception);
        return new Response(null, { status: 500 });
      },
    });
  } catch (exception) {
    throw cannotListen(address, exception);
  }
  return {
    url: `http://${formatHostPort({ ...address, port: server.addr.port })}`,
    isAnswering: () => openRequests > 0 || performance.now() - answeredAtMs < SENDING_MS,
    async stop() {
      stopping.abort();
      await server.finished;
    },
  };
}

/** How long an answer may be on its way to the client, or the client's next request to us. */
const SENDING_MS = 20;
