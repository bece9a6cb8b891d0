import { freePort, vigieCommand } from "./process.ts";

/** What is on: everything (errors, windows, checkpoints, HTTP), or counting alone. */
export type Mode = "everything" | "counting";

/**
 * The command that analyzes a source to its end, and prints a table a window.
 *
 * @param directory an empty one of its own
 */
export function analyzeCommand(
  source: string,
  { mode, directory, httpPort = freePort() }: {
    readonly mode: Mode;
    readonly directory: string;
    readonly httpPort?: number;
  },
): string[] {
  const http = ["--http", `127.0.0.1:${httpPort}`];
  const saving = ["--output", `${directory}/output`, "--checkpoint", `${directory}/checkpoint`];
  const what = mode === "counting" ? ["--no-save", "--no-http"] : [...http, ...saving];
  return vigieCommand("analyze", "--source", source, "--once", ...what);
}

/** Runs something in a new directory that is gone afterwards. */
export async function inDirectory<T>(run: (directory: string) => Promise<T>): Promise<T> {
  const directory = await Deno.makeTempDir({ prefix: "vigie-bench-" });
  try {
    return await run(directory);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}
