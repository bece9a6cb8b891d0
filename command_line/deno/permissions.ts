import type { HostPort } from "../options.ts";

/** Something that a command line needs Deno's permission for. */
export type Need =
  | { readonly name: "net"; readonly host: string }
  | { readonly name: "read"; readonly path: string }
  | { readonly name: "write"; readonly path: string };

/** The permission to connect to an address, or to listen on it. */
export function netNeed({ hostname, port }: HostPort): Need {
  return { name: "net", host: `${hostname.includes(":") ? `[${hostname}]` : hostname}:${port}` };
}

/** Those of the needs that are not granted. Never asks anybody. */
export function missingPermissions(needs: readonly Need[]): readonly Need[] {
  return needs.filter((need) => Deno.permissions.querySync(need).state !== "granted");
}

/** What the tasks in deno.json grant; everything that the defaults need. */
const USUAL_FLAGS = { net: ["127.0.0.1", "localhost", "[::1]"], read: ["."], write: ["."] };

/**
 * The command that runs the same command line with what the tasks grant and what is missing.
 *
 * @param args the arguments after `main.ts`
 */
export function grantingCommand(missing: readonly Need[], args: readonly string[]): string {
  const flags = (["net", "read", "write"] as const).map((name) => {
    const extra = missing.filter((need) => need.name === name)
      .map((need) => need.name === "net" ? need.host : withoutComma(need.path));
    return quoteWord(`--allow-${name}=${[...new Set([...USUAL_FLAGS[name], ...extra])].join(",")}`);
  });
  return ["deno run --no-prompt", ...flags, "main.ts", ...args.map(quoteWord)].join(" ");
}

/**
 * The path, or where Deno's flags cannot name it the directory above: they split lists at commas,
 * and know no way to write one that belongs to a name.
 */
function withoutComma(path: string): string {
  return path.replace(/[^/]*,.*$/s, "");
}

/** One word of a shell command. */
function quoteWord(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
