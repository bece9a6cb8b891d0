import { escapeText } from "../escape_text.ts";
import { formatHostPort, type HostPort } from "../options.ts";

/** Something that a command line needs Deno's permission for. */
export type Need =
  | { readonly name: "net"; readonly host: string }
  | { readonly name: "read"; readonly path: string }
  | { readonly name: "write"; readonly path: string };

/** The permission to connect to an address, or to listen on it. */
export function netNeed(address: HostPort): Need {
  return { name: "net", host: formatHostPort(address) };
}

/** Those of the needs that are not granted. Never asks anybody. */
export function missingPermissions(needs: readonly Need[]): readonly Need[] {
  return needs.filter((need) => Deno.permissions.querySync(need).state !== "granted");
}

/** What the task of a command grants in deno.json: all that its defaults need. */
function usualFlags(command: string | undefined) {
  return { net: ["127.0.0.1", "localhost", "[::1]"], ...usualPaths(command) };
}

function usualPaths(command: string | undefined) {
  switch (command) {
    case "gen":
      return { read: [], write: [] };
    case "demo":
      return { read: ["output"], write: ["output"] };
    default:
      return { read: ["."], write: ["output", "checkpoint"] };
  }
}

/**
 * The command that runs the same command line with what the tasks grant and what is missing.
 *
 * @param args the arguments after `main.ts`
 */
export function grantingCommand(missing: readonly Need[], args: readonly string[]): string {
  const usual = usualFlags(args[0]);
  const flags = (["net", "read", "write"] as const).flatMap((name) => {
    const extra = missing.filter((need) => need.name === name)
      .map((need) => need.name === "net" ? need.host : withoutComma(need.path));
    const granted = [...new Set([...usual[name], ...extra])];
    return granted.length === 0 ? [] : [quoteWord(`--allow-${name}=${granted.join(",")}`)];
  });
  return ["deno run --no-prompt --no-remote", ...flags, "main.ts", ...args.map(quoteWord)].join(
    " ",
  );
}

/**
 * The path, or where Deno's flags cannot name it the directory above: they split lists at commas,
 * and know no way to write one that belongs to a name.
 */
function withoutComma(path: string): string {
  return path.replace(/[^/]*,.*$/s, "");
}

/**
 * One word of a shell command, safe to show: what a terminal would act on is written as bytes in
 * `$'…'`, which bash, zsh and most other shells of today read.
 */
export function quoteWord(word: string): string {
  if (escapeText(word) !== word) {
    const pieces = Array.from(word, (character) => {
      if (character === "'" || character === "\\") return `\\${character}`;
      if (escapeText(character) === character) return character;
      const bytes = new TextEncoder().encode(character);
      return Array.from(bytes, (byte) => `\\x${byte.toString(16).padStart(2, "0")}`).join("");
    });
    return `$'${pieces.join("")}'`;
  }
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
