import assert from "node:assert/strict";
import {
  Analyzer,
  beforeDeadline,
  Program,
  run,
  taskArguments,
  TemporaryDirectory,
} from "./support.ts";

const TOKEN = "mF_9.B5f-4.1JqM+/~==";

/** What comes back for a request that is written as it is, as far as the end of a JSON body. */
async function exchange(url: string, request: string): Promise<string> {
  const { hostname, port } = new URL(url);
  using connection = await Deno.connect({ hostname, port: Number(port) });
  await connection.write(new TextEncoder().encode(request));
  const buffer = new Uint8Array(10_000);
  let answer = "";
  while (!answer.endsWith("}")) {
    const read = connection.read(buffer);
    const length = await beforeDeadline(read, () => `${JSON.stringify(request)}: ${answer}`);
    if (length === null) break;
    answer += new TextDecoder().decode(buffer.subarray(0, length));
  }
  return answer;
}

function statusOf(answer: string): number {
  return Number(/^HTTP\/1\.[01] (\d{3})/.exec(answer)?.[1]);
}

function request(line: string, ...headers: string[]): string {
  return [line, ...headers, "Connection: close", "", ""].join("\r\n");
}

/** Options of a run that nobody sends anything to, on a socket. */
function quiet(directory: TemporaryDirectory): string[] {
  return ["--source", "tcp-listen://127.0.0.1:0", ...directory.options()];
}

// S-78
Deno.test("analyze --token-file serves who sends the token, and tells it to nobody", async () => {
  using directory = new TemporaryDirectory();
  const tokenFile = directory.write("token", `${TOKEN}\n`);
  await Deno.chmod(tokenFile, 0o600);
  await using analyzer = await Analyzer.start([...quiet(directory), "--token-file", tokenFile]);
  const authorization = { authorization: `Bearer ${TOKEN}` };
  const answers = [];
  for (const path of ["/", "/metrics", "/windows", "/readyz", "/nothing", "/logs"]) {
    const refused = await analyzer.get(path);
    assert.equal(refused.status, 401, path);
    assert.equal(refused.headers.get("www-authenticate"), 'Bearer realm="vigie"');
    const wrong = await analyzer.get(path, { authorization: `Bearer ${TOKEN.slice(1)}` });
    assert.equal(wrong.status, 401, path);
    const right = await analyzer.get(path, authorization);
    assert.notEqual(right.status, 401, path);
    for (const answer of [refused, wrong, right]) {
      answers.push(await answer.text(), ...answer.headers.values());
    }
  }
  const text = await analyzer.get("/metrics", { ...authorization, accept: "text/plain" });
  answers.push(await text.text());
  assert.match(answers.at(-1)!, /^vigie_http_refused_total\{reason="token"\} 12$/m);
  const health = await analyzer.get("/healthz");
  assert.equal(health.status, 200);
  answers.push(await health.text());
  const ended = await analyzer.stop();
  assert.deepEqual([ended.stdout, ended.stderr, ...answers].filter((s) => s.includes(TOKEN)), []);
  assert.doesNotMatch(ended.stderr, /token|anyone/);
});

// S-78
Deno.test("POST /logs without the token is refused before anything of the body has come", async () => {
  using directory = new TemporaryDirectory();
  const tokenFile = directory.write("token", TOKEN);
  await using analyzer = await Analyzer.start([...quiet(directory), "--token-file", tokenFile]);
  const { stderr } = analyzer.program;
  await stderr.match(/^The token in \S+ is open to other users of this machine: chmod 600 \S+$/m);
  const { host } = new URL(analyzer.url);
  const head = [`Host: ${host}`, "Content-Type: application/x-ndjson", "Content-Length: 1000000"];
  const answer = await exchange(analyzer.url, request("POST /logs HTTP/1.1", ...head));
  assert.equal(statusOf(answer), 401);
});

// S-79
Deno.test("HTTP answers under the names of this machine only, however a request names it", async () => {
  using directory = new TemporaryDirectory();
  await using analyzer = await Analyzer.start([...quiet(directory), "--http-host", "logs.example"]);
  const { host } = new URL(analyzer.url);
  const cases: readonly (readonly [number, string, ...string[]])[] = [
    [200, "GET / HTTP/1.1", `Host: ${host}`],
    [200, "GET / HTTP/1.1", "Host: LocalHost.:1"],
    [200, "GET / HTTP/1.1", "Host: [::1]"],
    [200, "GET / HTTP/1.1", "hOsT: logs.example:80"],
    [200, "GET / HTTP/1.0"],
    [200, "GET / HTTP/1.1"],
    [200, `GET http://${host}/ HTTP/1.1`, `Host: ${host}`],
    [200, "GET /#x HTTP/1.1", `Host: ${host}`],
    [421, "GET / HTTP/1.1", "Host: evil.example"],
    [421, "GET /healthz HTTP/1.1", "Host: evil.example"],
    [421, "POST /logs HTTP/1.1", "Host: evil.example", "Content-Length: 0"],
    [421, "OPTIONS * HTTP/1.1", "Host: evil.example"],
    [421, "CONNECT evil.example:80 HTTP/1.1", "Host: evil.example:80"],
    [421, "GET http://evil.example/ HTTP/1.1", `Host: ${host}`],
    [421, `GET http://${host}/ HTTP/1.1`, "Host: evil.example"],
    [421, "GET http://evil.example/ HTTP/1.1"],
    [421, "GET / HTTP/1.1", "Host:"],
    [421, "GET / HTTP/1.1", `Host: evil.example:80@${host}`],
    [421, "GET / HTTP/1.1", `Host: ${host}@evil.example`],
    [421, "GET / HTTP/1.1", `Host: ${host}/evil.example`],
    [421, "GET / HTTP/1.1", `Host: ${host}, evil.example`],
    [421, "GET / HTTP/1.1", "Host: localhost:99999"],
    [421, "GET / HTTP/1.1", "Host: a b"],
    [404, "GET //evil.example/ HTTP/1.1", `Host: ${host}`],
    [404, `CONNECT ${host} HTTP/1.1`, `Host: ${host}`],
    [404, "OPTIONS * HTTP/1.1", `Host: ${host}`],
    // Those are refused by the server itself.
    [400, "GET / HTTP/1.1", `Host: ${host}`, "Host: evil.example"],
    [400, "GET / HTTP/1.1", "Host: evil.example", `Host: ${host}`],
    [400, "GET / HTTP/1.1", `Host : ${host}`],
    [400, "GET / HTTP/1.1", `Host: ${host}`, " evil.example"],
    [400, `GET ${host} HTTP/1.1`, `Host: ${host}`],
  ];
  for (const [status, line, ...headers] of cases) {
    const answer = await exchange(analyzer.url, request(line, ...headers));
    assert.equal(statusOf(answer), status, `${line} ${headers}\n${answer}`);
    if (status === 421) assert.match(answer, /"misdirected_request"/);
  }
  const text = await (await analyzer.get("/metrics", { accept: "text/plain" })).text();
  const refused = cases.filter(([status]) => status === 421).length;
  assert.ok(text.includes(`vigie_http_refused_total{reason="host"} ${refused}\n`), text);
  assert.match(text, /^vigie_http_exceptions_total 0$/m);
});

// S-78, S-79
Deno.test("analyze warns where HTTP is open to others, and serves them under any address", async () => {
  using directory = new TemporaryDirectory();
  const tokenFile = directory.write("token", TOKEN);
  const flags = taskArguments("analyze").map((flag) =>
    flag.startsWith("--allow-net=") ? `${flag},0.0.0.0` : flag
  );
  for (const token of [[], ["--token-file", tokenFile]]) {
    await using program = new Program(Deno.execPath(), [
      ...[...flags, ...quiet(directory), ...token, "--http", "0.0.0.0:0"],
    ]);
    const [, port] = await program.stderr.match(/^Results: http:\/\/0\.0\.0\.0:(\d+)\/metrics/m);
    const warning = `Results are served to anyone who reaches 0.0.0.0:${port}: ` +
      "add --token-file, or bind to 127.0.0.1\n";
    assert.equal(program.stderr.text.includes(warning), token.length === 0);
    const url = `http://127.0.0.1:${port}`;
    const hosts = [["10.1.2.3", 200], ["[fe80::1]:80", 200], ["evil.example", 421]] as const;
    for (const [host, status] of hosts) {
      const answer = await exchange(url, request("GET /healthz HTTP/1.1", `Host: ${host}`));
      assert.equal(statusOf(answer), status, host);
    }
  }
});

Deno.test("analyze does not start without a token where it is told to want one", async () => {
  using directory = new TemporaryDirectory();
  const missing = directory.join("none");
  const short = directory.write("short", "secret");
  for (
    const [path, status, message] of [
      [missing, 1, `Cannot read the token file ${missing}: it is not there; make one with `],
      [short, 2, `The token in ${short} is not one line of 16 to 1024 of `],
    ] as const
  ) {
    const ended = await run("analyze", [...quiet(directory), "--token-file", path]);
    assert.deepEqual([ended.status, ended.stdout], [status, ""]);
    assert.ok(ended.stderr.startsWith(`vigie: ${message}`), ended.stderr);
    assert.equal(ended.stderr.trimEnd().split("\n").length, 1);
    assert.ok(!ended.stderr.includes("secret"));
  }
  const elsewhere = await run("analyze", [...quiet(directory), "--token-file", "/etc/vigie/token"]);
  assert.match(elsewhere.stderr, /^ {2}deno run .*--allow-read=\.,\/etc\/vigie\/token /m);
  assert.deepEqual([...Deno.readDirSync(directory.path)].map(({ name }) => name), ["short"]);
});
