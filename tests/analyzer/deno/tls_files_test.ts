import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { fileURLToPath } from "node:url";
import { readCertificates, readTlsIdentity } from "../../../analyzer/deno/tls_files.ts";
import { StartException } from "../../../analyzer/exceptions.ts";
import { TLS_FOLDER, tlsText } from "../../support/tls_files.ts";

const path = (name: string) => fileURLToPath(new URL(name, TLS_FOLDER));

function identity(certificate: string, key: string) {
  return readTlsIdentity(
    { option: "--tls-cert", path: certificate },
    { option: "--tls-key", path: key },
  );
}

function refusal(read: () => unknown): string {
  try {
    read();
  } catch (exception) {
    assert.ok(exception instanceof StartException, String(exception));
    assert.equal(exception.exitStatus, 2);
    assert.ok(!exception.message.includes("\n"), exception.message);
    return exception.message;
  }
  assert.fail("nothing is wrong with it");
}

/** A file for one test. */
function temporary(text: string | Uint8Array): Disposable & { readonly path: string } {
  const path = Deno.makeTempFileSync();
  Deno.writeFileSync(path, typeof text === "string" ? new TextEncoder().encode(text) : text);
  return { path, [Symbol.dispose]: () => Deno.removeSync(path) };
}

Deno.test("readTlsIdentity() reads a certificate and the key that belongs to it", () => {
  const { certificate, key } = identity(path("server.pem"), path("server.key"));
  assert.equal(certificate, tlsText("server.pem").trim());
  assert.equal(key, tlsText("server.key"));
});

Deno.test("readTlsIdentity() reads a chain of certificates, with text around them", () => {
  using chain = temporary(
    `Server\r\n${tlsText("server.pem")}\nAuthority\n${tlsText("authority.pem")}`,
  );
  const { certificate } = identity(chain.path, path("server.key"));
  assert.equal(certificate.match(/BEGIN CERTIFICATE/g)?.length, 2);
  assert.ok(!/Server|Authority/.test(certificate));
});

Deno.test("readTlsIdentity() says which file is wrong, and how", () => {
  const [server, key] = [path("server.pem"), path("server.key")];
  const client = path("client.key");
  using nothing = temporary("");
  using binary = temporary(new Uint8Array([0x30, 0x82, 0xff, 0xfe, 0x00]));
  using broken = temporary(
    "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
  );
  using scrambled = temporary(tlsText("server.pem").replace("MII", "AAA"));
  assert.equal(
    refusal(() => identity("/not/there.pem", key)),
    "--tls-cert /not/there.pem cannot be read: there is no such file",
  );
  assert.match(refusal(() => identity(path("."), key)), /^--tls-cert .* cannot be read: /);
  assert.equal(
    refusal(() => identity(server, "/not/there.key")),
    "--tls-key /not/there.key cannot be read: there is no such file",
  );
  for (const file of [nothing.path, binary.path, key]) {
    assert.equal(
      refusal(() => identity(file, key)),
      `--tls-cert ${file} holds no certificate in PEM`,
    );
  }
  assert.equal(
    refusal(() => identity(scrambled.path, key)),
    `--tls-cert ${scrambled.path} has a certificate that cannot be read (number 1)`,
  );
  for (const file of [nothing.path, binary.path, server]) {
    assert.equal(
      refusal(() => identity(server, file)),
      `--tls-key ${file} holds no private key in PEM`,
    );
  }
  assert.match(refusal(() => identity(server, broken.path)), /cannot be read as a private key/);
  assert.equal(
    refusal(() => identity(server, client)),
    `--tls-key ${client} does not belong to --tls-cert ${server}`,
  );
});

Deno.test("readTlsIdentity() says of an encrypted key that it is one", () => {
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const pkcs8 =
    "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIIF\n-----END ENCRYPTED PRIVATE KEY-----\n";
  const old = privateKey.export({ type: "pkcs1", format: "pem" }).toString().replace(
    "KEY-----\n",
    "KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00\n\n",
  );
  for (const text of [pkcs8, old]) {
    using key = temporary(text);
    assert.match(
      refusal(() => identity(path("server.pem"), key.path)),
      /is encrypted: vigie can ask nobody for its passphrase$/,
    );
  }
});

Deno.test("readTlsIdentity() reads keys of every usual form", () => {
  for (const name of ["server", "client", "expired"]) {
    identity(path(`${name}.pem`), path(`${name}.key`));
  }
});

Deno.test("readCertificates() reads all of a file, one by one", () => {
  using both = temporary(tlsText("authority.pem") + tlsText("stranger.pem"));
  assert.deepEqual(readCertificates({ option: "--tls-ca", path: both.path }), [
    tlsText("authority.pem").trim(),
    tlsText("stranger.pem").trim(),
  ]);
  using half = temporary(tlsText("authority.pem") + tlsText("stranger.pem").replace("MII", "AAA"));
  assert.equal(
    refusal(() => readCertificates({ option: "--tls-ca", path: half.path })),
    `--tls-ca ${half.path} has a certificate that cannot be read (number 2)`,
  );
  using control = temporary("");
  const odd = `${control.path}\x1b[2J`;
  assert.ok(!refusal(() => readCertificates({ option: "--tls-ca", path: odd })).includes("\x1b"));
});
