import { type Option, optionName, type OptionTable } from "./options.ts";

/** Longest line of a help text, in characters. */
const LINE_LENGTH_MAX = 100;
/** A term longer than this stands on a line of its own, so that it does not push all others. */
const TERM_LENGTH_MAX = 36;

/** What `--help` prints. */
export interface HelpContent {
  /** The command as it is typed, such as `deno task gen [options]`. */
  readonly usage: string;
  /** What the command does, in a sentence or two. */
  readonly summary: string;
  /** What each command of the program does, by name. */
  readonly commands?: Readonly<Record<string, string>>;
  /** The options of the command. */
  readonly options?: OptionTable;
  /** What else is listed, by heading: a term and a text each. */
  readonly lists?: Readonly<Record<string, readonly (readonly [term: string, text: string])[]>>;
  /** Whole command lines, shown as they are. */
  readonly examples?: readonly string[];
}

/** The help text of a program or command: sections, aligned columns, lines of at most 100. */
export function renderHelp(content: HelpContent): string {
  const sections = [`Usage: ${content.usage}`, wrap(content.summary, LINE_LENGTH_MAX).join("\n")];
  if (content.commands) {
    sections.push(`Commands:\n${renderColumns(Object.entries(content.commands))}`);
  }
  if (content.options) {
    const rows = Object.entries(content.options).map(
      ([key, option]) => [optionTerm(key, option), optionHelp(option)] as const,
    );
    sections.push(`Options:\n${renderColumns(rows)}`);
  }
  for (const [heading, rows] of Object.entries(content.lists ?? {})) {
    sections.push(`${heading}:\n${renderColumns(rows)}`);
  }
  if (content.examples) {
    sections.push(["Examples:", ...content.examples.map((line) => `  ${line}`)].join("\n"));
  }
  return sections.join("\n\n") + "\n";
}

function optionTerm(key: string, option: Option<unknown>): string {
  return option.value === undefined ? optionName(key) : `${optionName(key)} ${option.value}`;
}

function optionHelp(option: Option<unknown>): string {
  const notes = [];
  if (option.repeatable) notes.push("repeatable");
  const defaultText = option.defaultText ?? plainText(option.default);
  if (defaultText !== "") notes.push(`default: ${defaultText}`);
  return notes.length === 0 ? option.help : `${option.help} (${notes.join("; ")})`;
}

/** A default that can be shown as it is; empty for one that says nothing, such as `undefined`. */
function plainText(value: unknown): string {
  if (Array.isArray(value)) return value.map(plainText).join(", ");
  return typeof value === "string" || typeof value === "number" ? String(value) : "";
}

function renderColumns(rows: readonly (readonly [term: string, text: string])[]): string {
  const termLengths = rows.map(([term]) => term.length).filter((n) => n <= TERM_LENGTH_MAX);
  const indent = Math.max(0, ...termLengths) + 4;
  return rows.flatMap(([term, text]) => {
    const lines = wrap(text, LINE_LENGTH_MAX - indent).map((line) => " ".repeat(indent) + line);
    const head = `  ${term}`;
    return head.length + 2 > indent
      ? [head, ...lines]
      : [head + lines[0]!.slice(head.length), ...lines.slice(1)];
  }).join("\n");
}

/** Lines of at most `length` characters, broken between words; a longer word stays whole. */
function wrap(text: string, length: number): string[] {
  const lines = [""];
  for (const word of text.split(" ")) {
    const last = lines.length - 1;
    if (lines[last] === "") lines[last] = word;
    else if (lines[last]!.length + 1 + word.length <= length) lines[last] += ` ${word}`;
    else lines.push(word);
  }
  return lines;
}
