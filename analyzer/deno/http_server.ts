import { formatHostPort, type HostPort } from "../../command_line/options.ts";
import { cannotListen } from "./tcp.ts";

/** What answers a request; never rejects. `sent` resolves once the answer is on its way, or lost. */
export type RequestHandler = (
  request: Request,
  sent: Promise<void>,
) => Response | Promise<Response>;

/** A server that listens. */
export interface RunningServer {
  /** Where it listens, such as `http://127.0.0.1:8000`. */
  readonly url: string;
  /**
   * Whether a request is being answered, or was just now: the answer may still be on its way. One
   * that has a body does not count: its sender may take minutes over it. Who reads the body knows
   * when an answer is due.
   */
  isAnswering(): boolean;
  /**
   * Stops, whoever is still connected, once the latest answers had a moment to be sent.
   *
   * @param options.hasEnding whether there are answers that have only just come to their end
   */
  stop(options?: { readonly hasEnding?: boolean }): Promise<void>;
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
  let openBodies = 0;
  let answeredAtMs = -Infinity;
  const countedHandler = async (request: Request, { completed }: Deno.ServeHandlerInfo) => {
    const bodies = request.body === null ? 0 : 1;
    openBodies += bodies;
    openRequests += 1 - bodies;
    try {
      // It rejects where the client has gone away.
      return await handler(request, completed.catch(() => {}));
    } finally {
      openBodies -= bodies;
      openRequests -= 1 - bodies;
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
    async stop({ hasEnding = false } = {}) {
      // Who has delivered something is told what became of it.
      if (hasEnding || openBodies > 0 || performance.now() - answeredAtMs < SENDING_MS) {
        await new Promise((resolve) => setTimeout(resolve, SENDING_MS));
      }
      stopping.abort();
      await server.finished;
    },
  };
}

/** How long an answer may be on its way to the client, or the client's next request to us. */
const SENDING_MS = 20;
