import { join } from "node:path";
import { StartException } from "../exceptions.ts";
import type { Storage } from "../sink/storage.ts";

/**
 * Keeps a second analyzer off a directory for as long as this process lives: the lock goes with
 * it, however it ends, so nobody ever has to delete the file.
 *
 * @throws {StartException} where another process holds the lock
 */
export async function lockDirectory(storage: Storage): Promise<Disposable> {
  const path = join(storage.root, LOCK_FILE);
  await Deno.mkdir(storage.root, { recursive: true });
  const file = await Deno.open(path, { write: true, create: true });
  if (await file.tryLock(true)) return file;
  file.close();
  throw new StartException(
    `${storage.root} is in use by another vigie: stop it, or take another --output and --checkpoint`,
    { exitStatus: 1 },
  );
}

const LOCK_FILE = "lock";
