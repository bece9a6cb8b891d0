import assert from "node:assert/strict";
import { join } from "node:path";
import { readTokenFile } from "../../../analyzer/deno/token_file.ts";
import { StartException } from "../../../analyzer/exceptions.ts";

const TOKEN = "mF_9.B5f-4.1JqM+/~==";

class Files implements Disposable {
  readonly directory = Deno.makeTempDirSync();
  readonly path = join(this.directory, "token");
  readonly notices: string[] = [];

  write(content: string | Uint8Array, mode = 0o600): void {
    const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
    Deno.writeFileSync(this.path, bytes);
    Deno.chmodSync(this.path, mode);
  }

  read(path = this.path): Promise<string> {
    return readTokenFile(path, (line) => this.notices.push(line));
  }

  /** Why it cannot be read. */
  async refusal(path = this.path): Promise<StartException> {
    let refusal: unknown;
    await this.read(path).catch((exception) => refusal = exception);
    assert.ok(refusal instanceof StartException);
    assert.ok(!refusal.message.includes("\n"));
    return refusal;
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.directory, { recursive: true });
  }
}

Deno.test("readTokenFile() gives the token without its line end", async () => {
  using files = new Files();
  for (const end of ["", "\n", "\r\n"]) {
    for (const token of [TOKEN, "x".repeat(16), "x".repeat(1024)]) {
      files.write(token + end);
      assert.equal(await files.read(), token);
    }
  }
  assert.deepEqual(files.notices, []);
});

Deno.test("readTokenFile() refuses what is no token, and says how to make one, but not what is there", async () => {
  using files = new Files();
  const contents = [
    ...["", "\n", "x".repeat(15), "x".repeat(1025), `${TOKEN}\n\n`, `${TOKEN}\n${TOKEN}`],
    ...[
      ` ${TOKEN}`,
      "correct horse battery staple",
      Uint8Array.of(255, 254, ...Array(20).fill(65)),
    ],
    new Uint8Array(10_000_000).fill(65),
  ];
  for (const content of contents) {
    files.write(content);
    const { message, exitStatus } = await files.refusal();
    assert.equal(
      message,
      `The token in ${files.path} is not one line of 16 to 1024 of A-Z a-z 0-9 -._~+/: make one ` +
        `with (umask 077; head -c 32 /dev/urandom | base64 > ${files.path})`,
    );
    assert.equal(exitStatus, 2);
  }
});

Deno.test("readTokenFile() makes a token by the command that it names", async () => {
  using files = new Files();
  const { message } = await files.refusal();
  const command = /make one with (.+)$/.exec(message)![1]!;
  const { code } = await new Deno.Command("/bin/sh", { args: ["-c", command] }).output();
  assert.equal(code, 0);
  assert.equal((await files.read()).length, 44);
  assert.deepEqual(files.notices, []);
});

Deno.test("readTokenFile() says that there is no file, or none that can be read", async () => {
  using files = new Files();
  const missing = await files.refusal();
  assert.match(
    missing.message,
    /^Cannot read the token file \S+\/token: it is not there; make one /,
  );
  assert.equal(missing.exitStatus, 1);
  const directory = await files.refusal(files.directory);
  assert.match(directory.message, /^Cannot read the token file \S+: .*directory/);
});

Deno.test("readTokenFile() warns where others may use the file", async () => {
  using files = new Files();
  for (const mode of [0o600, 0o400, 0o700]) {
    files.write(TOKEN, mode);
    await files.read();
  }
  assert.deepEqual(files.notices, []);
  for (const mode of [0o640, 0o604, 0o620, 0o601]) {
    files.write(TOKEN, mode);
    assert.equal(await files.read(), TOKEN);
    assert.deepEqual(files.notices.splice(0), [
      `The token in ${files.path} is open to other users of this machine: chmod 600 ${files.path}`,
    ]);
  }
});
