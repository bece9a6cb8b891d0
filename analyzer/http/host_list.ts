import { formatHostPort, type HostPort, quoted } from "../../command_line/options.ts";

/**
 * The names under which vigie may be asked. A page of another site can have its own name lead to
 * this machine after it was loaded (DNS rebinding); then the browser takes vigie for that site, and
 * lets the page read what it likes. It still says under which name it asks, so who is asked under
 * a name that is not its own does not answer.
 *
 * Ports do not count: who forwards one (`ssh -L 9000:localhost:8000`) asks for another than the one
 * that is listened on, and rebinding is about names.
 */
export class HostList {
  readonly #hosts: ReadonlySet<string>;
  /** Whether any address will do: nobody can have one lead elsewhere, as a name does. */
  readonly #takesAddresses: boolean;

  /** @param names further names, as {@linkcode parseHostName} gives them */
  constructor({ hostname }: Pick<HostPort, "hostname">, names: readonly string[]) {
    const bound = canonicalHost(formatHost(hostname));
    this.#hosts = new Set([...LOOPBACK, ...(bound === undefined ? [] : [bound]), ...names]);
    this.#takesAddresses = bound === "0.0.0.0" || bound === "[::]";
  }

  /** Whether a request may be answered, by its URL as text and its `Host` header, if it has one. */
  allows(url: string, header: string | null): boolean {
    // The address of a request may hold a host of its own, beside that of the header. Without
    // either, which no browser sends, Deno puts the address that it listens on into the URL.
    const authority = /^[a-z]+:\/\/([^/?#]*)/i.exec(url)?.[1] ?? "";
    return this.#allowsHost(authority) && (header === null || this.#allowsHost(header));
  }

  #allowsHost(text: string): boolean {
    const host = canonicalHost(text);
    if (host === undefined) return false;
    return this.#hosts.has(host) || this.#takesAddresses && isAddress(host);
  }
}

/**
 * A name for `--http-host`: how others reach this machine, or the reverse proxy before it.
 *
 * @throws {RangeError} if it is none
 */
export function parseHostName(text: string): string {
  const host = /:\d*$/.test(text) && !text.endsWith("]") ? undefined : canonicalHost(text);
  if (host === undefined) {
    throw new RangeError(
      `${quoted(text)} is not a host: write a name such as logs.example.com, without a port`,
    );
  }
  return host;
}

const LOOPBACK: readonly string[] = ["localhost", "127.0.0.1", "[::1]"];

/**
 * A host without its port, in the one spelling of its kind: in lower case, addresses in full, no
 * dot at the end. `undefined` for anything that is no host, such as one with a user before it.
 */
function canonicalHost(text: string): string | undefined {
  if (!/^(?:\[[\da-f:.]+\]|[\w-]+(?:\.[\w-]+)*\.?)(?::\d{1,5})?$/i.test(text)) return undefined;
  try {
    return new URL(`http://${text}`).hostname.replace(/\.$/, "");
  } catch {
    // A port or an address with numbers that are too large.
    return undefined;
  }
}

function isAddress(host: string): boolean {
  // Whatever ends in a number is an IPv4 address to a URL, or it is no URL.
  return host.startsWith("[") || /\.\d+$/.test(host);
}

function formatHost(hostname: string): string {
  return formatHostPort({ hostname, port: 0 }).replace(/:0$/, "");
}
