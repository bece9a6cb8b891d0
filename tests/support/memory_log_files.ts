import { sha256 } from "../../analyzer/sha256.ts";
import type { FileFacts, LogFile, LogFiles } from "../../analyzer/source/log_files.ts";

/** Files in memory that are written to, moved and emptied as a test says. */
export class MemoryLogFiles implements LogFiles {
  readonly #nowMs: () => number;
  readonly #nodes = new Map<string, Node>();
  #inode = 0;
  /** Files that are open for reading. */
  openCount = 0;
  /** How often a path was looked at. */
  lookCount = 0;
  /** Most bytes that a read gives. */
  readBytesMax = Infinity;
  /** Asked before each read, look and opening; what it throws is what the system says. */
  fault: (operation: "open" | "look" | "read" | "list", path: string) => void = () => {};

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  /** Creates an empty file; one that has the name loses it. */
  create(path: string): MemoryWriter {
    this.#nodes.set(path, {
      path,
      inode: ++this.#inode,
      bytes: new Uint8Array(),
      modifiedAtMs: this.#nowMs(),
    });
    return this.writer(path);
  }

  /** Opens a file for appending, as a server has its log open: names do not matter any more. */
  writer(path: string): MemoryWriter {
    const node = this.#node(path);
    return {
      append: (text) => {
        const added = new TextEncoder().encode(text);
        const bytes = new Uint8Array(node.bytes.length + added.length);
        bytes.set(node.bytes);
        bytes.set(added, node.bytes.length);
        node.bytes = bytes;
        node.modifiedAtMs = this.#nowMs();
      },
    };
  }

  append(path: string, text: string): void {
    this.writer(path).append(text);
  }

  rename(from: string, to: string): void {
    const node = this.#node(from);
    this.#nodes.delete(from);
    this.#nodes.set(to, node);
    node.path = to;
  }

  copy(from: string, to: string): void {
    this.create(to);
    this.#node(to).bytes = this.#node(from).bytes;
  }

  truncate(path: string, sizeBytes = 0): void {
    const node = this.#node(path);
    node.bytes = node.bytes.slice(0, sizeBytes);
    node.modifiedAtMs = this.#nowMs();
  }

  remove(path: string): void {
    this.#nodes.delete(path);
  }

  paths(): string[] {
    return [...this.#nodes.keys()].sort();
  }

  open(path: string): Promise<LogFile | undefined> {
    return this.#do("open", path, () => {
      const node = this.#nodes.get(path);
      if (node === undefined) return undefined;
      this.openCount++;
      let isOpen = true;
      return {
        read: (buffer, atBytes) =>
          this.#do("read", node.path, () => {
            const bytes = node.bytes.subarray(atBytes, atBytes + this.readBytesMax)
              .subarray(0, buffer.length);
            buffer.set(bytes);
            return bytes.length;
          }),
        facts: () => Promise.resolve(factsOf(node)),
        close: () => {
          if (isOpen) this.openCount--;
          isOpen = false;
        },
      };
    });
  }

  look(path: string): Promise<FileFacts | undefined> {
    this.lookCount++;
    return this.#do("look", path, () => {
      const node = this.#nodes.get(path);
      return node === undefined ? undefined : factsOf(node);
    });
  }

  readonly digest = sha256;

  siblings(path: string): Promise<readonly string[]> {
    const directory = path.replace(/[^/]*$/, "");
    return this.#do(
      "list",
      path,
      () => this.paths().filter((other) => other !== path && other.startsWith(directory)),
    );
  }

  #node(path: string): Node {
    const node = this.#nodes.get(path);
    if (node === undefined) throw new Error(`There is no file ${path}`);
    return node;
  }

  async #do<T>(
    operation: Parameters<MemoryLogFiles["fault"]>[0],
    path: string,
    action: () => T,
  ): Promise<T> {
    await null;
    this.fault(operation, path);
    return action();
  }
}

/** What writes to a file. */
export interface MemoryWriter {
  append(text: string): void;
}

interface Node {
  path: string;
  readonly inode: number;
  bytes: Uint8Array;
  modifiedAtMs: number;
}

function factsOf({ inode, bytes, modifiedAtMs }: Node): FileFacts {
  return { device: 1, inode, sizeBytes: bytes.length, modifiedAtMs };
}
