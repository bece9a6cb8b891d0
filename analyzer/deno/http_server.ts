import { formatHostPort, type HostPort } from "../../command_line/options.ts";
import { cannotListen } from "./tcp.ts";

/** What answers a request; never rejects. */
export type RequestHandler = (request: Request) => Response | Promise<Response>;

/** A server that listens. */
export interface RunningServer {
  /** Where it listens, such as `http://127.0.0.1:8000`. */
  readonly url: string;
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
  let server: Deno.HttpServer<Deno.NetAddr>;
  try {
    server = Deno.serve({
      ...address,
      handler,
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
    async stop() {
      stopping.abort();
      await server.finished;
    },
  };
}
