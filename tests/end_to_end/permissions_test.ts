import assert from "node:assert/strict";
import { dirname, join } from "node:path";
import {
  type CommandName,
  type Ended,
  Program,
  run,
  taskArguments,
  TemporaryDirectory,
} from "./support.ts";
import { jsonLine } from "../support/log_lines.ts";

/** A directory that the tasks may not touch. */
class Elsewhere implements Disposable {
  readonly path: string = Deno.makeTempDirSync({ prefix: "vigie e2e, " });

  join(...names: string[]): string {
    return join(this.path, ...names);
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.path, { recursive: true });
  }
}

/** What each command may do of all that the probe tries; the flags are those of its task. */
const PERMITTED: Readonly<Record<CommandName, readonly string[]>> = {
  gen: ["listen on loopback"],
  demo: ["read results", "write results", "keep a database", "listen on loopback"],
  analyze: [
    ...["read the project", "read results", "write results", "keep a database"],
    "listen on loopback",
  ],
};

/** Runs the probe under some flags: what was denied, and what was done; nothing else may happen. */
async function probe(flags: readonly string[]): Promise<{ denied: string[]; done: string[] }> {
  using directory = new TemporaryDirectory();
  using elsewhere = new Elsewhere();
  const module = "tests/end_to_end/permission_probe.ts";
  await using program = new Program(
    Deno.execPath(),
    ["run", ...flags, module, elsewhere.path, directory.path],
  );
  const { status, stdout, stderr } = await program.ended();
  assert.equal(status, 0, stderr);
  const outcomes: Record<string, string> = JSON.parse(stdout);
  const withOutcome = (wanted: string) =>
    Object.keys(outcomes).filter((name) => outcomes[name] === wanted);
  const sides = { denied: withOutcome("denied"), done: withOutcome("done") };
  assert.equal(sides.denied.length + sides.done.length, Object.keys(outcomes).length, stdout);
  return sides;
}

Deno.test("the tasks permit what their command needs, and deny everything else", async () => {
  const { denied, done } = await probe(["--no-prompt", "--no-lock", "--allow-all"]);
  assert.deepEqual(denied, [], "the probe itself works");
  assert.ok(done.length > 35);
  for (const command of ["gen", "analyze", "demo"] as const) {
    const flags = taskArguments(command).slice(1, -2);
    assert.ok(flags.includes("--no-prompt"));
    assert.deepEqual((await probe(flags)).done, PERMITTED[command], command);
  }
});

Deno.test("the tasks load no modules over the network, not even from where Deno itself would", async () => {
  // Without its flag Deno loads modules from a few hosts whatever else it denies.
  const script = 'await import("https://deno.land/probe.ts").catch(({ message }) => ' +
    "console.log(message));";
  for (const command of ["gen", "analyze", "demo"] as const) {
    const flags = taskArguments(command).slice(1, -2);
    using directory = new TemporaryDirectory();
    const path = directory.write("probe.js", script);
    await using program = new Program(Deno.execPath(), ["run", ...flags, path]);
    const { stdout } = await program.ended();
    assert.match(stdout, /--no-remote is specified/, command);
  }
});

Deno.test("analyze quotes what a terminal would act on in the command it prints", async () => {
  using directory = new TemporaryDirectory();
  using elsewhere = new Elsewhere();
  const path = elsewhere.join("it's \x1b]0;owned\x07 \u202e\\ log.jsonl");
  Deno.writeTextFileSync(path, jsonLine({ status: 404 }));
  const command = suggestion(
    await run("analyze", [
      ...["--source", `file:${path}`, "--once", "--no-http", ...directory.options()],
    ]),
  );
  // deno-lint-ignore no-control-regex -- they are what must not be there
  assert.doesNotMatch(command, /[\x00-\x1f\u202e]/);
  const { status, stderr } = await runInShell(command, "/bin/bash");
  assert.equal(status, 0, stderr);
  assert.match(stderr, /it's \\x1b\]0;owned\\x07 \\u202e\\ log\.jsonl: read to its end, 1 line$/m);
});

/** The command that the program says would be allowed. */
function suggestion({ status, stdout, stderr }: Ended): string {
  assert.deepEqual({ status, stdout }, { status: 1, stdout: "" });
  const [why, command, ...rest] = stderr.trimEnd().split("\n");
  assert.equal(why, "vigie: Deno was not allowed to do this. This command allows it:");
  assert.deepEqual(rest, []);
  assert.match(command!, /^ {2}deno run --no-prompt --no-remote /);
  assert.doesNotMatch(stderr, /NotCapable|Requires|--allow-all|-A\b/);
  return command!.trim();
}

/** Runs a command line as a person would who copies it. */
async function runInShell(commandLine: string, shell = "/bin/sh"): Promise<Ended> {
  const path = `${dirname(Deno.execPath())}:${Deno.env.get("PATH")}`;
  await using program = new Program(shell, ["-c", commandLine], { env: { PATH: path } });
  return await program.ended();
}

Deno.test("analyze prints the command that lets it read a file elsewhere", async () => {
  using directory = new TemporaryDirectory();
  using elsewhere = new Elsewhere();
  Deno.writeTextFileSync(elsewhere.join("it's a log, $HOME.jsonl"), jsonLine({ status: 404 }));
  const paths = ["/etc/hostname", elsewhere.join("it's a log, $HOME.jsonl")];
  for (const [i, path] of paths.entries()) {
    const command = suggestion(
      await run("analyze", [
        ...["--source", `file:${path}`, "--once", "--no-http", ...directory.options(`run-${i}`)],
      ]),
    );
    const { status, stderr } = await runInShell(command);
    assert.equal(status, 0, stderr);
    assert.match(stderr, /: read to its end, 1 line$/m);
    assert.ok(stderr.includes(path));
  }
});

Deno.test("analyze prints the command that lets it follow a file elsewhere", async () => {
  using directory = new TemporaryDirectory();
  const command = suggestion(
    await run("analyze", ["--source", "file:/etc/access.log", "--follow", ...directory.options()]),
  );
  // Files that were rotated away lie beside it.
  assert.match(command, /--allow-read=\.,\/etc /);
});

Deno.test("analyze prints the command that lets it read certificates and keys elsewhere", async () => {
  const names = ["--tls-cert", "--tls-key", "--tls-client-ca", "--tls-ca"]
    .concat("--tls-client-cert", "--tls-client-key");
  using directory = new TemporaryDirectory();
  const command = suggestion(
    await run("analyze", [
      ...["--source", "tcp-listen://127.0.0.1:9999", "--source", "tls://127.0.0.1:6514"],
      ...names.flatMap((name) => [name, `/etc/vigie${name}.pem`]),
      ...directory.options(),
    ]),
  );
  for (const name of names) {
    assert.match(command, new RegExp(`--allow-read=\\S*,/etc/vigie${name}\\.pem[, ]`));
  }
});

Deno.test("analyze prints the command that lets it write elsewhere", async () => {
  using directory = new TemporaryDirectory();
  using elsewhere = new Elsewhere();
  const output = elsewhere.join("a", "output");
  const source = `file:${directory.write("a.jsonl", jsonLine({ status: 404 }))}`;
  const ended = await run("analyze", [
    ...["--source", source, "--once", "--no-http"],
    ...["--output", output, "--checkpoint", elsewhere.join("checkpoint")],
  ]);
  const command = suggestion(ended);
  assert.deepEqual([...Deno.readDirSync(elsewhere.path)], []);
  const { status, stdout, stderr } = await runInShell(command);
  assert.equal(status, 0, stderr);
  assert.match(stdout, /\|404 {3}\|1 /);
  assert.ok(Deno.statSync(join(output, "windows.db")).isFile);
});

Deno.test("every command prints the one that lets it use other addresses", async () => {
  using directory = new TemporaryDirectory();
  const cases: [CommandName, string[], string][] = [
    ["analyze", ["--source", "tcp://10.0.0.5:9999"], "10.0.0.5:9999"],
    ["analyze", ["--source", "tls://10.0.0.5:6514"], "10.0.0.5:6514"],
    ["analyze", ["--source", "tcp-listen://[::]:9999"], "[::]:9999"],
    ["analyze", ["--http", "0.0.0.0:8000"], "0.0.0.0:8000"],
    ["gen", ["--listen", "0.0.0.0:9999"], "0.0.0.0:9999"],
    ["demo", ["--http", "0.0.0.0:8000"], "0.0.0.0:8000"],
  ];
  for (const [i, [name, args, host]] of cases.entries()) {
    const places = name === "analyze" ? directory.options(`run-${i}`) : [];
    const command = suggestion(await run(name, [...args, ...places]));
    assert.match(command, new RegExp(`main\\.ts ${name} `));
    assert.ok(command.includes(`--allow-net=127.0.0.1,localhost,[::1],${host}`), command);
    assert.equal(command.includes("--allow-write"), name !== "gen");
    // Complete: with it, only what it was asked for is left to do.
    assert.equal((await runInShell(`${command} --help`)).status, 0);
  }
  assert.deepEqual([...Deno.readDirSync(directory.path)], []);
});
