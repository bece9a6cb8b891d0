import { messageOf, StorageException } from "../exceptions.ts";

/**
 * What SQLite has thrown as a refusal of the system, where it is one (https://sqlite.org/rescode.html).
 *
 * @param what was attempted, such as `write /a/b`
 */
export function asRefusal(what: string, exception: unknown): unknown {
  return REFUSALS.has(resultCode(exception) ?? -1)
    ? new StorageException(`Cannot ${what}: ${messageOf(exception)}`, { cause: exception })
    : exception;
}

/** Whether SQLite has found the file damaged, or no database at all. */
export function isDamage(exception: unknown): boolean {
  return DAMAGES.has(resultCode(exception) ?? -1);
}

/** The primary result code of an exception of SQLite. */
function resultCode(exception: unknown): number | undefined {
  return exception instanceof Error && "errcode" in exception &&
      typeof exception.errcode === "number"
    ? exception.errcode & 0xff
    : undefined;
}

/** BUSY, LOCKED, NOMEM, READONLY, IOERR, FULL, CANTOPEN. */
const REFUSALS: ReadonlySet<number> = new Set([5, 6, 7, 8, 10, 13, 14]);

/** CORRUPT, NOTADB. */
const DAMAGES: ReadonlySet<number> = new Set([11, 26]);
