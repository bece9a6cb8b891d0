import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { SqliteWindowHistory } from "../../analyzer/deno/sqlite_window_history.ts";
import type { Mulberry32 } from "../support/mulberry32.ts";
import type { Life } from "./life.ts";

/**
 * The real database, in a directory of its own, with a memory of what is durable of it: SQLite
 * brings a file system of its own, so this one is real, and what a crash leaves is put there.
 */
export class SimulatedDatabase implements Disposable {
  readonly #random: Mulberry32;
  readonly #path: string;
  readonly #directory: string;
  #durable: Content = {};
  #connection: DatabaseSync | undefined;
  #blocker: DatabaseSync | undefined;
  #hasLostLog = false;
  #setAsideCount = 0;
  /** Whether the next attempts to make the log durable fail. */
  failsToSync = false;

  constructor(random: Mulberry32) {
    this.#random = random;
    this.#directory = Deno.makeTempDirSync({ prefix: "vigie_simulation_" });
    this.#path = join(this.#directory, "windows.db");
  }

  /** @throws {SyntaxError} where it is damaged */
  open(life: Life, windowLengthMs: number): SqliteWindowHistory {
    const history = new SqliteWindowHistory(this.#path, windowLengthMs, {
      open: (path) => this.#connection = new DatabaseSync(path, { timeout: 0 }),
      syncFile: async () => {
        if (this.#random.next() < 0.3) await life.sleep(this.#random.below(20));
        await life.whileAlive();
        if (!this.failsToSync) return;
        this.#hasLostLog = true;
        throw new Deno.errors.Interrupted("Input/output error");
      },
    });
    this.#connection!.exec("PRAGMA busy_timeout = 0");
    const sync = history.sync.bind(history);
    history.sync = async () => {
      await sync();
      await life.whileAlive();
      this.noteDurable();
    };
    return history;
  }

  /** What is there now survives a crash of the machine, unless the log was lost on its way. */
  noteDurable(): void {
    const content = this.#content();
    if (this.#hasLostLog && (content.log?.length ?? 0) > 0) return;
    this.#hasLostLog = false;
    this.#durable = content;
  }

  /** Another program has the database locked from now on, or no more. */
  set isBusy(isBusy: boolean) {
    this.#blocker?.close();
    this.#blocker = undefined;
    if (!isBusy || this.#connection === undefined) return;
    const blocker = new DatabaseSync(this.#path, { timeout: 0 });
    try {
      blocker.exec("BEGIN IMMEDIATE");
      this.#blocker = blocker;
    } catch {
      // The program itself is in a transaction: nobody else gets in.
      blocker.close();
    }
  }

  /** There is no room for a further page from now on, or there is again. */
  set isFull(isFull: boolean) {
    if (this.#connection?.isOpen !== true) return;
    const pages = isFull
      ? (this.#connection.prepare("PRAGMA page_count").get()!["page_count"] as number)
      : 1_000_000;
    this.#connection.exec(`PRAGMA max_page_count = ${pages}`);
  }

  /** The process has died; with the machine only what was durable is sure to be left. */
  die(isMachine: boolean): void {
    this.isBusy = false;
    this.failsToSync = false;
    // Closing would tidy up, which the dead do not.
    let content = this.#content();
    if (this.#connection?.isOpen === true) this.#connection.close();
    // One that was closed before has its log moved into it, and that made durable.
    else if (content.log === undefined) this.noteDurable();
    this.#connection = undefined;
    if (isMachine) {
      content = this.#leftBy(content);
      this.#durable = content;
      this.#hasLostLog = false;
    }
    this.#put(content);
  }

  /** Overwrites a piece of the database, as a failing disk does. */
  damage(): void {
    const { database } = this.#content();
    if (database === undefined || database.length === 0) return;
    database.fill(0x5a, 0, 100);
    this.#put({ ...this.#content(), database });
  }

  /** Moves the database out of the way. */
  setAside(): void {
    const to = join(this.#directory, `aside-${++this.#setAsideCount}`);
    for (const ending of ENDINGS) renameIfThere(`${this.#path}${ending}`, `${to}${ending}`);
    this.#durable = {};
    this.#hasLostLog = false;
  }

  [Symbol.dispose](): void {
    this.die(false);
    Deno.removeSync(this.#directory, { recursive: true });
  }

  #leftBy(content: Content): Content {
    const { database, log } = this.#durable;
    const which = this.#random.below(3);
    if (which === 0) return this.#durable;
    // What the log has lost may have been written back before that, or not: it is as good as gone.
    if (this.#hasLostLog) return this.#durable;
    if (which === 1 || log === undefined || content.log === undefined) return content;
    const isGrown = content.log.length >= log.length && sameBytes(database, content.database) &&
      sameBytes(log, content.log.subarray(0, log.length));
    if (!isGrown) return content;
    const length = log.length + this.#random.below(content.log.length - log.length + 1);
    return { database: content.database, log: content.log.slice(0, length) };
  }

  #content(): Content {
    return { database: readIfThere(this.#path), log: readIfThere(`${this.#path}-wal`) };
  }

  #put({ database, log }: Content): void {
    for (const ending of ENDINGS) removeIfThere(`${this.#path}${ending}`);
    if (database !== undefined) Deno.writeFileSync(this.#path, database);
    if (log !== undefined) Deno.writeFileSync(`${this.#path}-wal`, log);
  }
}

interface Content {
  readonly database?: Uint8Array | undefined;
  readonly log?: Uint8Array | undefined;
}

const ENDINGS = ["", "-wal", "-shm"];

function sameBytes(a: Uint8Array | undefined, b: Uint8Array | undefined): boolean {
  return a?.length === b?.length && (a ?? []).every((byte, i) => byte === b![i]);
}

function readIfThere(path: string): Uint8Array | undefined {
  return ifThere(() => Deno.readFileSync(path));
}

function removeIfThere(path: string): void {
  ifThere(() => Deno.removeSync(path));
}

function renameIfThere(from: string, to: string): void {
  ifThere(() => Deno.renameSync(from, to));
}

function ifThere<T>(operation: () => T): T | undefined {
  try {
    return operation();
  } catch (exception) {
    if (exception instanceof Deno.errors.NotFound) return undefined;
    throw exception;
  }
}
