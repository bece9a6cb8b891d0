import { dirname, join, resolve } from "node:path";
import type { AppendFile, PieceStorage, Storage, StoredFile } from "../sink/storage.ts";
import { isOfTheSystem, onStorage } from "./system_exception.ts";

/** Files below a directory of this machine. The directory is made when something is written. */
export class DirectoryStorage implements Storage, PieceStorage {
  readonly root: string;
  /** Directories that are there after a crash, as far as that is known. */
  readonly #durable = new Set<string>();

  /** @param root relative to the working directory, or absolute */
  constructor(root: string) {
    this.root = resolve(root);
  }

  read(path: string): Promise<Uint8Array | undefined> {
    const target = join(this.root, path);
    return onStorage(`read ${target}`, async () => {
      try {
        return await Deno.readFile(target);
      } catch (exception) {
        if (exception instanceof Deno.errors.NotFound) return undefined;
        throw exception;
      }
    });
  }

  replace(
    path: string,
    bytes: Uint8Array,
    options: { readonly isSecret?: boolean } = {},
  ): Promise<void> {
    const target = join(this.root, path);
    const temporary = `${target}.new`;
    return onStorage(`write ${target}`, async () => {
      await this.#makeDirectory(dirname(target));
      using file = await Deno.open(temporary, {
        write: true,
        create: true,
        truncate: true,
        ...(options.isSecret === true ? { mode: 0o600 } : {}),
      });
      await writeAll(file, bytes);
      await file.syncData();
      await Deno.rename(temporary, target);
      await syncDirectory(dirname(target));
    });
  }

  readPiece(
    path: string,
    startBytes: number,
    endBytes: number,
  ): Promise<Uint8Array | undefined> {
    const target = join(this.root, path);
    return onStorage(`read ${target}`, async () => {
      try {
        using file = await Deno.open(target);
        await file.seek(startBytes, Deno.SeekMode.Start);
        const bytes = new Uint8Array(endBytes - startBytes);
        let length = 0;
        while (length < bytes.length) {
          const read = await file.read(bytes.subarray(length));
          if (read === null) break;
          length += read;
        }
        return bytes.subarray(0, length);
      } catch (exception) {
        if (exception instanceof Deno.errors.NotFound) return undefined;
        throw exception;
      }
    });
  }

  append(path: string): Promise<AppendFile> {
    const target = join(this.root, path);
    return onStorage(`open ${target}`, async () => {
      await this.#makeDirectory(dirname(target));
      const file = await Deno.open(target, { append: true, create: true });
      try {
        // One file does one thing at a time: what makes it durable must not hold up what is written.
        return appendFile(target, file, await Deno.open(target, { append: true }));
      } catch (exception) {
        file.close();
        throw exception;
      }
    });
  }

  truncate(path: string, bytes: number): Promise<void> {
    const target = join(this.root, path);
    return onStorage(`cut ${target}`, async () => {
      try {
        using file = await Deno.open(target, { read: true, write: true });
        if ((await file.stat()).size <= bytes) return;
        await file.truncate(bytes);
        await file.sync();
      } catch (exception) {
        if (!(exception instanceof Deno.errors.NotFound)) throw exception;
      }
    });
  }

  move(from: string, to: string): Promise<void> {
    const source = join(this.root, from);
    const target = join(this.root, to);
    return onStorage(`move ${source}`, async () => {
      await this.#makeDirectory(dirname(target));
      await Deno.rename(source, target);
      await syncDirectory(dirname(target));
      await syncDirectory(dirname(source));
    });
  }

  remove(path: string): Promise<void> {
    const target = join(this.root, path);
    return onStorage(`remove ${target}`, async () => {
      try {
        await Deno.remove(target);
      } catch (exception) {
        if (exception instanceof Deno.errors.NotFound) return;
        throw exception;
      }
      await syncDirectory(dirname(target));
    });
  }

  async removeDirectory(path: string): Promise<void> {
    const target = join(this.root, path);
    try {
      await Deno.remove(target);
    } catch (exception) {
      // It is not empty, or not ours to remove; an empty one more is no harm.
      if (isOfTheSystem(exception)) return;
      throw exception;
    }
    this.#durable.delete(target);
  }

  list(directory: string): Promise<readonly StoredFile[]> {
    const files: StoredFile[] = [];
    const visit = async (path: string) => {
      const entries: Deno.DirEntry[] = [];
      try {
        for await (const entry of Deno.readDir(join(this.root, path))) entries.push(entry);
      } catch (exception) {
        if (exception instanceof Deno.errors.NotFound) return;
        throw exception;
      }
      for (const entry of entries) {
        const inner = `${path}/${entry.name}`;
        if (entry.isDirectory) await visit(inner);
        else if (entry.isFile) {
          // Somebody may have taken it away meanwhile.
          const info = await Deno.stat(join(this.root, inner)).catch(unlessNotFound);
          if (info === undefined) continue;
          const { size, mtime } = info;
          files.push({ path: inner, bytes: size, modifiedAtMs: mtime?.getTime() ?? Infinity });
        }
      }
    };
    return onStorage(`list ${join(this.root, directory)}`, async () => {
      await visit(directory);
      return files.sort((a, b) => a.path < b.path ? -1 : 1);
    });
  }

  /**
   * Makes a directory and those above it, each name durable. One that is there already may have
   * been made by an attempt whose sync has failed: each is synced once. Somebody may take one away
   * at any time, so each is tried anew.
   */
  async #makeDirectory(path: string): Promise<void> {
    const parent = dirname(path);
    if (path === parent) return;
    try {
      await Deno.mkdir(path);
    } catch (exception) {
      // What may not be written to was not made by us.
      if (exception instanceof Deno.errors.NotCapable && path !== this.root) return;
      if (exception instanceof Deno.errors.NotFound) {
        await this.#makeDirectory(parent);
        return await this.#makeDirectory(path);
      }
      if (!(exception instanceof Deno.errors.AlreadyExists)) throw exception;
      if (this.#durable.has(path)) return;
    }
    await this.#makeDirectory(parent);
    await syncDirectory(parent);
    this.#durable.add(path);
  }
}

function appendFile(target: string, file: Deno.FsFile, synced: Deno.FsFile): AppendFile {
  let isNameDurable = false;
  return {
    write: (bytes) => onStorage(`write ${target}`, () => writeAll(file, bytes)),
    sync: () =>
      onStorage(`write ${target}`, async () => {
        await synced.syncData();
        if (isNameDurable) return;
        await syncDirectory(dirname(target));
        isNameDurable = true;
      }),
    close() {
      file.close();
      synced.close();
    },
  };
}

/**
 * Makes the names in a directory durable. Where permissions end above the project's own directory
 * there is nothing to be done about the directory that holds it.
 */
async function syncDirectory(path: string): Promise<void> {
  try {
    using directory = await Deno.open(path);
    await directory.syncData();
  } catch (exception) {
    if (!(exception instanceof Deno.errors.NotCapable)) throw exception;
  }
}

function unlessNotFound(exception: unknown): undefined {
  if (!(exception instanceof Deno.errors.NotFound)) throw exception;
}

async function writeAll(file: Deno.FsFile, bytes: Uint8Array): Promise<void> {
  let written = 0;
  while (written < bytes.length) written += await file.write(bytes.subarray(written));
}
