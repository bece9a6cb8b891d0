import { parseArgs } from "node:util";
import { escapeText } from "../escape_text.ts";
import { nearest } from "../nearest.ts";
import {
  optionName,
  type OptionTable,
  type OptionValues,
  quoted,
  UsageException,
} from "../options.ts";

/** Longest part of an exception's message that is shown, in code points. */
const REASON_LENGTH_MAX = 300;

/**
 * The values of a command's options: `--name value` or `--name=value`, a flag as `--name`.
 *
 * @throws {UsageException} for an unknown option, a missing, superfluous or refused value, an
 * option given twice that is not repeatable, or an argument that is no option
 */
export function parseOptions<Table extends OptionTable>(
  table: Table,
  args: readonly string[],
): OptionValues<Table> {
  const keysByName = new Map(Object.keys(table).map((key) => [optionName(key), key]));
  const { tokens } = parseArgs({
    args: [...args],
    // Not strict, with tokens: what is wrong is told in messages of our own.
    strict: false,
    tokens: true,
    options: Object.fromEntries(
      [...keysByName].map(([name, key]) => [
        name.slice(2),
        { type: table[key]!.value === undefined ? "boolean" : "string" } as const,
      ]),
    ),
  });

  const given = new Map<string, unknown>();
  for (const token of tokens) {
    if (token.kind === "option-terminator") continue;
    if (token.kind === "positional") {
      throw new UsageException(
        `unexpected argument ${quoted(token.value)}: options start with --, see --help`,
      );
    }
    const key = keysByName.get(token.rawName);
    if (key === undefined) {
      // Short options come one token a letter; what the user wrote is the whole argument.
      const typed = token.rawName.startsWith("--") ? token.rawName : args[token.index]!;
      throw unknownOption(typed, keysByName.keys());
    }

    const { value: placeholder, parse, repeatable } = table[key]!;
    const name = token.rawName;
    if (placeholder === undefined && token.value !== undefined) {
      throw new UsageException(`${name} takes no value: write ${name} alone`);
    }
    if (placeholder !== undefined && isMissing(token.value, token.inlineValue)) {
      throw new UsageException(`${name} needs a value: write ${name} ${placeholder}`);
    }
    if (given.has(key) && !repeatable) {
      throw new UsageException(`${name} is given more than once: write it once`);
    }
    const parsed = parseValue(name, token.value ?? "", parse);
    const earlier = repeatable ? given.get(key) as readonly unknown[] | undefined : undefined;
    given.set(key, earlier ? earlier.concat(parsed) : parsed);
  }

  return Object.fromEntries(
    Object.entries(table).map(([key, { default: value }]) => [
      key,
      given.has(key) ? given.get(key) : value,
    ]),
  ) as OptionValues<Table>;
}

/** An option that follows a name is not its value; `--name=--other` says that it is. */
function isMissing(value: string | undefined, isInline: boolean | undefined): boolean {
  return value === undefined || (!isInline && value.startsWith("--"));
}

function parseValue<T>(name: string, text: string, parse: (text: string) => T): T {
  try {
    return parse(text);
  } catch (exception) {
    if (!(exception instanceof RangeError)) throw exception;
    const written = escapeText(text, { lengthMax: 60 });
    const reason = escapeText(exception.message, { lengthMax: REASON_LENGTH_MAX });
    throw new UsageException(`${name} ${written}: ${reason}`, { cause: exception });
  }
}

function unknownOption(typed: string, names: Iterable<string>): UsageException {
  // Compared without dashes, so that they neither count as letters nor as mistakes.
  const bare = typed.replace(/^-+/, "");
  const best = nearest(bare, [...names].map((name) => name.slice(2)));
  return new UsageException(
    `unknown option ${escapeText(typed, { lengthMax: 60 })}: ` +
      (best === undefined ? "see --help" : `did you mean --${best}?`),
  );
}
