/** Root of the checkout; ends with a slash. */
export const ROOT = new URL("../../", import.meta.url);

/** Folders at the root that hold nothing of ours: what git ignores, and git itself. */
const FOREIGN_FOLDERS = [".git", "checkpoint", "coverage", "node_modules", "output"];

/** Folders at the root whose modules are the program. */
export const SOURCE_FOLDERS = ["analyzer", "command_line", "generator", "links", "log_format"];

/**
 * Every file of the project, as a path relative to {@linkcode ROOT}, in order: what git knows or
 * would add, so that results that somebody has written into the checkout do not count; without a
 * repository all that lies there.
 */
export async function listFiles(): Promise<readonly string[]> {
  const paths = await listFilesOfGit() ?? await walkFiles();
  return paths.sort();
}

async function listFilesOfGit(): Promise<string[] | undefined> {
  const args = ["ls-files", "-z", "--cached", "--others", "--exclude-standard", "--deduplicate"];
  const command = new Deno.Command("git", { args, cwd: ROOT, stderr: "null" });
  const { success, stdout } = await command.output().catch((exception) => {
    if (exception instanceof Deno.errors.NotFound) return { success: false, stdout: undefined };
    throw exception;
  });
  const listed = new TextDecoder().decode(stdout).split("\0").slice(0, -1);
  // Nothing is listed where the project lies unpacked in somebody else's repository, ignored.
  if (!success || listed.length === 0) return undefined;
  const paths = [];
  for (const path of listed) {
    // Git also knows files that were deleted since the last commit.
    if (await Deno.stat(new URL(path, ROOT)).then(() => true, () => false)) paths.push(path);
  }
  return paths;
}

async function walkFiles(): Promise<string[]> {
  const paths = ["output/README.md"];
  const visit = async (folder: string) => {
    for await (const { name, isDirectory, isFile } of Deno.readDir(new URL(folder, ROOT))) {
      const path = `${folder}${name}`;
      if (isDirectory && !FOREIGN_FOLDERS.includes(path)) await visit(`${path}/`);
      else if (isFile) paths.push(path);
    }
  };
  await visit("");
  return paths;
}

/**
 * The modules of the program, `main.ts` and the JavaScript of the dashboard included; no tests, no
 * benches.
 */
export async function listSources(): Promise<readonly string[]> {
  const files = await listFiles();
  return files.filter((path) =>
    path === "main.ts" || (/\.[jt]s$/.test(path) && SOURCE_FOLDERS.includes(folderOf(path)))
  );
}

/** The folder at the root that a path lies in; the path itself where it lies in none. */
export function folderOf(path: string): string {
  return path.split("/", 1)[0]!;
}

/** Text of a file of the project. */
export function readText(path: string): Promise<string> {
  return Deno.readTextFile(new URL(path, ROOT));
}

/** Runs `deno` in the root of the checkout, and returns what it printed once it has succeeded. */
export async function runDeno(args: readonly string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [...args],
    cwd: ROOT,
    env: { NO_COLOR: "1" },
  }).output();
  const decoder = new TextDecoder();
  if (!success) {
    throw new Error(`deno ${args.join(" ")} failed:\n${decoder.decode(stderr)}`);
  }
  return decoder.decode(stdout);
}

/** Calls back with a directory, relative to {@linkcode ROOT}, that is removed afterwards. */
export async function withTemporaryDirectory<T>(
  use: (directory: string) => Promise<T>,
): Promise<T> {
  const directory = `output/architecture-${crypto.randomUUID()}`;
  await Deno.mkdir(new URL(directory, ROOT));
  try {
    return await use(directory);
  } finally {
    await Deno.remove(new URL(directory, ROOT), { recursive: true });
  }
}
