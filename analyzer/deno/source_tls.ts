import type { HostPort } from "../../command_line/options.ts";
import type { ConnectingConfig, ListeningConfig, TlsFiles } from "../socket_options.ts";
import type { Upgrade } from "./tcp.ts";
import { type HandshakeTime, tlsClient, type TlsIdentity, tlsServer } from "./tls.ts";
import { readCertificates, readTlsIdentity } from "./tls_files.ts";

/*
 * TLS of sources as their options say it. Imported by those alone who want it: Deno's TLS for Node
 * takes 9 MB of memory, and some time.
 */

/**
 * TLS of a source that connects to `address`.
 *
 * @throws {StartException} where a file is not what its option wants
 */
export function clientUpgrade(
  address: HostPort,
  { authorities, tls }: ConnectingConfig,
  time: HandshakeTime,
): Upgrade {
  return tlsClient({
    ...time,
    hostname: address.hostname,
    authorities: readAuthorities("--tls-ca", authorities),
    identity: tls && readIdentity("--tls-client-cert", "--tls-client-key", tls),
  });
}

/**
 * TLS of sources that listen.
 *
 * @throws {StartException} where a file is not what its option wants
 */
export function serverUpgrade(
  tls: TlsFiles,
  { clientAuthorities }: ListeningConfig,
  time: HandshakeTime,
): Upgrade {
  return tlsServer({
    ...time,
    identity: readIdentity("--tls-cert", "--tls-key", tls),
    clientAuthorities: readAuthorities("--tls-client-ca", clientAuthorities),
  });
}

function readIdentity(certificateOption: string, keyOption: string, files: TlsFiles): TlsIdentity {
  return readTlsIdentity(
    { option: certificateOption, path: files.certificate },
    { option: keyOption, path: files.key },
  );
}

function readAuthorities(option: string, path: string | undefined): readonly string[] | undefined {
  return path === undefined ? undefined : readCertificates({ option, path });
}
