import assert from "node:assert/strict";
import { join } from "node:path";
import {
  Analyzer,
  beforeDeadline,
  findProgram,
  freePort,
  Program,
  PROJECT,
  send,
  taskArguments,
  TemporaryDirectory,
  testWith,
} from "./support.ts";

/** What the README tells people to put into the `http` block, with another path. */
function logFormat(accessLog: string): string {
  const readme = Deno.readTextFileSync(join(PROJECT, "README.md"));
  const [, text] = /```nginx\n(.*?)```/s.exec(readme) ?? assert.fail("README has no log_format");
  assert.match(text!, /access_log \/var\/log\/nginx\/access\.log vigie;/);
  return text!.replace("/var/log/nginx/access.log", accessLog);
}

testWith("nginx", "analyze reads what the README's log_format writes", async (nginxPath) => {
  using directory = new TemporaryDirectory();
  const port = freePort();
  const accessLog = directory.write("access.log", "");
  const configuration = directory.write(
    "nginx.conf",
    `daemon off; master_process off; pid ${directory.join("pid")};
     error_log ${directory.join("error.log")}; events {}
     http {
       ${logFormat(accessLog)}
       client_body_temp_path ${directory.join("body")};
       server {
         listen 127.0.0.1:${port};
         location / { return 200 "fine"; }
         location /missing { return 404; }
         location /broken { return 500; }
       }
     }`,
  );
  await using nginx = new Program(nginxPath, ["-c", configuration, "-p", directory.path]);
  await using tail = new Program(findProgram("sh")!, [
    "-c",
    // As the README says, on a free port, and so that killing the shell ends both of them.
    `tail -n +1 --pid=$$ -F '${accessLog}' | '${Deno.execPath()}' "$@"`,
    "sh",
    ...taskArguments("analyze"),
    ...["--source", "-", "--once", "--http", "127.0.0.1:0", ...directory.options()],
  ]);
  const [, url] = await tail.stderr.match(/^Results: (http:\S+)\/metrics/m);
  const analyzer = new Analyzer(tail, url!);

  const request = async (path: string, headers: Record<string, string> = {}) => {
    const response = await fetch(`http://127.0.0.1:${port}${path}`, { headers });
    await response.body?.cancel();
    return response.status;
  };
  await untilAnswers(port, nginx);
  assert.equal(await request("/fine"), 200);
  assert.equal(await request("/missing?q=%22quoted%22", { "User-Agent": 'a "b" \\ c' }), 404);
  assert.equal(await request("/broken"), 500);
  // What is no request has an empty method and an empty URL, and status 400.
  using broken = await Deno.connect({ port });
  await send(broken, "\x16\x03\x01 no request\r\n\r\n");

  const { totals, open } = await analyzer.until(({ totals }) => totals.errors >= 3);
  assert.equal(Object.values(totals.malformed).reduce((sum, count) => sum + count), 0);
  assert.deepEqual(totals.errors_by_status, { 400: 1, 404: 1, 500: 1 });
  const urls = open.flatMap(({ statuses }) =>
    statuses.map(({ status, urls }) => [status, urls[0]!.url] as const)
  );
  assert.deepEqual(
    new Map(urls),
    new Map([
      [400, ""],
      [404, "/missing?q=%22quoted%22"],
      [500, "/broken"],
    ]),
  );
  const saved = directory.errorLines().map((line) => JSON.parse(line));
  assert.deepEqual(saved.map(({ status }) => status), [404, 500, 400]);
  // Each with its whole record: the five keys and ten more.
  for (const record of saved) assert.equal(Object.keys(record).length, 15);
  assert.equal(saved[0].agent, 'a "b" \\ c');
});

/** Waits until the server accepts connections. */
async function untilAnswers(port: number, server: Program): Promise<void> {
  const connecting = (async () => {
    for (;;) {
      try {
        return (await Deno.connect({ port })).close();
      } catch (exception) {
        if (!(exception instanceof Deno.errors.ConnectionRefused)) throw exception;
      }
    }
  })();
  await beforeDeadline(connecting, () => `nginx does not answer: ${server.stderr.text}`);
}
