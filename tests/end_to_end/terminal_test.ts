import assert from "node:assert/strict";
import { stripVTControlCharacters } from "node:util";
import { jsonLine } from "../support/log_lines.ts";
import {
  type CommandName,
  LineServer,
  Program,
  send,
  taskArguments,
  TemporaryDirectory,
  testWith,
} from "./support.ts";

/**
 * Starts a command on a terminal of its own; what the terminal gets is its standard output.
 *
 * @param script the program of util-linux, which every Debian has
 */
function startOnTerminal(
  script: string,
  command: CommandName,
  args: readonly string[],
  { redirection = "", env = {} } = {},
): Program {
  const words = [Deno.execPath(), ...taskArguments(command), ...args];
  const commandLine = words.map((word) => `'${word}'`).join(" ") + redirection;
  return new Program(script, ["-qefc", `exec ${commandLine}`, "/dev/null"], {
    env: { TERM: "xterm", ...env },
    hasInput: true,
  });
}

/** Ctrl-C, as a terminal takes it. */
const CTRL_C = "\x03";

for (const noColor of [false, true]) {
  const colors = noColor ? "has no colours under NO_COLOR" : "has colours";
  testWith(
    "script",
    `analyze on a terminal keeps a status line, which ${colors}`,
    async (script) => {
      using directory = new TemporaryDirectory();
      await using server = new LineServer();
      await using program = startOnTerminal(
        script,
        "analyze",
        ["--source", server.source, "--no-http", ...directory.options()],
        noColor ? { env: { NO_COLOR: "1" } } : {},
      );
      const connection = await server.accept();
      const later = Date.UTC(2025, 4, 30, 18, 53, 10);
      await send(connection, `${jsonLine({ status: 404 })}\n${jsonLine({ timestampMs: later })}\n`);
      await program.stdout.match(/\|404 {3}\|1 /);
      // One error before the last window began, none since.
      await program.stdout.match(/connected.* · .* events\/s · .*0 errors since 18:53:00/);
      await program.write(CTRL_C);
      const { status, stdout } = await program.ended();
      assert.equal(status, 0);
      assert.match(stripVTControlCharacters(stdout), /^.*Stopped: 2 lines, 1 error in all/m);
      // deno-lint-ignore no-control-regex -- colours are what is looked for
      assert.equal(/\x1b\[[0-9;]*m/.test(stdout), !noColor);
      // The last thing that is done to the status line is to remove it.
      const last = stdout.lastIndexOf("\r\x1b[K");
      assert.ok(last > stdout.lastIndexOf("connected"));
    },
  );
}

testWith("script", "gen tells on a terminal how far it is, and what it did", async (script) => {
  using directory = new TemporaryDirectory();
  const path = directory.join("lines");
  await using program = startOnTerminal(script, "gen", ["--rate", "100"], {
    redirection: ` > '${path}'`,
  });
  await program.stdout.match(/\d+ lines, [\d.]+ lines\/s now, \d+ s/);
  await program.write(CTRL_C);
  const { status, stdout } = await program.ended();
  assert.equal(status, 0);
  assert.match(stdout, /\d+ lines in [\d.]+ s, [\d.]+ lines\/s\r?\n$/);
  assert.match(Deno.readTextFileSync(path), /^(\{.*\}\n)+$/);
});
