import {
  formatHostPort,
  type HostPort,
  option,
  optionName,
  type OptionValues,
  parseText,
  repeated,
  UsageException,
} from "../command_line/options.ts";
import { type IpNetwork, isLoopback, parseIpNetwork } from "./source/ip_network.ts";

/** Whom sources that listen let in. */
export interface ListeningConfig {
  /** `undefined` for everybody who reaches the socket. */
  readonly allow: readonly IpNetwork[] | undefined;
  /** The files of certificate and key; `undefined` for no TLS. */
  readonly tls: TlsFiles | undefined;
  /** File of the certificates that have to have signed those of clients; `undefined` for no matter. */
  readonly clientAuthorities: string | undefined;
}

/** Whom sources that connect over TLS believe, and who they are. */
export interface ConnectingConfig {
  /** File of the certificates that have to have signed those of servers; `undefined` for Mozilla's. */
  readonly authorities: string | undefined;
  /** The files of certificate and key that are shown to servers; `undefined` for none. */
  readonly tls: TlsFiles | undefined;
}

/** Paths of a certificate and its key. */
export interface TlsFiles {
  readonly certificate: string;
  readonly key: string;
}

/** The options of the command `analyze` that are about whom its sockets trust. */
export const socketOptions = {
  allow: repeated({
    value: "CIDR",
    parse: parseIpNetwork,
    default: [],
    defaultText: "everybody who reaches it",
    help: "Who may connect to tcp-listen://: an address or a network such as 10.0.0.0/8",
  }),
  tlsCert: tlsFile("Certificate, in PEM, with which tcp-listen:// speaks TLS"),
  tlsKey: tlsFile("Key of --tls-cert, in PEM"),
  tlsClientCa: tlsFile(
    "With --tls-cert: senders have to show a certificate that one of these has signed",
  ),
  tlsCa: tlsFile("Servers of tls:// need a certificate that one of these has signed", "Mozilla's"),
  tlsClientCert: tlsFile("Certificate that tls:// shows to a server that asks for one"),
  tlsClientKey: tlsFile("Key of --tls-client-cert, in PEM"),
};

/**
 * What to say of a listening source that anybody on the network may write to; `undefined` where only this
 * machine can, or only who is allowed or shows a certificate.
 */
export function exposureWarning(
  { name, address }: { readonly name: string; readonly address: HostPort },
  { allow, clientAuthorities }: ListeningConfig,
): string | undefined {
  if (isLoopback(address.hostname)) return undefined;
  if (allow !== undefined || clientAuthorities !== undefined) return undefined;
  return `${name}: anyone who reaches ${formatHostPort(address)} can send lines: ` +
    "add --allow, or bind to 127.0.0.1";
}

type SocketValues = OptionValues<typeof socketOptions>;

/**
 * What the options say of sources that listen.
 *
 * @param kinds of all sources
 * @throws {UsageException} where there is none, or another option is missing
 */
export function listeningConfig(values: SocketValues, kinds: readonly string[]): ListeningConfig {
  const { allow, tlsCert, tlsKey, tlsClientCa } = values;
  const given = firstGiven(values, ["allow", "tlsCert", "tlsKey", "tlsClientCa"]);
  if (given !== undefined && !kinds.includes("tcp-listen")) {
    throw new UsageException(
      `${given} needs a source that listens: add --source tcp-listen://HOST:PORT`,
    );
  }
  const tls = tlsFiles("--tls-cert", tlsCert, "--tls-key", tlsKey);
  if (tlsClientCa !== undefined && tls === undefined) {
    throw new UsageException("--tls-client-ca needs TLS: add --tls-cert FILE and --tls-key FILE");
  }
  return { allow: allow.length === 0 ? undefined : allow, tls, clientAuthorities: tlsClientCa };
}

/**
 * What the options say of sources that connect over TLS.
 *
 * @param kinds of all sources
 * @throws {UsageException} where there is none, or another option is missing
 */
export function connectingConfig(values: SocketValues, kinds: readonly string[]): ConnectingConfig {
  const { tlsCa, tlsClientCert, tlsClientKey } = values;
  const given = firstGiven(values, ["tlsCa", "tlsClientCert", "tlsClientKey"]);
  if (given !== undefined && !kinds.includes("tls")) {
    throw new UsageException(
      `${given} needs a source that connects over TLS: add --source tls://HOST:PORT`,
    );
  }
  return {
    authorities: tlsCa,
    tls: tlsFiles("--tls-client-cert", tlsClientCert, "--tls-client-key", tlsClientKey),
  };
}

/** The first of these options that is given, as it is typed. */
function firstGiven(
  values: SocketValues,
  names: readonly (keyof SocketValues)[],
): string | undefined {
  const given = names.find((name) => {
    const value = values[name];
    return Array.isArray(value) ? value.length > 0 : value !== undefined;
  });
  return given === undefined ? undefined : optionName(given);
}

function tlsFiles(
  certificateOption: string,
  certificate: string | undefined,
  keyOption: string,
  key: string | undefined,
): TlsFiles | undefined {
  if (certificate !== undefined && key !== undefined) return { certificate, key };
  if (certificate === undefined && key === undefined) return undefined;
  const [there, missing] = key === undefined
    ? [certificateOption, keyOption]
    : [keyOption, certificateOption];
  throw new UsageException(`${there} needs ${missing}: add ${missing} FILE`);
}

function tlsFile(help: string, defaultText?: string) {
  return option({
    value: "FILE",
    parse: (text): string | undefined => parseText(text),
    default: undefined,
    ...defaultText !== undefined && { defaultText },
    help,
  });
}
