import assert from "node:assert/strict";
import {
  connectingConfig,
  exposureWarning,
  listeningConfig,
  socketOptions,
} from "../../analyzer/socket_options.ts";
import { formatIpNetwork } from "../../analyzer/source/ip_network.ts";
import { parseOptions } from "../../command_line/deno/parse_options.ts";
import { UsageException } from "../../command_line/options.ts";

const KINDS = ["tcp-listen", "tls"];
const TLS = ["--tls-cert", "a.pem", "--tls-key", "a.key"];

function configsOf(args: readonly string[], kinds: readonly string[] = KINDS) {
  const values = parseOptions(socketOptions, args);
  return { ...listeningConfig(values, kinds), connecting: connectingConfig(values, kinds) };
}

function refusal(args: readonly string[], kinds?: readonly string[]): string {
  try {
    configsOf(args, kinds);
  } catch (exception) {
    assert.ok(exception instanceof UsageException);
    return exception.message;
  }
  assert.fail(`${args.join(" ")} is not refused`);
}

Deno.test("listeningConfig() lets in everybody who is not told apart", () => {
  assert.deepEqual(configsOf([], ["file"]), {
    allow: undefined,
    tls: undefined,
    clientAuthorities: undefined,
    connecting: { authorities: undefined, tls: undefined },
  });
});

// S-73, S-77
Deno.test("listeningConfig() and connectingConfig() take every option", () => {
  const { allow, ...rest } = configsOf([
    ...["--allow", "10.0.0.0/8", "--allow", "::1", ...TLS, "--tls-client-ca", "b.pem"],
    ...["--tls-ca", "c.pem", "--tls-client-cert", "d.pem", "--tls-client-key", "d.key"],
  ]);
  assert.deepEqual(allow?.map(formatIpNetwork), ["10.0.0.0/8", "::1/128"]);
  assert.deepEqual(rest, {
    tls: { certificate: "a.pem", key: "a.key" },
    clientAuthorities: "b.pem",
    connecting: { authorities: "c.pem", tls: { certificate: "d.pem", key: "d.key" } },
  });
});

Deno.test("listeningConfig() refuses options that would have no effect", () => {
  const listens = "needs a source that listens: add --source tcp-listen://HOST:PORT";
  assert.equal(refusal(["--allow", "::1"], ["tcp", "tls"]), `--allow ${listens}`);
  assert.equal(refusal(TLS, ["tcp"]), `--tls-cert ${listens}`);
  assert.equal(refusal(["--tls-key", "a"], ["tcp"]), `--tls-key ${listens}`);
  assert.equal(refusal(["--tls-client-ca", "a"], ["tcp"]), `--tls-client-ca ${listens}`);
  const needsKey = "--tls-cert needs --tls-key: add --tls-key FILE";
  assert.equal(refusal(["--tls-cert", "a"]), needsKey);
  assert.equal(
    refusal(["--tls-key", "a"]),
    "--tls-key needs --tls-cert: add --tls-cert FILE",
  );
  assert.equal(
    refusal(["--tls-client-ca", "a"]),
    "--tls-client-ca needs TLS: add --tls-cert FILE and --tls-key FILE",
  );
});

Deno.test("connectingConfig() refuses options that would have no effect", () => {
  const connects = "needs a source that connects over TLS: add --source tls://HOST:PORT";
  assert.equal(refusal(["--tls-ca", "a"], ["tcp", "tcp-listen"]), `--tls-ca ${connects}`);
  assert.equal(refusal(["--tls-client-cert", "a"], ["tcp"]), `--tls-client-cert ${connects}`);
  assert.equal(refusal(["--tls-client-key", "a"], ["tcp"]), `--tls-client-key ${connects}`);
  assert.equal(
    refusal(["--tls-client-cert", "a"]),
    "--tls-client-cert needs --tls-client-key: add --tls-client-key FILE",
  );
});

Deno.test("listeningConfig() says in one line what is wrong with a network", () => {
  assert.equal(
    refusal(["--allow", "10.1.2.3/8"]),
    '--allow 10.1.2.3/8: "10.1.2.3/8" has bits set behind its prefix: write 10.0.0.0/8 for the ' +
      "whole network, or 10.1.2.3 for the one address",
  );
  assert.equal(
    refusal(["--allow", "example.org"]),
    '--allow example.org: "example.org" is not an address or a network: write 192.0.2.7, ' +
      "10.0.0.0/8 or 2001:db8::/32",
  );
});

Deno.test("exposureWarning() warns of sockets that strangers reach", () => {
  const warning = (hostname: string, ...args: string[]) =>
    exposureWarning({ name: "tcp-listen://x", address: { hostname, port: 9999 } }, configsOf(args));
  assert.equal(
    warning("0.0.0.0"),
    "tcp-listen://x: anyone who reaches 0.0.0.0:9999 can send lines: add --allow, or bind to " +
      "127.0.0.1",
  );
  assert.match(warning("::")!, /anyone who reaches \[::\]:9999 can/);
  assert.notEqual(warning("logs.example"), undefined);
  // TLS alone keeps nobody out.
  assert.notEqual(warning("0.0.0.0", ...TLS), undefined);
  for (const hostname of ["127.0.0.1", "localhost", "::1"]) {
    assert.equal(warning(hostname), undefined, hostname);
  }
  assert.equal(warning("0.0.0.0", "--allow", "10.0.0.0/8"), undefined);
  assert.equal(warning("0.0.0.0", ...TLS, "--tls-client-ca", "b.pem"), undefined);
});
