import { createPrivateKey, X509Certificate } from "node:crypto";
import { escapeText } from "../../command_line/escape_text.ts";
import { messageOf, StartException } from "../exceptions.ts";
import type { TlsIdentity } from "./tls.ts";

/** A file that an option names. */
export interface NamedFile {
  /** The option, such as `--tls-cert`. */
  readonly option: string;
  readonly path: string;
}

/**
 * Reads a certificate and its key, both in PEM, and makes sure that they belong together: node:tls
 * would only find out with the first handshake.
 *
 * @throws {StartException} with one line that says which file is wrong
 */
export function readTlsIdentity(certificate: NamedFile, key: NamedFile): TlsIdentity {
  const chain = readCertificates(certificate);
  const keyText = read(key);
  if (!/-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----/.test(keyText)) {
    throw wrong(key, "holds no private key in PEM");
  }
  if (/-----BEGIN ENCRYPTED|^Proc-Type: .*ENCRYPTED/m.test(keyText)) {
    throw wrong(key, "is encrypted: vigie can ask nobody for its passphrase");
  }
  let belongs: boolean;
  try {
    belongs = new X509Certificate(chain[0]!).checkPrivateKey(createPrivateKey(keyText));
  } catch (exception) {
    throw wrong(key, `cannot be read as a private key: ${messageOf(exception)}`);
  }
  if (!belongs) throw wrong(key, `does not belong to ${certificate.option} ${shown(certificate)}`);
  return { certificate: chain.join("\n"), key: keyText };
}

/**
 * Reads all certificates of a file in PEM, one by one.
 *
 * @throws {StartException} where there is none, or one of them cannot be read
 */
export function readCertificates(file: NamedFile): readonly string[] {
  const blocks = read(file).match(
    /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g,
  );
  if (blocks === null) throw wrong(file, "holds no certificate in PEM");
  for (const [i, block] of blocks.entries()) {
    try {
      new X509Certificate(block);
    } catch (exception) {
      throw wrong(file, `has a certificate that cannot be read (number ${i + 1})`, exception);
    }
  }
  return blocks;
}

function read(file: NamedFile): string {
  try {
    return Deno.readTextFileSync(file.path);
  } catch (exception) {
    // Only another start can bring a permission, and whoever started this one is told which.
    if (exception instanceof Deno.errors.NotCapable) throw exception;
    const why = exception instanceof Deno.errors.NotFound
      ? "there is no such file"
      : messageOf(exception);
    throw wrong(file, `cannot be read: ${escapeText(why, { lengthMax: 200 })}`, exception);
  }
}

function wrong(file: NamedFile, what: string, cause?: unknown): StartException {
  return new StartException(`${file.option} ${shown(file)} ${what}`, { exitStatus: 2, cause });
}

function shown({ path }: NamedFile): string {
  return escapeText(path, { lengthMax: 200 });
}
