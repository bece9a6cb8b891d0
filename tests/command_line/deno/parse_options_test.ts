import assert from "node:assert/strict";
import fc from "fast-check";
import { parseOptions } from "../../../command_line/deno/parse_options.ts";
import {
  flag,
  option,
  optionName,
  parseNumber,
  parseText,
  repeated,
  UsageException,
} from "../../../command_line/options.ts";

const TABLE = {
  rate: option({ value: "N", parse: parseNumber, default: 1, help: "" }),
  lineBytesMax: option({ value: "BYTES", parse: parseNumber, default: undefined, help: "" }),
  source: repeated({ value: "URL", parse: parseText, default: ["tcp://x"], help: "" }),
  quiet: flag({ help: "" }),
  noHttp: flag({ help: "" }),
};
const DEFAULTS = {
  rate: 1,
  lineBytesMax: undefined,
  source: ["tcp://x"],
  quiet: false,
  noHttp: false,
};

function assertUsage(args: readonly string[], message: string) {
  assert.throws(() => parseOptions(TABLE, args), (exception) => {
    assert.ok(exception instanceof UsageException);
    assert.equal(exception.message, message);
    return true;
  });
}

Deno.test("parseOptions() gives the defaults where nothing is given", () => {
  assert.deepEqual(parseOptions(TABLE, []), DEFAULTS);
  assert.deepEqual(parseOptions(TABLE, ["--"]), DEFAULTS);
});

Deno.test("parseOptions() reads --name value, --name=value and flags", () => {
  assert.deepEqual(
    parseOptions(TABLE, ["--rate", "2", "--line-bytes-max=64", "--quiet", "--no-http"]),
    { ...DEFAULTS, rate: 2, lineBytesMax: 64, quiet: true, noHttp: true },
  );
});

Deno.test("parseOptions() joins what a repeatable option gives, in place of the default", () => {
  assert.deepEqual(parseOptions(TABLE, ["--source=a"]).source, ["a"]);
  assert.deepEqual(parseOptions(TABLE, ["--source", "b", "--source=a"]).source, ["b", "a"]);
});

Deno.test("parseOptions() keeps values that are arrays apart", () => {
  const table = {
    pair: repeated({ value: "A=B", parse: (text) => text.split("="), default: [], help: "" }),
  };
  assert.deepEqual(
    parseOptions(table, ["--pair", "a=b", "--pair=c=d"]).pair,
    [["a", "b"], ["c", "d"]],
  );
});

Deno.test("parseOptions() takes -, negative numbers and values with = as values", () => {
  assert.deepEqual(parseOptions(TABLE, ["--source", "-", "--source=-"]).source, ["-", "-"]);
  assert.equal(parseOptions(TABLE, ["--rate", "-5"]).rate, -5);
  assert.equal(parseOptions(TABLE, ["--rate=-0.5"]).rate, -0.5);
  assert.deepEqual(parseOptions(TABLE, ["--source=a=b", "--source=--quiet"]).source, [
    "a=b",
    "--quiet",
  ]);
});

Deno.test("parseOptions() names the nearest option for an unknown one", () => {
  assertUsage(["--ratee", "1"], "unknown option --ratee: did you mean --rate?");
  assertUsage(["--ratee=1"], "unknown option --ratee: did you mean --rate?");
  assertUsage(["-rate", "1"], "unknown option -rate: did you mean --rate?");
  assertUsage(
    ["--lineBytesMax=1"],
    "unknown option --lineBytesMax: did you mean --line-bytes-max?",
  );
  assertUsage(["--zzz"], "unknown option --zzz: see --help");
  assertUsage(["-h"], "unknown option -h: see --help");
});

Deno.test("parseOptions() does not invent --no-X, nor options from object prototypes", () => {
  assertUsage(["--no-quiet"], "unknown option --no-quiet: did you mean --quiet?");
  assertUsage(["--http"], "unknown option --http: see --help");
  for (const name of ["--constructor", "--__proto__", "--to-string", "--toString"]) {
    assertUsage([name], `unknown option ${name}: see --help`);
  }
});

Deno.test("parseOptions() refuses a missing value, and another option in its place", () => {
  const message = "--rate needs a value: write --rate N";
  assertUsage(["--rate"], message);
  assertUsage(["--rate", "--quiet"], message);
  assertUsage(["--rate", "--"], message);
});

Deno.test("parseOptions() refuses a value for a flag", () => {
  assertUsage(["--quiet=yes"], "--quiet takes no value: write --quiet alone");
  assertUsage(["--quiet="], "--quiet takes no value: write --quiet alone");
});

Deno.test("parseOptions() refuses an option given twice that is not repeatable", () => {
  assertUsage(["--rate", "1", "--rate=1"], "--rate is given more than once: write it once");
  assertUsage(["--quiet", "--quiet"], "--quiet is given more than once: write it once");
});

Deno.test("parseOptions() tells which value its parser refused, and why", () => {
  const why = "is not a number: write one such as 0.5, 10 or 1e6";
  assertUsage(["--rate", "abc"], `--rate abc: "abc" ${why}`);
  assertUsage(["--rate="], `--rate : "" ${why}`);
  assertUsage(["--source="], "--source : the value must not be empty");
});

Deno.test("parseOptions() lets other exceptions of a parser through", () => {
  const bug = new TypeError("a bug");
  const table = {
    x: option({
      value: "X",
      parse: (): number => {
        throw bug;
      },
      default: 1,
      help: "",
    }),
  };
  assert.throws(() => parseOptions(table, ["--x=1"]), bug);
});

Deno.test("parseOptions() refuses arguments that are no options", () => {
  const hint = "options start with --, see --help";
  assertUsage(["a.log"], `unexpected argument "a.log": ${hint}`);
  assertUsage(["--quiet", "yes"], `unexpected argument "yes": ${hint}`);
  assertUsage(["--", "--quiet"], `unexpected argument "--quiet": ${hint}`);
  assertUsage(["-"], `unexpected argument "-": ${hint}`);
});

Deno.test("parseOptions() escapes and bounds what it repeats in messages", () => {
  const hostile = `\x1b[2J\u202e${"x".repeat(2_000)}`;
  for (const args of [[`--${hostile}`], [hostile], ["--rate", hostile], [`-${hostile}`]]) {
    assert.throws(() => parseOptions(TABLE, args), (exception) => {
      assert.ok(exception instanceof UsageException);
      assert.match(exception.message, /^[ -~…]{1,300}$/);
      return true;
    });
  }
});

Deno.test("parseOptions() reads back any values, or throws UsageException and nothing else", () => {
  const name = fc.constantFrom(...Object.keys(TABLE).map(optionName), "--rat", "-r", "--", "-");
  const arg = fc.oneof(
    name,
    fc.string(),
    fc.tuple(name, fc.string()).map((pair) => pair.join("=")),
  );
  fc.assert(fc.property(fc.array(arg), (args) => {
    try {
      const values = parseOptions(TABLE, args);
      assert.deepEqual(Object.keys(values), Object.keys(DEFAULTS));
    } catch (exception) {
      assert.ok(exception instanceof UsageException, String(exception));
    }
  }));
  const sources = fc.array(fc.string({ minLength: 1 }), { minLength: 1 });
  fc.assert(fc.property(sources, (texts) => {
    assert.deepEqual(parseOptions(TABLE, texts.map((text) => `--source=${text}`)).source, texts);
  }));
});
