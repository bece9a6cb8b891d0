import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { BodyHead } from "../../analyzer/delivery/body_head.ts";
import { padBytes } from "../../analyzer/padded_bytes.ts";
import { hashBytes } from "../../analyzer/sketch/hash.ts";
import {
  Analyzer,
  filesBelow,
  generated,
  LineServer,
  linesOf,
  run,
  send,
  TemporaryDirectory,
} from "./support.ts";

/** Lines with the address under other keys too, as proxies write it. */
const LINES = linesOf(await generated(["--count", "3000", "--seed", "3", "--ips", "300"]))
  .map((line) => {
    const record = JSON.parse(line);
    return JSON.stringify({ ...record, remote_addr: record.ip, x_forwarded_for: [record.ip] });
  });
const ADDRESSES = [...new Set(LINES.map((line) => JSON.parse(line).ip as string))];
const [OF_FILE, OF_SOCKET, OF_BODY, LOST] = [0, 1, 2, 3].map((i) =>
  LINES.filter((_, at) => at % 4 === i).map((line) => `${line}\n`).join("")
) as [string, string, string, string];
const WINDOW = ["--window", "1s", "--min-status", "200"];

// S-52
Deno.test("analyze --mask-ip leaves no address in any file, nor what would tell one", async () => {
  // Without it all of them are found: what looks for them can see.
  const plain = await traces([]);
  assert.deepEqual([...new Set(plain)].sort(), ["address", "beginning of a file", "hash", "key"]);
  assert.deepEqual(await traces(["--mask-ip"]), []);
});

/** What is found of addresses in all files of a run that has left everything there can be. */
async function traces(options: readonly string[]): Promise<string[]> {
  using directory = new TemporaryDirectory();
  await using server = new LineServer();
  const file = directory.write("a.jsonl", OF_FILE);
  const args = [
    ...["--source", `file:${file}`, "--source", server.source, ...WINDOW, ...options],
    ...["--checkpoint-interval", "1h", ...directory.options()],
  ];
  {
    await using analyzer = await Analyzer.start(args);
    const connection = await server.accept();
    await send(connection, OF_SOCKET);
    await analyzer.untilLines(linesOf(OF_FILE + OF_SOCKET).length);
    const response = await fetch(`${analyzer.url}/logs`, {
      method: "POST",
      headers: { "content-type": "application/x-ndjson", "idempotency-key": "k" },
      body: OF_BODY,
    });
    assert.equal(response.status, 200, await response.text());
    // Behind the last checkpoint: the next start sets it aside.
    await send(connection, LOST);
    await analyzer.untilLines(LINES.length);
    await analyzer.stop("SIGKILL");
  }
  await using analyzer = await Analyzer.start(args);
  const connection = await server.accept();
  await send(connection, LOST);
  await analyzer.untilLines(LINES.length);
  await analyzer.stop();

  const files = filesBelow(directory.join("run"));
  for (const name of ["/errors/date=", "/set_aside/", "/windows.db", "/checkpoint-"]) {
    assert.ok(files.some((path) => path.includes(name)), `${name} in ${files}`);
  }
  return files.flatMap((path) => tracesIn(Deno.readFileSync(path)));
}

function tracesIn(bytes: Uint8Array): string[] {
  const text = latin1(bytes);
  // What a checkpoint keeps of a counter.
  const encoded = [...text.matchAll(/"\$bytes":"([^"]*)"/g)]
    .map(([, base64]) => latin1(Uint8Array.fromBase64(base64!)));
  const all = [text, ...encoded].join("\n");
  const found: string[] = [];
  if (ADDRESSES.some((address) => all.includes(address))) found.push("address");
  if (ADDRESSES.some((address) => hashesOf(address).some((hash) => all.includes(hash)))) {
    found.push("hash");
  }
  const encoder = new TextEncoder();
  const fileHash = createHash("sha256").update(encoder.encode(OF_FILE).subarray(0, 1024));
  if (all.includes(fileHash.digest("hex"))) found.push("beginning of a file");
  const head = new BodyHead();
  head.add(encoder.encode(OF_BODY));
  if (head.hash(OF_BODY.length).some((word) => all.includes(String(word)))) found.push("key");
  return found;
}

/** The hash that distinct addresses are counted by elsewhere: its words in either order, each too. */
function hashesOf(address: string): string[] {
  const bytes = new TextEncoder().encode(address);
  const hash = new Uint32Array(2);
  hashBytes(padBytes(bytes), 0, bytes.length, hash);
  const littleEndian = [...hash].map((word) => new Uint8Array(Uint32Array.of(word).buffer));
  const bigEndian = littleEndian.map((word) => word.toReversed());
  return [littleEndian, bigEndian].flatMap(([high, low]) => [
    latin1(high!) + latin1(low!),
    latin1(low!) + latin1(high!),
  ]);
}

function latin1(bytes: Uint8Array): string {
  return new TextDecoder("latin1").decode(bytes);
}

// S-52
Deno.test("analyze --mask-ip counts what it counts without, across a restart too", async () => {
  const results: string[] = [];
  for (const options of [[], ["--mask-ip"]]) {
    using directory = new TemporaryDirectory();
    await using server = new LineServer();
    const args = [
      ...["--source", server.source, "--window", "2s", "--min-status", "200", ...options],
      ...["--idle-timeout", "1h", ...directory.options()],
    ];
    for (const part of [LINES.slice(0, 1000), LINES]) {
      await using analyzer = await Analyzer.start(args);
      const connection = await server.accept();
      // The second part begins with the addresses of the first, whose window is still open.
      await send(connection, part.map((line) => `${line}\n`).join(""));
      const { totals, open } = await analyzer.untilLines(part === LINES ? 4000 : 1000);
      if (part === LINES) {
        const windows = [...await analyzer.windows(), ...open];
        assert.ok(windows.every(({ unique_ips, total_count }) => unique_ips < total_count));
        results.push(JSON.stringify([totals, windows]));
      }
      await analyzer.stop();
      connection.close();
    }
    const ips = new Set(directory.errorLines().map((line) => JSON.parse(line).ip));
    assert.equal(ips.size, ADDRESSES.length, "one address is one masked address");
    if (options.length > 0) {
      for (const line of directory.errorLines()) {
        assert.match(
          line,
          /^\{"timestamp":"[^"]+","ip":"ip-[0-9a-f]{32}","method":"[A-Z]+","url":/,
        );
      }
    }
  }
  assert.equal(results[1], results[0]);
});

// S-53
Deno.test("analyze refuses state whose addresses are kept in another way", async () => {
  using directory = new TemporaryDirectory();
  const source = `file:${directory.write("a.jsonl", OF_FILE)}`;
  const args = ["--source", source, ...WINDOW, "--once", "--no-http", "--quiet"];
  const key = directory.join("run", "checkpoint", "errors", "ip_key");
  const runs = async (...more: string[]) => await run("analyze", [...args, ...more]);
  const refuses = async (why: RegExp, ...more: string[]) => {
    const { status, stderr } = await runs(...directory.options(), ...more);
    assert.equal(status, 2, stderr);
    assert.match(stderr, why);
    assert.equal(linesOf(stderr).length, 1);
  };
  assert.equal((await runs(...directory.options(), "--mask-ip")).status, 0);
  assert.equal(Deno.statSync(key).mode! & 0o777, 0o600);
  await refuses(/holds masked addresses, and needs --mask-ip: take another/);
  const text = Deno.readTextFileSync(key);
  Deno.removeSync(key);
  await refuses(/^vigie: The key \S+ip_key, which .* is gone: take another/, "--mask-ip");
  assert.throws(() => Deno.statSync(key), Deno.errors.NotFound);
  Deno.writeTextFileSync(key, text.replace(/./, (digit) => digit === "0" ? "1" : "0"));
  await refuses(/masked with another key than \S+ip_key: take another/, "--mask-ip");
  Deno.writeTextFileSync(key, text.slice(0, 20));
  await refuses(/it is not 64 hexadecimal digits; bring it back, or --reset/, "--mask-ip");
  Deno.writeTextFileSync(key, text);
  assert.equal((await runs(...directory.options(), "--mask-ip")).status, 0);

  const first = directory.errorLines();
  assert.equal((await runs(...directory.options(), "--mask-ip", "--reset")).status, 0);
  assert.notEqual(Deno.readTextFileSync(key), text, "what begins anew has another key");
  const second = directory.errorLines();
  assert.equal(second.length, first.length);
  assert.ok(second.every((line, i) => line !== first[i]));

  assert.equal((await runs(...directory.options("plain"))).status, 0);
  const { status, stderr } = await runs(...directory.options("plain"), "--mask-ip");
  assert.equal(status, 2);
  assert.match(stderr, /holds addresses as they came, not masked: take another/);
});
