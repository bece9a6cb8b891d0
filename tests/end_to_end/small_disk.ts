import { join } from "node:path";

/** A file system of its own on a directory, of a size that is soon full. It is gone afterwards. */
export class SmallDisk implements Disposable {
  readonly path: string;

  /**
   * Mounts it on a directory, which is made where it is missing.
   *
   * @throws {Error} where the system does not let us mount anything
   */
  constructor(path: string, { bytes }: { readonly bytes: number }) {
    Deno.mkdirSync(path, { recursive: true });
    runSync("mount", ["-t", "tmpfs", "-o", `size=${bytes}`, "vigie-test", path]);
    this.path = path;
  }

  /**
   * Writes ballast that takes all room, but for so many bytes.
   *
   * @param freeBytes in whole pages of memory, which are what such a disk is made of
   */
  fill({ freeBytes = 0 }: { readonly freeBytes?: number } = {}): void {
    using file = Deno.openSync(this.#ballast, { write: true, create: true, append: true });
    const page = new Uint8Array(PAGE_BYTES);
    try {
      for (;;) file.writeSync(page);
    } catch (exception) {
      if (!isFull(exception)) throw exception;
    }
    file.truncateSync(file.statSync().size - freeBytes);
  }

  /** Takes the ballast away. */
  makeRoom(): void {
    Deno.removeSync(this.#ballast);
  }

  [Symbol.dispose](): void {
    runSync("umount", [this.path]);
  }

  get #ballast(): string {
    return join(this.path, "ballast");
  }
}

const PAGE_BYTES = 4096;

function isFull(exception: unknown): boolean {
  return exception instanceof Error && "code" in exception && exception.code === "ENOSPC";
}

/** Runs another program to its end. */
function runSync(program: string, args: readonly string[]): void {
  const { success, stderr } = new Deno.Command(program, { args: [...args] }).outputSync();
  if (success) return;
  throw new Error(`${program} ${args.join(" ")}: ${new TextDecoder().decode(stderr).trimEnd()}`);
}
