import assert from "node:assert/strict";
import { analyzerConfig, analyzerOptions } from "../../analyzer/config.ts";
import { parseOptions } from "../../command_line/deno/parse_options.ts";
import { optionName, type OptionTable, UsageException } from "../../command_line/options.ts";
import { generatorConfig, generatorOptions } from "../../generator/config.ts";
import { ATTACKS, UNSAFE_TO_SHOW } from "./attacks.ts";

/** Longest message; the longest of ours list the names that would have been right. */
const MESSAGE_LENGTH_MAX = 500;

/** Parses a command line, and looks at what it says where it is refused. */
function assertSafelyRead(args: readonly string[], read: (args: readonly string[]) => unknown) {
  const before = Object.getOwnPropertyNames(Object.prototype);
  try {
    read(args);
  } catch (exception) {
    assert.ok(exception instanceof UsageException, `${JSON.stringify(args)}: ${exception}`);
    const { message } = exception;
    assert.doesNotMatch(message, UNSAFE_TO_SHOW, JSON.stringify(args));
    assert.ok(!message.includes("\n"), JSON.stringify(args));
    assert.ok([...message].length <= MESSAGE_LENGTH_MAX, message);
  }
  assert.deepEqual(Object.getOwnPropertyNames(Object.prototype), before);
}

const COMMANDS: readonly [OptionTable, (args: readonly string[]) => unknown][] = [
  [analyzerOptions, (args) => analyzerConfig(parseOptions(analyzerOptions, args))],
  [generatorOptions, (args) => generatorConfig(parseOptions(generatorOptions, args))],
];

// S-62
Deno.test("no attack gets out of the message about an option, its value or an argument", () => {
  for (const [options, read] of COMMANDS) {
    const names = Object.keys(options).map(optionName);
    for (const { text } of ATTACKS) {
      for (const args of [[text], [`--${text}`], [`-${text}`], [`--${text}=1`]]) {
        assertSafelyRead(args, read);
      }
      for (const name of names) {
        assertSafelyRead([`${name}=${text}`], read);
        assertSafelyRead([name, text], read);
      }
    }
  }
});

Deno.test("no attack gets out of the message about a source", () => {
  const [, read] = COMMANDS[0]!;
  for (const { text } of ATTACKS) {
    for (const start of ["", "file:", "tcp://", "tcp-listen://127.0.0.1:", "tls://", "http://"]) {
      const source = `--source=${start}${text}`;
      assertSafelyRead([source], read);
      assertSafelyRead([source, source], read);
      assertSafelyRead([source, "--follow", "--once"], read);
    }
  }
});
