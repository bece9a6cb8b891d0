import assert from "node:assert/strict";
import fc from "fast-check";
import { escapeText } from "../../../command_line/escape_text.ts";
import denoJson from "../../../deno.json" with { type: "json" };
import {
  grantingCommand,
  missingPermissions,
  type Need,
  netNeed,
} from "../../../command_line/deno/permissions.ts";

Deno.test("netNeed() names an address as Deno's flags do", () => {
  assert.deepEqual(netNeed({ hostname: "127.0.0.1", port: 80 }), {
    name: "net",
    host: "127.0.0.1:80",
  });
  assert.deepEqual(netNeed({ hostname: "::1", port: 80 }), { name: "net", host: "[::1]:80" });
});

const READ_HERE: Need = { name: "read", path: "./tests" };
const READ_ELSEWHERE: Need = { name: "read", path: "/etc/hostname" };
const CONNECT: Need = { name: "net", host: "127.0.0.1:9999" };
const CONNECT_ELSEWHERE: Need = { name: "net", host: "localhost:9999" };
const WRITE: Need = { name: "write", path: "./output" };

Deno.test({
  name: "missingPermissions() finds what is not granted, in order",
  permissions: { read: ["."], net: ["127.0.0.1"] },
  fn() {
    const needs = [WRITE, READ_HERE, CONNECT_ELSEWHERE, CONNECT, READ_ELSEWHERE];
    assert.deepEqual(missingPermissions(needs), [WRITE, CONNECT_ELSEWHERE, READ_ELSEWHERE]);
    assert.deepEqual(missingPermissions([READ_HERE, CONNECT]), []);
    assert.deepEqual(missingPermissions([]), []);
  },
});

Deno.test("grantingCommand() adds what is missing to what the tasks grant", () => {
  assert.equal(
    grantingCommand([READ_ELSEWHERE, CONNECT_ELSEWHERE], ["analyze", "--once"]),
    "deno run --no-prompt --no-remote '--allow-net=127.0.0.1,localhost,[::1],localhost:9999' " +
      "--allow-read=.,/etc/hostname --allow-write=output,checkpoint main.ts analyze --once",
  );
});

Deno.test("grantingCommand() grants no more than the task of the command, and what is missing", () => {
  const flagsIn = (command: string) => command.match(/--allow-[^' ]+/g);
  for (const name of ["gen", "analyze", "demo"] as const) {
    assert.deepEqual(
      flagsIn(grantingCommand([], [name])),
      flagsIn(denoJson.tasks[name].command),
    );
  }
  assert.match(
    grantingCommand([{ name: "write", path: "/srv" }], ["gen"]),
    /\[::1\]' --allow-write=\/srv main\.ts gen$/,
  );
});

Deno.test("grantingCommand() names each path once", () => {
  const command = grantingCommand([
    READ_ELSEWHERE,
    READ_ELSEWHERE,
    { name: "write", path: "/srv" },
  ], []);
  assert.match(
    command,
    / --allow-read=\.,\/etc\/hostname --allow-write=output,checkpoint,\/srv main\.ts$/,
  );
});

Deno.test("grantingCommand() grants the directory above a path with a comma", () => {
  const flagsFor = (path: string) => grantingCommand([{ name: "write", path }], []);
  assert.match(flagsFor("/srv/a,b/c"), / --allow-write=output,checkpoint,\/srv\/ main\.ts$/);
  assert.match(
    flagsFor("/srv/x/a/b,\nc"),
    / --allow-write=output,checkpoint,\/srv\/x\/a\/ main\.ts$/,
  );
});

Deno.test("grantingCommand() is read by a shell as it was meant", async () => {
  const word = fc.oneof(
    fc.constantFrom("", "it's", "$HOME", "a b", '"', "\\", "*", "~", "é", "--x=1", "#", "a\nb"),
    fc.constantFrom("'\\\x1b[2J'", "\x7f", "é\u202e0", "\u{e0041}", "\x01f"),
    fc.string({ unit: "grapheme", maxLength: 8 }).map((text) => text.replaceAll("\0", "")),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(word, { maxLength: 4 }), async (args) => {
      const command = grantingCommand([], args);
      const { stdout } = await new Deno.Command("/bin/bash", {
        args: ["-c", `printf '%s\\0' ${command}`],
      }).output();
      const words = new TextDecoder().decode(stdout).split("\0").slice(0, -1);
      assert.deepEqual(words.slice(words.indexOf("main.ts") + 1), args);
      assert.equal(escapeText(command), command);
    }),
    { numRuns: 30 },
  );
});
