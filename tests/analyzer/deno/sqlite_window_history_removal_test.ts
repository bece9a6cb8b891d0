import assert from "node:assert/strict";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { SqliteWindowHistory } from "../../../analyzer/deno/sqlite_window_history.ts";
import { StorageException } from "../../../analyzer/exceptions.ts";
import type { ClosedWindow } from "../../../analyzer/window/window_summary.ts";
import { LENGTH_MS, START_MS, windowSummary } from "../../support/window_fixtures.ts";

const DAY_MS = 86_400_000;
const RETENTION_MS = 10 * DAY_MS;
const ALL = { limit: 1000, urlsMax: 1 };

function windowAt(startMs: number): ClosedWindow {
  const window = windowSummary({ startMs });
  return { ...window, state: "closed", ipSketches: window.statuses.map(() => Uint8Array.of(1)) };
}

/** A history with one window, and as many checkpoints behind it as let it go. */
function stored(startMs: number, storedMs: number): SqliteWindowHistory {
  const history = new SqliteWindowHistory(":memory:", LENGTH_MS);
  history.put(windowAt(startMs));
  history.commit(1, storedMs);
  history.commit(2, storedMs);
  return history;
}

function remove(history: SqliteWindowHistory, nowMs: number, windowsMax = 1000) {
  return history.removeOld({ nowMs, retentionMs: RETENTION_MS, windowsMax });
}

/** Whether the only window of a history is removed. */
function isRemoved(history: SqliteWindowHistory, nowMs: number): boolean {
  const { windows } = remove(history, nowMs);
  assert.equal(history.query(ALL).windows.length, 1 - windows);
  return windows === 1;
}

// S-50
Deno.test("SqliteWindowHistory.removeOld() counts from the later of a window's end and its storing", () => {
  const endMs = START_MS + LENGTH_MS;
  {
    using live = stored(START_MS, endMs - 5);
    assert.equal(isRemoved(live, endMs + RETENTION_MS), false);
    assert.equal(isRemoved(live, endMs + RETENTION_MS + 1), true);
  }
  // A log of last year, read today.
  const todayMs = START_MS + 365 * DAY_MS;
  using replayed = stored(START_MS, todayMs);
  assert.equal(isRemoved(replayed, todayMs + RETENTION_MS), false);
  assert.equal(isRemoved(replayed, todayMs + RETENTION_MS + 1), true);
});

// S-50
Deno.test("SqliteWindowHistory.removeOld() does not wait for a window of the far future to end", () => {
  const storedMs = START_MS - 1000 * DAY_MS;
  using future = stored(START_MS, storedMs);
  assert.equal(isRemoved(future, storedMs + RETENTION_MS), false);
  assert.equal(isRemoved(future, storedMs + RETENTION_MS + 1), true);
});

Deno.test("SqliteWindowHistory.removeOld() removes all that belongs to a window, and nothing else", async () => {
  const directory = await Deno.makeTempDir();
  const path = join(directory, "windows.db");
  try {
    using history = new SqliteWindowHistory(path, LENGTH_MS);
    const second = START_MS + 2 * RETENTION_MS;
    for (const startMs of [START_MS, second]) history.put(windowAt(startMs));
    history.commit(1, START_MS);
    for (const windowStartMs of [START_MS, second]) {
      history.addLate({ windowStartMs, lateCount: 1, lateErrorCount: 1 });
    }
    history.commit(2, START_MS);
    assert.deepEqual(remove(history, second), { windows: 1, hasMore: false, isHeldBack: false });
    // What comes late for it counts in the totals only.
    history.addLate({ windowStartMs: START_MS, lateCount: 1, lateErrorCount: 1 });
    history.commit(3, second);
    assert.equal(history.get(START_MS, ALL), undefined);
    assert.equal(history.get(second, ALL)!.lateCount, 1);
    using reader = new DatabaseSync(path, { readOnly: true });
    for (const table of ["windows", "window_statuses", "window_late"]) {
      const rows = reader.prepare(`SELECT DISTINCT start_ms FROM ${table}`).all();
      assert.deepEqual(rows.map(({ start_ms: start }) => start), [second], table);
    }
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

// S-51
Deno.test("SqliteWindowHistory.removeOld() removes no more than it may, the oldest first", () => {
  using history = new SqliteWindowHistory(":memory:", LENGTH_MS);
  for (let i = 0; i < 5; i++) history.put(windowAt(START_MS + i * LENGTH_MS));
  history.commit(1, START_MS);
  history.commit(2, START_MS);
  const nowMs = START_MS + 2 * RETENTION_MS;
  assert.deepEqual(remove(history, nowMs, 2), { windows: 2, hasMore: true, isHeldBack: false });
  assert.equal(history.query(ALL).windows.length, 3);
  assert.deepEqual(remove(history, nowMs, 3), { windows: 3, hasMore: true, isHeldBack: false });
  assert.deepEqual(remove(history, nowMs, 3), { windows: 0, hasMore: false, isHeldBack: false });
});

// S-51
Deno.test("SqliteWindowHistory.removeOld() leaves what recovery may take back", () => {
  using history = new SqliteWindowHistory(":memory:", LENGTH_MS);
  history.put(windowAt(START_MS));
  const nowMs = START_MS + 2 * RETENTION_MS;
  const waiting = { windows: 0, hasMore: true, isHeldBack: false };
  assert.deepEqual(remove(history, nowMs), waiting, "it is not committed yet");
  history.commit(1, START_MS);
  const heldBack = { windows: 0, hasMore: false, isHeldBack: true };
  assert.deepEqual(remove(history, nowMs), heldBack, "the checkpoint before does not have it");
  history.commit(2, START_MS);
  assert.equal(remove(history, nowMs).windows, 1);
});

// S-51
Deno.test("SqliteWindowHistory.removeOld() changes nothing where the system refuses it", async () => {
  const directory = await Deno.makeTempDir();
  const path = join(directory, "windows.db");
  try {
    using history = new SqliteWindowHistory(path, LENGTH_MS);
    history.rollBackTo(0);
    history.put(windowAt(START_MS));
    history.commit(1, START_MS);
    history.commit(2, START_MS);
    const nowMs = START_MS + 2 * RETENTION_MS;
    {
      using blocker = new DatabaseSync(path);
      blocker.exec("BEGIN IMMEDIATE");
      assert.throws(() => remove(history, nowMs), StorageException);
      assert.equal(history.query(ALL).windows.length, 1);
    }
    assert.equal(remove(history, nowMs).windows, 1);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

// S-50
Deno.test("SqliteWindowHistory lets windows of a program without the column go by their end", async () => {
  const directory = await Deno.makeTempDir();
  const path = join(directory, "windows.db");
  try {
    {
      using history = new SqliteWindowHistory(path, LENGTH_MS);
      history.put(windowAt(START_MS));
      history.commit(1, START_MS + 365 * DAY_MS);
    }
    {
      using database = new DatabaseSync(path);
      database.exec("DROP INDEX windows_by_stored; ALTER TABLE windows DROP COLUMN stored_ms;");
    }
    using history = new SqliteWindowHistory(path, LENGTH_MS);
    assert.equal(history.isNew, false);
    history.rollBackTo(1);
    history.put(windowAt(START_MS + LENGTH_MS));
    history.commit(2, START_MS + 365 * DAY_MS);
    history.commit(3, START_MS + 365 * DAY_MS);
    assert.equal(remove(history, START_MS + 365 * DAY_MS).windows, 1);
    assert.equal(history.get(START_MS, ALL), undefined);
    assert.ok(history.get(START_MS + LENGTH_MS, ALL) !== undefined);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
