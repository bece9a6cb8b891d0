import { join } from "node:path";

/**
 * Moves what earlier runs left in a directory into `set_aside/` below it. Nothing is deleted.
 *
 * @returns where it went, or `undefined` where there was nothing
 */
export async function setStateAside(
  root: string,
  names: readonly string[],
  label: string,
): Promise<string | undefined> {
  const aside = join(root, "set_aside", label);
  let movedAny = false;
  for (const name of names) {
    try {
      await Deno.lstat(join(root, name));
    } catch (exception) {
      if (exception instanceof Deno.errors.NotFound) continue;
      throw exception;
    }
    await Deno.mkdir(aside, { recursive: true });
    await Deno.rename(join(root, name), join(aside, name));
    movedAny = true;
  }
  return movedAny ? aside : undefined;
}
