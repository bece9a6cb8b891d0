import type { TlsIdentity } from "../../analyzer/deno/tls.ts";

/** Where the certificates for tests lie. */
export const TLS_FOLDER = new URL("tls/", import.meta.url);

/** The text of one of them. */
export function tlsText(name: string): string {
  return Deno.readTextFileSync(new URL(name, TLS_FOLDER));
}

/** A certificate and its key. */
export function tlsIdentity(name: string): TlsIdentity {
  return { certificate: tlsText(`${name}.pem`), key: tlsText(`${name}.key`) };
}

/** What `Deno.connectTls()` is given to believe the servers of the tests, and perhaps to be known. */
export function connectOptions(client?: string) {
  const identity = client === undefined ? undefined : tlsIdentity(client);
  return {
    caCerts: [tlsText("authority.pem")],
    ...identity && { cert: identity.certificate, key: identity.key },
  };
}
