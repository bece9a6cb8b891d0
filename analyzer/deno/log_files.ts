import { basename, dirname, join } from "node:path";
import type { IpMask } from "../decode/ip_mask.ts";
import { sha256 } from "../sha256.ts";
import type { FileFacts, LogFile, LogFiles } from "../source/log_files.ts";

/** The files of this machine. */
export const systemLogFiles: LogFiles = {
  async open(path) {
    try {
      // Looked at first: to open a named pipe waits until somebody writes to it.
      if (!(await Deno.stat(path)).isFile) throw new TypeError("it is not a regular file");
      return new OpenFile(await Deno.open(path));
    } catch (exception) {
      if (exception instanceof Deno.errors.NotFound) return undefined;
      throw exception;
    }
  },

  async look(path) {
    try {
      return factsOf(await Deno.stat(path));
    } catch (exception) {
      if (exception instanceof Deno.errors.NotFound) return undefined;
      throw exception;
    }
  },

  async siblings(path) {
    const directory = dirname(path);
    const own = basename(path);
    const paths = [];
    for await (const { name, isFile } of Deno.readDir(directory)) {
      if (isFile && name !== own) paths.push(join(directory, name));
    }
    return paths;
  },

  digest: sha256,
};

/**
 * The same files, told in checkpoints by keyed hashes of their beginnings, as soon as there is a key.
 */
export function maskedLogFiles(files: LogFiles, ipMask: () => IpMask | undefined): LogFiles {
  return {
    ...files,
    digest(beginning) {
      const mask = ipMask();
      return mask === undefined
        ? files.digest(beginning)
        : Promise.resolve(new Uint8Array(mask.digest(beginning).buffer).toHex());
    },
  };
}

class OpenFile implements LogFile {
  readonly #file: Deno.FsFile;
  /** Where the next read of the system begins. */
  #atBytes = 0;

  constructor(file: Deno.FsFile) {
    this.#file = file;
  }

  async read(buffer: Uint8Array, atBytes: number): Promise<number> {
    // Most reads go on where the one before ended, and need no call more than that.
    if (atBytes !== this.#atBytes) await this.#file.seek(atBytes, Deno.SeekMode.Start);
    this.#atBytes = NaN;
    const bytes = await this.#file.read(buffer) ?? 0;
    this.#atBytes = atBytes + bytes;
    return bytes;
  }

  async facts(): Promise<FileFacts> {
    return factsOf(await this.#file.stat());
  }

  close(): void {
    this.#file[Symbol.dispose]();
  }
}

function factsOf(info: Deno.FileInfo): FileFacts {
  return {
    device: info.dev,
    inode: info.ino ?? 0,
    sizeBytes: info.size,
    modifiedAtMs: info.mtime?.getTime() ?? 0,
  };
}
