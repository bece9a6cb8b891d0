import assert from "node:assert/strict";
import fc from "fast-check";
import { renderHelp } from "../../command_line/help.ts";
import { flag, option, parseDuration, parseNumber, repeated } from "../../command_line/options.ts";

Deno.test("renderHelp() aligns the columns and shows the defaults", () => {
  const text = renderHelp({
    usage: "deno task gen [options]",
    summary: "Writes lines.",
    commands: { gen: "Write lines", analyze: "Read lines" },
    options: {
      rate: option({ value: "N", parse: parseNumber, default: 1, help: "Records a second" }),
      idleTimeout: option({
        value: "DURATION",
        parse: parseDuration,
        default: 5000,
        defaultText: "5s",
        help: "Time of silence",
      }),
      seed: option({ value: "N", parse: parseNumber, default: undefined, help: "Start" }),
      source: repeated({
        value: "URL",
        parse: (url) => url,
        default: ["tcp://a", "-"],
        help: "Input",
      }),
      quiet: flag({ help: "Say nothing" }),
    },
    examples: ["deno task gen --rate 10"],
  });
  assert.equal(
    text,
    `\
Usage: deno task gen [options]

Writes lines.

Commands:
  gen      Write lines
  analyze  Read lines

Options:
  --rate N                 Records a second (default: 1)
  --idle-timeout DURATION  Time of silence (default: 5s)
  --seed N                 Start
  --source URL             Input (repeatable; default: tcp://a, -)
  --quiet                  Say nothing

Examples:
  deno task gen --rate 10
`,
  );
});

Deno.test("renderHelp() puts a very long option on a line of its own", () => {
  const text = renderHelp({
    usage: "x",
    summary: "y",
    options: {
      a: flag({ help: "Short" }),
      status: option({ value: "V".repeat(40), parse: Number, default: undefined, help: "Long" }),
    },
  });
  assert.equal(
    text.split("Options:\n")[1],
    `  --a  Short\n  --status ${"V".repeat(40)}\n       Long\n`,
  );
});

Deno.test("renderHelp() keeps every line within 100 characters and loses no word", () => {
  const sentence = fc.array(fc.stringMatching(/^[a-z]{1,12}$/), { minLength: 1, maxLength: 60 })
    .map((words) => words.join(" "));
  fc.assert(fc.property(sentence, sentence, (summary, help) => {
    const text = renderHelp({
      usage: "x",
      summary,
      options: { lineBytesMax: option({ value: "BYTES", parse: Number, default: 1, help }) },
    });
    for (const line of text.split("\n")) assert.ok(line.length <= 100, line);
    assert.deepEqual(
      text.split(/\s+/),
      `Usage: x ${summary} Options: --line-bytes-max BYTES ${help} (default: 1) `.split(" "),
    );
  }));
});
