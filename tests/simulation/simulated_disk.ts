import { StorageException } from "../../analyzer/exceptions.ts";
import type { AppendFile, Storage, StoredFile } from "../../analyzer/sink/storage.ts";
import { concatBytes } from "../support/log_lines.ts";
import type { Mulberry32 } from "../support/mulberry32.ts";
import type { Life } from "./life.ts";

/** What a disk can be asked to do. */
export type DiskOperation =
  | "read"
  | "replace"
  | "append"
  | "write"
  | "sync"
  | "truncate"
  | "move"
  | "remove"
  | "list";

/** What the disk refuses for now. */
export interface Outage {
  readonly reason: string;
  readonly operations: readonly DiskOperation[];
  /** Share of these operations that fail, above 0 and up to 1. */
  readonly share: number;
}

/**
 * A disk that outlives the programs that write to it. It knows of each file what was written and
 * what is durable, takes its time, refuses what an outage says, tears what is under way when a
 * program dies, and loses what is not durable when the machine does.
 */
export class SimulatedDisk {
  readonly #random: Mulberry32;
  readonly #nowMs: () => number;
  readonly #files = new Map<string, File>();
  /** What may still come of operations that a program did not live to see the end of. */
  readonly #underWay = new Set<() => void>();
  outage: Outage | undefined;
  /** How many operations have been refused, by kind. */
  readonly refused = new Map<DiskOperation, number>();

  /** @param nowMs the wall clock */
  constructor(random: Mulberry32, nowMs: () => number) {
    this.#random = random;
    this.#nowMs = nowMs;
  }

  /**
   * The directory below `root` as one program sees it.
   *
   * @param onRemoved told what was in a file that was removed
   */
  storage(
    root: string,
    life: Life,
    onRemoved: (bytes: Uint8Array) => void = () => {},
  ): Storage {
    const at = (path: string) => `${root}/${path}`;
    return {
      root,
      read: (path) => this.#do(life, "read", at(path), () => this.bytes(at(path))?.slice()),
      replace: (path, bytes) => {
        const copy = bytes.slice();
        return this.#doWhole(life, "replace", at(path), () => this.#set(at(path), copy));
      },
      append: (path) =>
        this.#do(life, "append", at(path), () => {
          if (!this.#files.has(at(path))) {
            const modifiedAtMs = this.#nowMs();
            this.#files.set(at(path), {
              written: EMPTY,
              durable: undefined,
              lost: [],
              modifiedAtMs,
            });
          }
          return this.#open(at(path), life);
        }),
      truncate: (path, bytes) =>
        this.#doWhole(life, "truncate", at(path), () => this.#truncate(at(path), bytes)),
      move: (from, to) =>
        this.#doWhole(life, "move", at(from), () => {
          this.#set(at(to), this.#get(at(from)).written);
          this.#files.delete(at(from));
        }),
      remove: (path) =>
        this.#doWhole(life, "remove", at(path), () => {
          const file = this.#files.get(at(path));
          if (file === undefined) return;
          this.#files.delete(at(path));
          onRemoved(file.written);
        }),
      // There are none but in names.
      removeDirectory: () => Promise.resolve(),
      list: (directory) =>
        this.#do(
          life,
          "list",
          at(directory),
          () =>
            this.paths(at(directory)).map((path): StoredFile => ({
              path: path.slice(root.length + 1),
              bytes: this.#get(path).written.length,
              modifiedAtMs: this.#get(path).modifiedAtMs,
            })),
        ),
    };
  }

  /** Paths of all files below a directory, in order. */
  paths(directory: string): string[] {
    return [...this.#files.keys()].filter((path) => path.startsWith(`${directory}/`)).sort();
  }

  bytes(path: string): Uint8Array | undefined {
    return this.#files.get(path)?.written;
  }

  /** Gives all files below a directory other names, at once; somebody at the keyboard does. */
  moveAll(paths: readonly string[], to: string): void {
    for (const path of paths) {
      const file = this.#files.get(path);
      if (file === undefined) continue;
      this.#set(`${to}${path}`, file.written);
      this.#files.delete(path);
    }
  }

  /** Changes one bit of a file, on the disk itself. Returns a function that changes it back. */
  flipBit(path: string): () => void {
    const at = this.#random.below(this.#get(path).written.length);
    const flip = () => {
      const file = this.#files.get(path);
      if (file === undefined || file.written.length <= at) return;
      const bytes = file.written.slice();
      bytes[at]! ^= 1 << this.#random.below(8);
      this.#set(path, bytes);
    };
    const before = this.#get(path).written[at]!;
    flip();
    return () => {
      const file = this.#files.get(path);
      if (file === undefined || file.written.length <= at) return;
      const bytes = file.written.slice();
      bytes[at] = before;
      this.#set(path, bytes);
    };
  }

  /** The program has died: of what was under way, some was done, or none, or half. */
  endOperations(): void {
    for (const settle of this.#underWay) settle();
    this.#underWay.clear();
  }

  /** The machine has died: of what was not durable, anything may be left, or zeros in its place. */
  crash(): void {
    for (const [path, file] of [...this.#files]) {
      const durable = file.durable ?? EMPTY;
      if (file.durable === undefined && this.#random.next() < 0.5) {
        this.#files.delete(path);
        continue;
      }
      const length = durable.length +
        this.#random.below(Math.max(0, file.written.length - durable.length) + 1);
      const left = file.written.slice(0, length);
      left.set(durable.subarray(0, length));
      for (const { start, end } of file.lost) left.fill(0, start, end);
      if (length > durable.length && this.#random.next() < 0.3) {
        left.fill(0, durable.length + this.#random.below(length - durable.length));
      }
      this.#set(path, left);
    }
  }

  #open(path: string, life: Life): AppendFile {
    return {
      write: (bytes) => {
        const half = () => this.#add(path, bytes.subarray(0, this.#random.below(bytes.length + 1)));
        return this.#do(life, "write", path, () => this.#add(path, bytes), half);
      },
      sync: () => {
        const { length } = this.#get(path).written;
        return this.#do(life, "sync", path, () => this.#makeDurable(path, length), () => {
          const file = this.#get(path);
          // The system gives the bytes up, and will not say so again.
          file.lost.push({ start: file.durable?.length ?? 0, end: length });
        });
      },
      close() {},
    };
  }

  /** What happens wholly or not at all, also where it is refused. */
  #doWhole(
    life: Life,
    operation: DiskOperation,
    path: string,
    effect: () => void,
  ): Promise<void> {
    return this.#do(life, operation, path, effect, () => {
      if (this.#random.next() < 0.5) effect();
    });
  }

  /** @param refused what comes of it where it is refused, or the program dies meanwhile */
  async #do<T>(
    life: Life,
    operation: DiskOperation,
    path: string,
    effect: () => T,
    refused: () => void = () => {},
  ): Promise<T> {
    // The dead begin nothing any more.
    await life.whileAlive();
    // A sync that nobody learns the end of has lost nothing.
    const settle = operation === "sync" ? () => {} : refused;
    this.#underWay.add(settle);
    if (this.#random.next() < 0.3) await life.sleep(this.#random.below(20));
    await life.whileAlive();
    this.#underWay.delete(settle);
    const { outage } = this;
    if (outage?.operations.includes(operation) && this.#random.next() < outage.share) {
      this.refused.set(operation, (this.refused.get(operation) ?? 0) + 1);
      refused();
      throw new StorageException(`Cannot ${operation} ${path}: ${outage.reason}`);
    }
    return effect();
  }

  #set(path: string, bytes: Uint8Array): void {
    const modifiedAtMs = this.#nowMs();
    this.#files.set(path, { written: bytes, durable: bytes, lost: [], modifiedAtMs });
  }

  #get(path: string): File {
    const file = this.#files.get(path);
    if (file === undefined) throw new StorageException(`Cannot find ${path}`);
    return file;
  }

  #add(path: string, bytes: Uint8Array): void {
    const file = this.#get(path);
    file.written = concatBytes([file.written, bytes]);
    file.modifiedAtMs = this.#nowMs();
  }

  #makeDurable(path: string, length: number): void {
    const file = this.#get(path);
    const durable = file.written.slice(0, length);
    for (const { start, end } of file.lost) durable.fill(0, start, end);
    file.durable = durable;
  }

  #truncate(path: string, bytes: number): void {
    const file = this.#files.get(path);
    if (file === undefined || file.written.length <= bytes) return;
    const lost = file.lost.filter(({ start }) => start < bytes);
    file.written = file.written.slice(0, bytes);
    file.durable = file.written;
    file.lost.splice(0, Infinity, ...lost);
  }
}

interface File {
  written: Uint8Array;
  /** `undefined` where not even the name is there after a crash of the machine. */
  durable: Uint8Array | undefined;
  /** Places of bytes that the system has given up; what is written there anew is right again. */
  readonly lost: { readonly start: number; readonly end: number }[];
  modifiedAtMs: number;
}

const EMPTY = new Uint8Array();
