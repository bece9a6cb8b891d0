import { Buffer } from "node:buffer";
import { join, relative } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { Checkpoint } from "../../analyzer/checkpoint/checkpoint.ts";
import { decodeCheckpoint } from "../../analyzer/checkpoint/checkpoint_codec.ts";
import { CHECKPOINT_FILES } from "../../analyzer/checkpoint/stored_checkpoints.ts";
import { messageOf } from "../../analyzer/exceptions.ts";
import { filesBelow, type TemporaryDirectory } from "../end_to_end/support.ts";

/** What a run has left on the disk, read while no process has it open. */
export interface Disk {
  /** The latest whole checkpoint. */
  readonly checkpoint: Checkpoint | undefined;
  /** Why checkpoint files that have their final name cannot be read. */
  readonly damages: readonly string[];
  /** Checkpoint files whose writing has begun, each with what tells it from other writings. */
  readonly begun: readonly string[];
  /** Rows of the database that belong to a later checkpoint. */
  readonly laterRows: string | undefined;
  /** Error files by path below the output directory, in order of their paths. */
  readonly errorFiles: ReadonlyMap<string, Buffer>;
  /** Files of errors that were set aside. */
  readonly setAside: readonly string[];
}

/** The disk before anything has run. */
export const EMPTY_DISK: Disk = {
  checkpoint: undefined,
  damages: [],
  begun: [],
  laterRows: undefined,
  errorFiles: new Map(),
  setAside: [],
};

/**
 * Reads what a run has left, changing nothing of it: the database is opened as a copy, since
 * whoever opens it in its place repairs it.
 */
export async function readDisk(directory: TemporaryDirectory, name: string): Promise<Disk> {
  const output = directory.join(name, "output");
  const checkpoints = directory.join(name, "checkpoint", "errors");
  const damages: string[] = [];
  let checkpoint: Checkpoint | undefined;
  for (const file of CHECKPOINT_FILES) {
    try {
      const bytes = readIfThere(join(checkpoints, file));
      const found = bytes === undefined ? undefined : await decodeCheckpoint(bytes);
      if (found !== undefined && !(checkpoint !== undefined && checkpoint.epoch > found.epoch)) {
        checkpoint = found;
      }
    } catch (exception) {
      damages.push(`${file}: ${messageOf(exception)}`);
    }
  }
  return {
    checkpoint,
    damages,
    begun: CHECKPOINT_FILES.flatMap((file) => writingOf(join(checkpoints, `${file}.new`)) ?? []),
    laterRows: readLaterRows(output, directory.join("copy"), checkpoint?.epoch ?? -1),
    errorFiles: new Map(
      filesBelow(join(output, "errors")).map((path) => [
        relative(output, path),
        Buffer.from(Deno.readFileSync(path)),
      ]),
    ),
    setAside: filesBelow(join(output, "set_aside")),
  };
}

/**
 * What stands in the error files behind the checkpoint, file by file; what a crash left of a line
 * included.
 */
export function tailsOf({ checkpoint, errorFiles }: Disk): Buffer[] {
  const { nextPart, open } = checkpoint?.errorFiles ?? { nextPart: 0, open: [] };
  const tails = [];
  for (const [path, bytes] of errorFiles) {
    const isNew = Number(/part-(\d+)\.jsonl$/.exec(path)?.[1]) >= nextPart;
    // A part that is neither new nor open was finished before the checkpoint.
    const kept = isNew ? 0 : open.find((part) => part.path === path)?.bytes ?? bytes.length;
    if (bytes.length > kept) tails.push(bytes.subarray(kept));
  }
  return tails;
}

/**
 * Everything that the database says about windows, a line of JSON each: late counts added up, the
 * sketches as they are, and the checkpoints that the rows came with left out.
 */
export function readWindows(directory: TemporaryDirectory, name: string): string[] {
  using database = new DatabaseSync(directory.join(name, "output", "windows.db"), {
    readOnly: true,
  });
  const rowsOf = (sql: string) =>
    database.prepare(sql).all().map((row) =>
      JSON.stringify(row, (_, value) => value instanceof Uint8Array ? value.toHex() : value)
    );
  return [
    ...rowsOf(
      `SELECT w.start_ms, w.length_ms, total_count, error_count, unique_ips, unique_ips_exact,
        w.late_count + coalesce(sum(l.late_count), 0) AS late_count,
        w.late_error_count + coalesce(sum(l.late_error_count), 0) AS late_error_count
      FROM windows w LEFT JOIN window_late l USING (start_ms, length_ms)
      GROUP BY w.start_ms, w.length_ms ORDER BY w.start_ms, w.length_ms`,
    ),
    ...rowsOf("SELECT * FROM window_statuses ORDER BY start_ms, length_ms, status"),
  ];
}

function readIfThere(path: string): Uint8Array | undefined {
  try {
    return Deno.readFileSync(path);
  } catch (exception) {
    if (exception instanceof Deno.errors.NotFound) return undefined;
    throw exception;
  }
}

/** Tells one writing of a file from the next; `undefined` where there is no such file. */
function writingOf(path: string): string | undefined {
  try {
    const { ino, size, mtime } = Deno.statSync(path);
    return [path, ino, size, mtime?.getTime()].join(" ");
  } catch (exception) {
    if (exception instanceof Deno.errors.NotFound) return undefined;
    throw exception;
  }
}

function readLaterRows(output: string, copy: string, epoch: number): string | undefined {
  const names = ["windows.db", "windows.db-wal", "windows.db-journal"];
  Deno.mkdirSync(copy, { recursive: true });
  for (const path of filesBelow(copy)) Deno.removeSync(path);
  for (const name of names) {
    const bytes = readIfThere(join(output, name));
    if (bytes !== undefined) Deno.writeFileSync(join(copy, name), bytes);
  }
  using database = new DatabaseSync(join(copy, "windows.db"));
  const { user_version: version } = database.prepare("PRAGMA user_version").get() as {
    user_version: number;
  };
  // Killed before it had made its tables.
  if (version === 0) return undefined;
  // As text that tells them from others: a kill before recovery finds those of the kill before.
  const rows = database.prepare(
    `SELECT epoch, start_ms, length_ms, total_count AS count FROM windows WHERE epoch > :epoch
    UNION ALL SELECT epoch, start_ms, length_ms, late_count FROM window_late WHERE epoch > :epoch`,
  ).all({ epoch });
  return rows.length === 0 ? undefined : JSON.stringify(rows);
}
