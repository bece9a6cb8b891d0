import { messageOf } from "../exceptions.ts";
import { type FileIdentity, IDENTITY_BYTES_MAX } from "./file_identity.ts";
import { IdentifiedFile, isSameInode } from "./identified_file.ts";
import type { FileFacts, LogFiles } from "./log_files.ts";

/** A place in a log, wherever the file it is in has gone meanwhile. */
export interface LogPlace {
  /** `undefined` where no file was there yet. */
  readonly file: FileIdentity | undefined;
  readonly offsetBytes: number;
}

/** A file that is to be read, and from where. */
export interface LogPart {
  readonly file: IdentifiedFile;
  readonly fromBytes: number;
}

/** How a place was found again. */
export interface FoundLog {
  /**
   * - `here`: the file has the log's name as before
   * - `renamed`: it has another name
   * - `copied`: a copy of it has another name, and what has its own begins anew
   * - `shortened`: it has its name, but is shorter than the place
   * - `passed`: it was read to its end, and was not looked for
   * - `lost`: it is nowhere; what came after it is read all the same
   */
  readonly how: "here" | "renamed" | "copied" | "shortened" | "passed" | "lost";
  /** What is to be read, in order; open, for the caller to close. */
  readonly parts: readonly LogPart[];
  /** What belongs to it but cannot be read, and so is left out: a path and the reason. */
  readonly unreadable: readonly string[];
}

/**
 * Finds what of a log comes after a place in it: the rest of the file that the place is in, files
 * that were rotated away after that one, and the file that has the log's name now. All are opened
 * at once, since names go on to other files while the first of them are read.
 *
 * The file itself is known by device, inode and first bytes, a copy of it by its first bytes alone:
 * where several begin alike, the longest. What came between is told by its name, which has a number
 * or a date where rotation puts one, and by the time of its last write; equal times are told apart
 * by number or date.
 *
 * @param options.isPassed whether the file of the place was read to its end already
 * @throws {Error} where there is a file of the log's name that cannot be read
 */
export async function findLogFrom(
  files: LogFiles,
  path: string,
  place: LogPlace,
  options: { readonly isPassed: boolean } = { isPassed: false },
): Promise<FoundLog> {
  for (let attempt = 1;; attempt++) {
    const search = new Search(files, path, place);
    try {
      const found = await search.run(options.isPassed);
      // A rotation in the midst of it has moved the names: what was found may have gaps.
      if (await search.isStill() || attempt === ATTEMPTS_MAX) {
        search.keep(found.parts);
        return { ...found, unreadable: search.unreadable };
      }
    } finally {
      search.close();
    }
  }
}

/** Rotations are seldom: to meet one in the midst of each search would be a fault of another kind. */
const ATTEMPTS_MAX = 5;

/** One look at the files of a directory. */
class Search {
  readonly #files: LogFiles;
  readonly #path: string;
  readonly #place: LogPlace;
  readonly #opened = new Set<IdentifiedFile>();
  readonly unreadable: string[] = [];
  #current: IdentifiedFile | undefined;

  constructor(files: LogFiles, path: string, place: LogPlace) {
    this.#files = files;
    this.#path = path;
    this.#place = place;
  }

  async run(isPassed: boolean): Promise<Omit<FoundLog, "unreadable">> {
    const { file: before, offsetBytes } = this.#place;
    const current = this.#current = await this.#open(this.#path);
    if (before === undefined) return { how: "here", parts: currentPart(current, 0) };
    const isHere = current !== undefined && isSameInode(current.identity, before) &&
      await current.beginsAs(before);
    const currentBytes = (await current?.facts())?.sizeBytes ?? 0;
    if (before.hashedBytes === 0) {
      // It was empty and nothing was read of it: what was written since is all there is to read,
      // whichever file it went into.
      const between = await this.#partsSince(before.modifiedAtMs ?? Infinity, undefined);
      const parts = [...between, ...currentPart(current, 0)];
      if (isPassed) return { how: "passed", parts };
      if (isHere && between.length === 0) return { how: "here", parts };
      const isThere = parts.some(({ file }) => isSameInode(file.identity, before));
      return { how: isThere ? "renamed" : "lost", parts };
    }
    if (isHere && currentBytes >= offsetBytes && !isPassed) {
      return { how: "here", parts: currentPart(current, offsetBytes) };
    }
    const rotated = await this.#findRotated(before, isPassed);
    if (rotated === undefined && isHere && !isPassed) {
      return { how: "shortened", parts: currentPart(current, currentBytes) };
    }
    const since = rotated === undefined
      ? await this.#partsSince(before.modifiedAtMs ?? Infinity, undefined)
      : await this.#partsSince(
        Math.max((await rotated.file.facts()).modifiedAtMs, before.modifiedAtMs ?? -Infinity),
        rotated.file,
      );
    const rest = rotated === undefined || isPassed
      ? []
      : [{ file: rotated.file, fromBytes: offsetBytes }];
    return {
      how: isPassed ? "passed" : rotated?.how ?? "lost",
      parts: [...rest, ...since, ...currentPart(current, 0)],
    };
  }

  /** Whether the log's name still leads to the file that it led to at first. */
  async isStill(): Promise<boolean> {
    const now = await this.#files.look(this.#path);
    const before = this.#current?.identity;
    return now === undefined || before === undefined ? now === before : isSameInode(now, before);
  }

  /** These are the caller's now. */
  keep(parts: readonly LogPart[]): void {
    for (const { file } of parts) this.#opened.delete(file);
  }

  close(): void {
    for (const file of this.#opened) file[Symbol.dispose]();
    this.#opened.clear();
  }

  /** The file of the place under another name, or else the longest copy of it. */
  async #findRotated(
    before: FileIdentity,
    isPassed: boolean,
  ): Promise<{ readonly how: "renamed" | "copied"; readonly file: IdentifiedFile } | undefined> {
    let copy: { readonly file: IdentifiedFile; readonly sizeBytes: number } | undefined;
    for (const { path, facts } of await this.#siblings(isRelated)) {
      if (facts.sizeBytes < this.#place.offsetBytes) continue;
      const isItself = isSameInode(facts, before);
      // A file that was read to its end is looked for by itself only: for its name.
      if (isPassed && !isItself) continue;
      const file = await this.#openSibling(path, isItself);
      if (file === undefined || !await file.beginsAs(before)) continue;
      if (isItself) return { how: "renamed", file };
      if (copy === undefined || facts.sizeBytes > copy.sizeBytes) {
        copy = { file, sizeBytes: facts.sizeBytes };
      }
    }
    return copy === undefined ? undefined : { how: "copied", file: copy.file };
  }

  /**
   * Files that were rotated away after a time, oldest first; whole ones, but for copies of what is
   * read anyway.
   *
   * @param after the file that they come after, where it is there
   */
  async #partsSince(
    modifiedAtMs: number,
    after: IdentifiedFile | undefined,
  ): Promise<LogPart[]> {
    const suffixOf = (path: string) => rotationSuffix(baseName(this.#path), baseName(path));
    const afterSuffix = after === undefined ? undefined : suffixOf(after.path);
    const { file: before } = this.#place;
    const isLater = (path: string, facts: FileFacts) =>
      facts.modifiedAtMs > modifiedAtMs ||
      (before?.hashedBytes === 0 && isSameInode(facts, before)) ||
      (facts.modifiedAtMs === modifiedAtMs && afterSuffix !== undefined &&
        compareSuffixes(afterSuffix, suffixOf(path)!) < 0);
    const later = (await this.#siblings((own, name) => rotationSuffix(own, name) !== undefined))
      .filter(({ path, facts }) => isLater(path, facts))
      .sort((a, b) =>
        a.facts.modifiedAtMs - b.facts.modifiedAtMs ||
        compareSuffixes(suffixOf(a.path)!, suffixOf(b.path)!)
      );
    const known = [after?.identity, this.#current?.identity].filter((one) => one !== undefined);
    const parts: LogPart[] = [];
    for (const { path } of later) {
      const file = await this.#openSibling(path, true);
      if (file === undefined) continue;
      const { identity } = file;
      if (known.some((other) => isSameInode(other, identity) || isCopy(other, identity))) continue;
      known.push(identity);
      parts.push({ file, fromBytes: 0 });
    }
    return parts;
  }

  async #siblings(
    isWanted: (own: string, name: string) => boolean,
  ): Promise<{ readonly path: string; readonly facts: FileFacts }[]> {
    const own = baseName(this.#path);
    const siblings = [];
    for (const path of await this.#list()) {
      if (!isWanted(own, baseName(path))) continue;
      const facts = await this.#files.look(path);
      if (facts !== undefined) siblings.push({ path, facts });
    }
    return siblings;
  }

  async #list(): Promise<readonly string[]> {
    try {
      return await this.#files.siblings(this.#path);
    } catch (exception) {
      this.#leaveOut(`the files beside ${this.#path}`, exception);
      return [];
    }
  }

  /** @param isNeeded whether it belongs to the log for sure, so that people have to be told */
  async #openSibling(path: string, isNeeded: boolean): Promise<IdentifiedFile | undefined> {
    try {
      return await this.#open(path);
    } catch (exception) {
      if (isNeeded) this.#leaveOut(path, exception);
      return undefined;
    }
  }

  #leaveOut(what: string, exception: unknown): void {
    const reason = `${what}: ${messageOf(exception)}`;
    if (!this.unreadable.includes(reason)) this.unreadable.push(reason);
  }

  async #open(path: string): Promise<IdentifiedFile | undefined> {
    const file = await IdentifiedFile.open(this.#files, path);
    if (file !== undefined) this.#opened.add(file);
    return file;
  }
}

function currentPart(file: IdentifiedFile | undefined, fromBytes: number): LogPart[] {
  return file === undefined ? [] : [{ file, fromBytes }];
}

/** Short files may well begin alike; with a whole first KiB in common, one is a copy of the other. */
function isCopy(a: FileIdentity, b: FileIdentity): boolean {
  return a.hashedBytes === IDENTITY_BYTES_MAX && a.hash === b.hash;
}

function baseName(path: string): string {
  return /[^/\\]*$/.exec(path)![0];
}

/** `access` and `.log`; a name that has only a beginning, or only an end, is all beginning. */
function splitName(name: string): readonly [string, string] {
  const dot = name.lastIndexOf(".");
  return dot <= 0 ? [name, ""] : [name.slice(0, dot), name.slice(dot)];
}

/** Whether a file may be the other one under a new name, or a copy of it, as far as names tell. */
export function isRelated(own: string, name: string): boolean {
  const [stem] = splitName(own);
  return name.startsWith(stem) && /^[._~-]/.test(name.slice(stem.length));
}

/**
 * What rotation has put into a name, with the character before it: `.1` of `access.log.1`,
 * `-20250530` of `access.log-20250530` and of `access-20250530.log`. `undefined` for all other
 * names, compressed files among them.
 */
export function rotationSuffix(own: string, name: string): string | undefined {
  const [stem, extension] = splitName(own);
  const candidates = [
    name.startsWith(own) ? name.slice(own.length) : "",
    name.startsWith(stem) && name.endsWith(extension)
      ? name.slice(stem.length, name.length - extension.length)
      : "",
  ];
  return candidates.find((suffix) => /^[._-]\d[\d.:_TZ-]*$/.test(suffix));
}

/** Below 0 where the first is of an older file: a higher number, or an earlier date. */
export function compareSuffixes(a: string, b: string): number {
  const [first, second] = [a, b].map((suffix) => /^[._-](\d{1,3})$/.exec(suffix)?.[1]);
  if (first !== undefined && second !== undefined) return Number(second) - Number(first);
  return a < b ? -1 : a > b ? 1 : 0;
}
