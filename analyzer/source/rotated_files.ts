import { messageOf } from "../exceptions.ts";
import {
  type FileIdentity,
  IDENTITY_BYTES_MAX,
  PASSED_FILES_MAX,
  type PassedFile,
} from "./file_identity.ts";
import { IdentifiedFile, isSameInode } from "./identified_file.ts";
import type { FileFacts, LogFiles } from "./log_files.ts";

/** A place in a log, wherever the file it is in has gone meanwhile. */
export interface LogPlace {
  /** `undefined` where no file was there yet. */
  readonly file: FileIdentity | undefined;
  readonly offsetBytes: number;
  /**
   * Files that came before, oldest first, {@linkcode PASSED_FILES_MAX} at most: of what is still
   * written to them only the rest is read. Where there are fewer, no others came before.
   */
  readonly passed: readonly PassedFile[];
  /** When the log was first waited for: what was written since is to be read where `file` is not. */
  readonly waitedSinceMs: number;
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
 * The file itself is known by device, inode and first bytes, a copy of it by its first bytes alone
 * and a later write: where several begin alike, the longest, or, where they are too short to be
 * told apart, the oldest that rotation has named. What came between is told by its name, which has
 * a number or a date where rotation puts one; by that number or date, a later write, or both; and
 * by not being known as read already.
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

/**
 * The files that were rotated away up to a time, oldest first, as ones that are not to be read;
 * those that cannot be read are left out.
 *
 * @param except the file that the log is in, whatever its name
 */
export async function rotatedUpTo(
  files: LogFiles,
  path: string,
  modifiedAtMs: number,
  except: FileIdentity | undefined,
): Promise<PassedFile[]> {
  const passed: PassedFile[] = [];
  const own = baseName(path);
  const siblings = await files.siblings(path).catch(() => []);
  for (const sibling of siblings) {
    if (rotationSuffix(own, baseName(sibling)) === undefined) continue;
    using file = await IdentifiedFile.open(files, sibling).catch(() => undefined);
    if (file === undefined || (file.identity.modifiedAtMs ?? 0) > modifiedAtMs) continue;
    if (except !== undefined && isSameInode(except, file.identity)) continue;
    passed.push({ file: file.identity, offsetBytes: Infinity });
  }
  return passed
    .sort((a, b) => (a.file.modifiedAtMs ?? 0) - (b.file.modifiedAtMs ?? 0))
    .slice(-PASSED_FILES_MAX);
}

interface Sibling {
  readonly path: string;
  readonly facts: FileFacts;
}

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
    const { file: before, offsetBytes, waitedSinceMs } = this.#place;
    const current = this.#current = await this.#open(this.#path);
    if (before === undefined) {
      const between = await this.#partsSince(waitedSinceMs, undefined);
      const parts = [...between, ...currentPart(current, 0)];
      return { how: between.length === 0 ? "here" : "renamed", parts };
    }
    const isHere = current !== undefined && isSameInode(current.identity, before) &&
      await current.beginsAs(before);
    const currentBytes = (await current?.facts())?.sizeBytes ?? 0;
    if (before.hashedBytes === 0) {
      // It was empty and nothing was read of it: what was written since is all there is to read,
      // whichever file it went into.
      // A copy of it may be of the same time, which no other file is that is not known.
      const isKnown = this.#place.passed.length < PASSED_FILES_MAX;
      const between = await this.#partsSince(
        (before.modifiedAtMs ?? Infinity) - (isKnown ? 1 : 0),
        undefined,
      );
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

  /** The file of the place under another name, or else a copy of it. */
  async #findRotated(
    before: FileIdentity,
    isPassed: boolean,
  ): Promise<{ readonly how: "renamed" | "copied"; readonly file: IdentifiedFile } | undefined> {
    const copies: Sibling[] = [];
    const opened = new Map<Sibling, IdentifiedFile>();
    for (const sibling of await this.#siblings(isRelated)) {
      const { path, facts } = sibling;
      if (facts.sizeBytes < this.#place.offsetBytes) continue;
      const isItself = isSameInode(facts, before);
      // A file that was read to its end is looked for by itself only: for its name.
      if (isPassed && !isItself) continue;
      if (!isItself && !this.#mayBeCopy(sibling, before)) continue;
      const file = await this.#openSibling(path, isItself);
      if (file === undefined || !await file.beginsAs(before)) continue;
      if (isItself) return { how: "renamed", file };
      // The inode of one that was deleted goes on to the next copy.
      const passed = this.#place.passed.find((one) => isSameInode(one.file, facts));
      if (passed !== undefined && await file.beginsAs(passed.file)) continue;
      copies.push(sibling);
      opened.set(sibling, file);
    }
    const copy = this.#bestCopy(copies, before);
    return copy === undefined ? undefined : { how: "copied", file: opened.get(copy)! };
  }

  /**
   * Whether a file that begins as the log may have been copied from it: with a whole KiB in common
   * it was. Of what has less in common, an older log, that is told by the files known from before;
   * others by being written earlier, which is no good sign where the clock was set.
   */
  #mayBeCopy({ path, facts }: Sibling, before: FileIdentity): boolean {
    const isSure = before.hashedBytes === IDENTITY_BYTES_MAX;
    const isKnown = this.#place.passed.length < PASSED_FILES_MAX &&
      this.#suffixOf(path) !== undefined;
    return isSure || isKnown || facts.modifiedAtMs >= (before.modifiedAtMs ?? -Infinity);
  }

  #bestCopy(copies: readonly Sibling[], before: FileIdentity): Sibling | undefined {
    // Those that only have a short beginning in common may be logs that came one after another.
    const isSure = before.hashedBytes === IDENTITY_BYTES_MAX;
    const rotated = copies.filter(({ path }) => this.#suffixOf(path) !== undefined);
    return !isSure && rotated.length > 0
      ? this.#sorted(rotated, undefined)[0]
      : copies.toSorted((a, b) => b.facts.sizeBytes - a.facts.sizeBytes)[0];
  }

  /**
   * Files that were rotated away after a time, oldest first; whole ones, but for copies of what is
   * read anyway, and for what was read of them before.
   *
   * @param after the file that they come after, where it is there
   */
  async #partsSince(
    modifiedAtMs: number,
    after: IdentifiedFile | undefined,
  ): Promise<LogPart[]> {
    const { file: before, passed } = this.#place;
    const rotated = await this.#siblings((own, name) => rotationSuffix(own, name) !== undefined);
    // A file that was empty at the place is to be read as a whole, behind copies of what it was.
    const isOwn = ({ facts }: Sibling) => before?.hashedBytes === 0 && isSameInode(facts, before);
    const afterPath = after?.path ?? rotated.find(isOwn)?.path;
    const afterSuffix = afterPath === undefined ? undefined : this.#suffixOf(afterPath);
    // Where not all that came before is known, a lower number may be that of a very old one.
    const knownFromMs = passed.length < PASSED_FILES_MAX
      ? -Infinity
      : Math.min(...passed.map(({ file }) => file.modifiedAtMs ?? Infinity));
    const isLater = ({ path, facts }: Sibling) =>
      facts.modifiedAtMs > modifiedAtMs ||
      (facts.modifiedAtMs > knownFromMs && isNewer(this.#suffixOf(path), afterSuffix));
    const later = rotated.filter((sibling) => isOwn(sibling) || isLater(sibling));
    const known = [after?.identity, this.#current?.identity].filter((one) => one !== undefined);
    const parts: LogPart[] = [];
    for (const { path, facts } of this.#sorted(later, afterSuffix)) {
      const file = await this.#openSibling(path, true);
      if (file === undefined) continue;
      const { identity } = file;
      if (known.some((other) => isSameInode(other, identity) || isCopy(other, identity))) continue;
      known.push(identity);
      const fromBytes = (await this.#passed(file))?.offsetBytes ?? 0;
      if (fromBytes === 0 || fromBytes < facts.sizeBytes) parts.push({ file, fromBytes });
    }
    return parts;
  }

  /** What is known of a file, or of one that it is a copy of, from when it was read before. */
  async #passed(file: IdentifiedFile): Promise<PassedFile | undefined> {
    for (const passed of this.#place.passed) {
      if (isCopy(passed.file, file.identity)) return passed;
      // One that begins with all that was read of it, however short that is, is read from there.
      const { hashedBytes } = passed.file;
      const isWhole = hashedBytes > 0 && hashedBytes === passed.offsetBytes;
      const isLike = isWhole || isSameInode(passed.file, file.identity);
      if (isLike && await file.beginsAs(passed.file)) return passed;
    }
    return undefined;
  }

  /**
   * Files that were rotated away, oldest first: by the time of their last write, or, where all
   * names say that they came after one, by their names. Only with that one it is known whether
   * numbers go up or down, and a late write puts a file behind younger ones.
   */
  #sorted(siblings: readonly Sibling[], afterSuffix: string | undefined): Sibling[] {
    const bySuffix = (a: Sibling, b: Sibling) =>
      compareSuffixes(this.#suffixOf(a.path)!, this.#suffixOf(b.path)!);
    const isNamedInOrder = siblings.every(({ path }) => {
      const suffix = this.#suffixOf(path);
      return suffix === afterSuffix || isNewer(suffix, afterSuffix);
    });
    return siblings.toSorted((a, b) =>
      (isNamedInOrder ? 0 : a.facts.modifiedAtMs - b.facts.modifiedAtMs) || bySuffix(a, b)
    );
  }

  #suffixOf(path: string): string | undefined {
    return rotationSuffix(baseName(this.#path), baseName(path));
  }

  async #siblings(
    isWanted: (own: string, name: string) => boolean,
  ): Promise<Sibling[]> {
    const own = baseName(this.#path);
    const siblings = [];
    for (const path of await this.#list()) {
      if (!isWanted(own, baseName(path))) continue;
      try {
        const facts = await this.#files.look(path);
        if (facts !== undefined) siblings.push({ path, facts });
      } catch (exception) {
        if (this.#suffixOf(path) !== undefined) this.#leaveOut(path, exception);
      }
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

/** Whether two suffixes are of one kind, and the first is of the newer file. */
function isNewer(suffix: string | undefined, than: string | undefined): boolean {
  if (suffix === undefined || than === undefined) return false;
  const kindOf = (suffix: string) =>
    /^[._-]\d{1,3}$/.test(suffix) ? "number" : suffix.replaceAll(/\d/g, "0");
  return kindOf(suffix) === kindOf(than) && compareSuffixes(suffix, than) > 0;
}

/** Below 0 where the first is of an older file: a higher number, or an earlier date. */
export function compareSuffixes(a: string, b: string): number {
  const [first, second] = [a, b].map((suffix) => /^[._-](\d{1,3})$/.exec(suffix)?.[1]);
  if (first !== undefined && second !== undefined) return Number(second) - Number(first);
  return a < b ? -1 : a > b ? 1 : 0;
}
