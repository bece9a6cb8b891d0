import { ROOT, runDeno, withTemporaryDirectory } from "./checkout.ts";

/** What a module imports: paths relative to the root where they are ours, else as they are known. */
export interface Imports {
  /** Imports that are there when the program runs. */
  readonly code: readonly string[];
  /** Imports of types alone, which are erased. */
  readonly types: readonly string[];
  /** All of them as they are written. */
  readonly written: readonly string[];
}

/** Part of what `deno info --json` prints. */
interface ModuleInfo {
  readonly specifier: string;
  readonly error?: string;
  readonly dependencies?: readonly {
    readonly specifier: string;
    readonly code?: { readonly specifier?: string };
    readonly type?: { readonly specifier?: string };
  }[];
}

/** The imports of each of the files, as Deno's own parser sees them. */
export async function readModuleGraph(
  files: readonly string[],
): Promise<ReadonlyMap<string, Imports>> {
  const json = await withTemporaryDirectory(async (directory) => {
    const entry = `${directory}/all.ts`;
    const lines = files.map((path) => `import ${JSON.stringify(`../../${path}`)};\n`);
    await Deno.writeTextFile(new URL(entry, ROOT), lines.join(""));
    return await runDeno(["info", "--frozen", "--json", entry]);
  });
  const { modules } = JSON.parse(json) as { readonly modules: readonly ModuleInfo[] };
  const graph = new Map<string, Imports>();
  for (const { specifier, error, dependencies = [] } of modules) {
    if (error !== undefined) throw new Error(`Cannot read ${specifier}: ${error}`);
    const code: string[] = [];
    const types: string[] = [];
    for (const dependency of dependencies) {
      if (dependency.code !== undefined) {
        code.push(toPath(dependency.code.specifier ?? dependency.specifier));
      } else {
        types.push(toPath(dependency.type?.specifier ?? dependency.specifier));
      }
    }
    const written = dependencies.map(({ specifier }) => specifier);
    graph.set(toPath(specifier), { code, types, written });
  }
  const missing = files.filter((path) => !graph.has(path));
  if (missing.length > 0) throw new Error(`Not in the module graph: ${missing.join(", ")}`);
  return graph;
}

function toPath(specifier: string): string {
  return specifier.startsWith(ROOT.href)
    ? decodeURIComponent(specifier.slice(ROOT.href.length))
    : specifier;
}

/**
 * Groups of modules that reach each other: the strongly connected components of two modules or
 * more, by Tarjan's algorithm ("Depth-first search and linear graph algorithms", 1972).
 */
export function findCircles(
  importsOf: (path: string) => readonly string[],
  paths: readonly string[],
): readonly (readonly string[])[] {
  const circles: string[][] = [];
  const indexes = new Map<string, number>();
  const lows = new Map<string, number>();
  const stack: string[] = [];
  const visit = (path: string) => {
    const index = indexes.size;
    indexes.set(path, index);
    let low = index;
    lows.set(path, low);
    stack.push(path);
    for (const imported of importsOf(path)) {
      if (!indexes.has(imported)) low = Math.min(low, visit(imported));
      else if (stack.includes(imported)) low = Math.min(low, lows.get(imported)!);
      lows.set(path, low);
    }
    if (low === index) {
      const group = stack.splice(stack.indexOf(path)).sort();
      if (group.length > 1) circles.push(group);
    }
    return low;
  };
  for (const path of paths) if (!indexes.has(path)) visit(path);
  return circles;
}
