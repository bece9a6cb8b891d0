import { Buffer } from "node:buffer";
import { Duplex } from "node:stream";
import { connect, createServer, type TLSSocket } from "node:tls";
import { formatDuration } from "../../command_line/options.ts";
import type { Clock } from "../clock.ts";
import { messageOf } from "../exceptions.ts";
import type { LimitCounter, Limits } from "../limits.ts";
import { parseIpAddress } from "../source/ip_network.ts";
import { nextBufferBytes } from "../source/read_batches.ts";
import type { Connection } from "../source/tcp_source.ts";
import { closeQuietly, type Upgrade } from "./tcp.ts";

/** A certificate, or a chain of them, and the key that belongs to it; both in PEM. */
export interface TlsIdentity {
  readonly certificate: string;
  readonly key: string;
}

/** How long a handshake may take, and who counts one that took longer. */
export interface HandshakeTime {
  readonly clock: Clock;
  readonly limits: Pick<Limits, "tlsHandshakeTime">;
  readonly limitCounter: LimitCounter;
}

/** How a listening socket speaks TLS. */
export interface TlsServerOptions extends HandshakeTime {
  readonly identity: TlsIdentity;
  /** Certificates in PEM, one of which has to have signed that of a client; else none is asked for. */
  readonly clientAuthorities?: readonly string[] | undefined;
}

/** How a connecting source speaks TLS. */
export interface TlsClientOptions extends HandshakeTime {
  /** The name or address that the certificate of the server has to be valid for. */
  readonly hostname: string;
  /** Certificates in PEM, one of which has to have signed that of the server; default: Mozilla's. */
  readonly authorities?: readonly string[] | undefined;
  /** Shown where the server asks for it. */
  readonly identity?: TlsIdentity | undefined;
}

/*
 * Both sides go through node:tls, over a connection of ours. `Deno.listenTls` is twice as fast, but
 * cannot ask for client certificates; and a connection whose handshake is not done stays open after
 * it was closed, for as long as the other side likes, with `Deno.connectTls` as well.
 */

/** Speaks TLS to who has connected: 1.2 or later, since there is nothing older in Deno. */
export function tlsServer(options: TlsServerOptions): Upgrade {
  const { identity, clientAuthorities } = options;
  const serverOptions = {
    cert: identity.certificate,
    key: identity.key,
    ...clientAuthorities &&
      { ca: [...clientAuthorities], requestCert: true, rejectUnauthorized: true },
  };
  return (connection) =>
    handshake(connection, options, (carrier, { done, failed }) => {
      // A server a connection: nothing else tells which of them its events are about.
      const server = createServer(serverOptions);
      server.on("secureConnection", (socket: TLSSocket) => {
        if (clientAuthorities === undefined || socket.authorized) done(socket);
        else failed(UNVERIFIED);
      });
      server.on("tlsClientError", (exception, socket) => {
        socket.on("error", ignore);
        // It has one of these only where a certificate was shown, and refused.
        const isRefused = Boolean(socket.authorizationError);
        failed(isRefused ? UNVERIFIED : whyNot(exception));
      });
      server.emit("connection", carrier);
    });
}

/** Speaks TLS to a server, whose certificate is verified, its name included. */
export function tlsClient(options: TlsClientOptions): Upgrade {
  const { hostname, authorities, identity } = options;
  const isAddress = parseIpAddress(hostname) !== undefined;
  const clientOptions = {
    host: hostname,
    ...!isAddress && { servername: hostname },
    ...authorities && { ca: [...authorities] },
    ...identity && { cert: identity.certificate, key: identity.key },
    rejectUnauthorized: true,
  };
  return (connection) =>
    handshake(connection, options, (carrier, { done, failed }) => {
      const socket = connect({ ...clientOptions, socket: carrier }, () => {
        if (socket.authorized) done(socket);
        else failed(UNVERIFIED);
      });
      socket.on("error", (exception) => failed(whyNot(exception, hostname)));
      socket.on("close", () => failed(CLOSED_EARLY));
    });
}

interface HandshakeEnd {
  readonly done: (socket: TLSSocket) => void;
  readonly failed: (why: string) => void;
}

async function handshake(
  connection: Deno.TcpConn,
  { clock, limits, limitCounter }: HandshakeTime,
  begin: (carrier: Carrier, end: HandshakeEnd) => void,
): Promise<Connection> {
  const { promise, resolve, reject } = Promise.withResolvers<TLSSocket>();
  const failed = (why: string) => reject(new Error(why));
  const cancels: (() => void)[] = [];
  let isOver = false;
  const carrier = new Carrier(connection, () => {
    if (isOver) return;
    // node:tls would wait on. What came before the end may still complete the handshake.
    cancels.push(clock.schedule(() => failed(CLOSED_EARLY), END_GRACE_MS));
  });
  carrier.on("error", (exception) => failed(whyNot(exception)));
  cancels.push(clock.schedule(() => {
    limitCounter.reach("tlsHandshakeTime");
    failed(`it was not done within ${formatDuration(limits.tlsHandshakeTime)}`);
  }, limits.tlsHandshakeTime));
  const done = (socket: TLSSocket) => {
    carrier.isHeldUp = true;
    socket.on("error", ignore);
    resolve(socket);
  };
  try {
    begin(carrier, { done, failed });
    const socket = await promise;
    return {
      readable: plaintextOf(socket, carrier),
      close() {
        socket.destroy();
        carrier.destroy();
      },
    };
  } catch (exception) {
    carrier.destroy();
    throw exception;
  } finally {
    isOver = true;
    for (const cancel of cancels) cancel();
  }
}

/** What is in the encrypted bytes, as a byte stream that pulls. */
function plaintextOf(socket: TLSSocket, carrier: Carrier): ReadableStream<Uint8Array> {
  let failure: Error | undefined;
  let isEnded = socket.readableEnded;
  let wake = () => {};
  const fail = (exception: Error) => {
    failure ??= exception;
    wake();
  };
  socket.on("readable", () => wake());
  socket.on("end", () => {
    isEnded = true;
    wake();
  });
  socket.on("error", fail);
  socket.on("close", () => wake());
  carrier.on("error", fail);
  carrier.on("close", () => wake());

  /** The next bytes, so many at most; `undefined` at the end. */
  const next = async (bytesMax: number): Promise<Uint8Array | undefined> => {
    for (;;) {
      const bytes = socket.readableLength > 0
        ? socket.read(Math.min(bytesMax, socket.readableLength)) as Buffer | null
        : socket.read() as Buffer | null;
      if (bytes !== null) return bytes;
      const broken = carrier.failure ?? failure;
      if (broken !== undefined && (isEnded || failure !== undefined)) throw broken;
      if (isEnded) return undefined;
      // Asked and not only told: it may have been closed before anybody listened.
      if (socket.destroyed || carrier.destroyed) throw new Error("connection closed");
      await new Promise<void>((resolve) => {
        wake = resolve;
        carrier.isHeldUp = false;
      });
      carrier.isHeldUp = true;
    }
  };
  let isCancelled = false;
  return new ReadableStream({
    type: "bytes",
    async pull(controller) {
      const view = controller.byobRequest?.view;
      const bytes = await next(view?.byteLength ?? CARRIER_BUFFER.bytesMax);
      if (isCancelled) return;
      if (bytes === undefined) {
        controller.close();
        controller.byobRequest?.respond(0);
      } else if (view) {
        new Uint8Array(view.buffer, view.byteOffset).set(bytes);
        controller.byobRequest!.respond(bytes.length);
      } else {
        controller.enqueue(new Uint8Array(bytes));
      }
    },
    cancel() {
      isCancelled = true;
      socket.destroy();
      carrier.destroy();
    },
  }) as ReadableStream<Uint8Array>;
}

/**
 * Carries the encrypted bytes of a connection for node:tls. That would read on without end what
 * nobody takes (a gigabyte, when it was tried), so after the handshake the socket is only read
 * while somebody waits for what is in it: else backpressure would end here.
 */
class Carrier extends Duplex {
  readonly #connection: Deno.TcpConn;
  readonly #onEnd: () => void;
  #buffer = new Uint8Array(CARRIER_BUFFER.bytesMin);
  /** How the connection broke, if it did; what came before that is delivered first. */
  failure: Error | undefined;
  #isWanted = false;
  #isReading = false;
  #isHeldUp = false;

  constructor(connection: Deno.TcpConn, onEnd: () => void) {
    super({ readableHighWaterMark: CARRIER_BUFFER.bytesMax });
    this.#connection = connection;
    this.#onEnd = onEnd;
  }

  /** Whether nothing is read, though it is asked for. */
  set isHeldUp(isHeldUp: boolean) {
    this.#isHeldUp = isHeldUp;
    void this.#feed();
  }

  override _read(): void {
    this.#isWanted = true;
    void this.#feed();
  }

  override _write(chunk: Uint8Array, _encoding: string, callback: (exception?: Error) => void) {
    // Nothing of ours is ever written. A connection that cannot be written to says so when it is
    // read, behind what it has sent.
    this.#writeAll(chunk).then(() => callback(), () => callback());
  }

  override _destroy(exception: Error | null, callback: (exception: Error | null) => void): void {
    closeQuietly(this.#connection);
    callback(exception);
  }

  async #feed(): Promise<void> {
    if (!this.#isWanted || this.#isReading || this.#isHeldUp || this.destroyed) return;
    this.#isWanted = false;
    this.#isReading = true;
    let bytes: number | null;
    try {
      bytes = await this.#connection.read(this.#buffer);
    } catch (exception) {
      // Who closes without reading what node:tls has written resets the connection, and has sent
      // all the same: destroying would throw away what is still on its way to be decrypted.
      if (!(exception instanceof Deno.errors.ConnectionReset)) {
        this.destroy(exception as Error);
        return;
      }
      this.failure = exception;
      bytes = null;
    }
    this.#isReading = false;
    if (this.destroyed) return;
    if (bytes === null) {
      this.push(null);
      this.#onEnd();
      return;
    }
    // node:tls may keep what it is given.
    const chunk = this.#buffer.slice(0, bytes);
    const nextBytes = nextBufferBytes(bytes, this.#buffer.length, CARRIER_BUFFER);
    if (nextBytes !== this.#buffer.length) this.#buffer = new Uint8Array(nextBytes);
    this.push(Buffer.from(chunk.buffer));
  }

  async #writeAll(chunk: Uint8Array): Promise<void> {
    for (let sent = 0; sent < chunk.length;) {
      sent += await this.#connection.write(chunk.subarray(sent));
    }
  }
}

/** A record of TLS has 16 KiB; larger reads cost less, and most connections are quiet. */
const CARRIER_BUFFER = { bytesMin: 4 * 1024, bytesMax: 64 * 1024, shrinks: true };

const END_GRACE_MS = 100;

const CLOSED_EARLY = "the connection was closed before it was done";
const UNVERIFIED = "its certificate is signed by no known authority, or not valid at this time";

function whyNot(exception: unknown, hostname = ""): string {
  const code = exception instanceof Error && "code" in exception ? exception.code : undefined;
  switch (code) {
    case "ERR_SSL_WRONG_VERSION_NUMBER":
      return "what it sends is no TLS";
    case "ERR_SSL_UNSUPPORTED_PROTOCOL":
      return "it speaks no TLS 1.2 or later";
    case "ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE":
      return "it has shown no certificate";
    case "CERT_HAS_EXPIRED":
      return "its certificate has expired";
    case "UNABLE_TO_VERIFY_LEAF_SIGNATURE":
      return UNVERIFIED;
    case "ERR_TLS_CERT_ALTNAME_INVALID":
      return `its certificate is not valid for ${hostname}`;
    case "ECONNRESET":
      return CLOSED_EARLY;
    default:
      return messageOf(exception);
  }
}

function ignore(): void {}
