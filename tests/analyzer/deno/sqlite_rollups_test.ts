import assert from "node:assert/strict";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import fc from "fast-check";
import { rollupLevels } from "../../../analyzer/deno/sqlite_rollups.ts";
import { SqliteWindowHistory } from "../../../analyzer/deno/sqlite_window_history.ts";
import { PieceMeter, type Pieces } from "../../../analyzer/history/pieces.ts";
import { mergeWindows } from "../../../analyzer/history/range_merger.ts";
import { summarizeRange } from "../../../analyzer/history/range_summary.ts";
import type { Row } from "../../support/batches.ts";
import { closedWindows } from "../../support/closed_windows.ts";

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;
/** 2025-05-30T00:00:00Z */
const DAY = 1_748_563_200_000;

function finish<Result>(pieces: Pieces<Result>): Result {
  for (;;) {
    const step = pieces.next();
    if (step.done === true) return step.value;
  }
}

/** Lets a history do all that is due. */
function rollUpAll(history: SqliteWindowHistory): void {
  for (let i = 0; i < 500; i++) history.rollUp();
}

function rollupsOf(path: string): { readonly level: number; readonly start: number }[] {
  using database = new DatabaseSync(path);
  return database.prepare("SELECT level_ms, start_ms FROM rollups ORDER BY level_ms, start_ms")
    .all()
    .map((row) => ({ level: row["level_ms"] as number, start: row["start_ms"] as number }));
}

async function withPath(test: (path: string) => void | Promise<void>): Promise<void> {
  const directory = await Deno.makeTempDir();
  try {
    await test(join(directory, "windows.db"));
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

Deno.test("rollupLevels() are whole windows, and each spares at least four parts", () => {
  const minutes = (lengthMs: number) => rollupLevels(lengthMs).map((level) => level / MINUTE_MS);
  assert.deepEqual(minutes(30_000), [1440, 360, 60, 5]);
  assert.deepEqual(minutes(MINUTE_MS), [1440, 360, 60, 5]);
  assert.deepEqual(minutes(2 * MINUTE_MS), [1440, 360, 60]);
  assert.deepEqual(minutes(45 * MINUTE_MS), [1440, 360]);
  assert.deepEqual(minutes(DAY_MS), []);
  for (const levelMs of rollupLevels(7000)) assert.equal(levelMs % 7000, 0);
});

/** Windows of ten minutes, so that a few rows fill days. */
const LENGTH_MS = 10 * MINUTE_MS;

const row = fc.record({
  time: fc.integer({ min: -DAY_MS, max: 2 * DAY_MS }).map((offset) => DAY + offset),
  status: fc.constantFrom(200, 404, 500, 503),
  ip: fc.integer({ min: 1, max: 40 }).map((i) => `192.0.2.${i}`),
  url: fc.integer({ min: 1, max: 30 }).map((i) => `/resource/${i}`),
});

/** What is asked of a range, counted row by row. */
function naive(rows: readonly Row[], fromMs: number, toMs: number) {
  const inRange = rows.filter(({ time }) => (time as number) >= fromMs && (time as number) < toMs);
  const errors = inRange.filter(({ status }) => status! >= 400);
  const distinct = (rows: readonly Row[], key: "ip" | "url") =>
    new Set(rows.map((row) => row[key])).size;
  const statuses = [...new Set(errors.map(({ status }) => status!))].sort((a, b) => a - b);
  return {
    totalCount: inRange.length,
    errorCount: errors.length,
    uniqueIps: { count: distinct(errors, "ip"), isExact: true },
    statuses: statuses.map((status) => {
      const rows = errors.filter((row) => row.status === status);
      return {
        status,
        errorCount: rows.length,
        uniqueIps: { count: distinct(rows, "ip"), isExact: true },
        urls: countUrls(rows),
        urlsTotal: { count: distinct(rows, "url"), isExact: true },
      };
    }),
  };
}

function countUrls(rows: readonly Row[]) {
  const counts = new Map<string, number>();
  for (const { url } of rows) counts.set(url!, (counts.get(url!) ?? 0) + 1);
  return [...counts].map(([url, count]) => ({ url, count, countErrorMax: 0 }))
    .sort((left, right) => right.count - left.count || (left.url < right.url ? -1 : 1));
}

// S-64
Deno.test("SqliteRollups merge to what a naive count says, whatever was rolled up before", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(row, { minLength: 1, maxLength: 300 }),
      fc.array(fc.tuple(fc.nat(400), fc.nat(400)), { minLength: 1, maxLength: 5 }),
      fc.nat(100),
      (rows, ranges, pieces) => {
        using history = new SqliteWindowHistory(":memory:", LENGTH_MS);
        for (const window of closedWindows(rows, { lengthMs: LENGTH_MS })) {
          history.put(window);
          if (pieces > 50) history.rollUp();
        }
        history.commit(1, 0);
        for (let i = 0; i < pieces; i++) history.rollUp();
        for (const [first, count] of ranges) {
          const fromMs = DAY - DAY_MS + first * LENGTH_MS;
          const toMs = fromMs + count * LENGTH_MS;
          const query = { fromMs, toMs, urlsMax: 1000 };
          const expected = naive(rows, fromMs, toMs);
          const merged = finish(mergeWindows(history.ranges, query, new PieceMeter()));
          if (expected.totalCount === 0) {
            assert.equal(merged, undefined);
            continue;
          }
          const { totalCount, errorCount, uniqueIps, statuses } = merged!;
          const plain = statuses.map((status) => ({
            ...status,
            urls: status.urls.map(({ url, count, countErrorMax }) => ({
              url,
              count,
              countErrorMax,
            })),
          }));
          assert.deepEqual({ totalCount, errorCount, uniqueIps, statuses: plain }, expected);
          const counted = finish(
            mergeWindows(history.ranges, { ...query, urlsMax: 0 }, new PieceMeter()),
          )!;
          assert.deepEqual(
            counted.statuses,
            expected.statuses.map((status) => ({ ...status, urls: [] })),
          );
          compareSummary(history, rows, fromMs, toMs);
        }
        return Promise.resolve();
      },
    ),
    { numRuns: 60 },
  );
});

function compareSummary(
  history: SqliteWindowHistory,
  rows: readonly Row[],
  fromMs: number,
  toMs: number,
): void {
  const summary = finish(summarizeRange(history.ranges, { fromMs, toMs, urlsMax: 1000 }));
  const errors = rows.filter(({ time, status }) =>
    (time as number) >= fromMs && (time as number) < toMs && status! >= 400
  );
  const expected = countUrls(errors).map(({ url, count }) => {
    const starts = errors.filter((row) => row.url === url)
      .map(({ time }) => Math.floor(time as number / LENGTH_MS) * LENGTH_MS);
    return {
      url,
      count,
      firstMs: Math.min(...starts),
      lastMs: Math.max(...starts) + LENGTH_MS,
      inTrend: count,
    };
  });
  const actual = summary.urls.map(({ url, count, firstMs, lastMs, trend }) => {
    return { url, count, firstMs, lastMs, inTrend: trend.reduce((sum, count) => sum + count, 0) };
  });
  assert.deepEqual(actual, expected);
  const windows = new Set(
    rows.filter(({ time }) => (time as number) >= fromMs && (time as number) < toMs)
      .map(({ time }) => Math.floor(time as number / LENGTH_MS)),
  );
  assert.equal(summary.windows, windows.size);
}

/** One error in each window of some days. */
function oneErrorAWindow(days: number): Row[] {
  return Array.from({ length: days * DAY_MS / LENGTH_MS }, (_, i) => ({
    time: DAY + i * LENGTH_MS,
    status: 404,
    ip: `192.0.2.${i % 200}`,
    url: "/resource/1",
  }));
}

// S-64
Deno.test("SqliteRollups are made of what is final, and a day of them is read as one part", async () => {
  await withPath((path) => {
    using history = new SqliteWindowHistory(path, LENGTH_MS);
    const windows = closedWindows(oneErrorAWindow(2), { lengthMs: LENGTH_MS });
    const atEnd = windows.findIndex(({ startMs }) => startMs === DAY + DAY_MS);
    for (const window of windows.slice(0, atEnd)) history.put(window);
    history.commit(1, 0);
    rollUpAll(history);
    const days = () => rollupsOf(path).filter(({ level }) => level === DAY_MS);
    assert.deepEqual(days(), [], "the first window behind the day has not closed");
    history.put(windows[atEnd]!);
    history.commit(2, 0);
    rollUpAll(history);
    assert.deepEqual(days(), [{ level: DAY_MS, start: DAY }]);
    assert.equal([...history.ranges.parts(DAY, DAY + DAY_MS)].length, 1);
    // From a window inside the day: to the next hour, six hours, and then those.
    assert.equal([...history.ranges.parts(DAY + LENGTH_MS, DAY + DAY_MS)].length, 5 + 5 + 3);
  });
});

// S-64
Deno.test("SqliteRollups go with a window that is taken back, deleted or replaced, and come again", async () => {
  await withPath((path) => {
    using history = new SqliteWindowHistory(path, LENGTH_MS);
    const windows = closedWindows(oneErrorAWindow(2), { lengthMs: LENGTH_MS });
    const middle = windows.findIndex(({ startMs }) => startMs === DAY + DAY_MS / 2);
    for (const window of windows.slice(0, middle)) history.put(window);
    history.commit(1, 0);
    for (const window of windows.slice(middle)) history.put(window);
    history.commit(2, 0);
    rollUpAll(history);
    const starts = (level: number) =>
      rollupsOf(path).filter((rollup) => rollup.level === level)
        .map(({ start }) => (start - DAY) / MINUTE_MS / 60);
    const total = () => finish(mergeWindows(history.ranges, DAYS, new PieceMeter()))!.errorCount;
    assert.deepEqual(starts(DAY_MS), [0]);
    assert.deepEqual(starts(DAY_MS / 4), [0, 6, 12, 18, 24, 30, 36]);

    history.rollBackTo(1);
    assert.deepEqual(starts(DAY_MS), []);
    assert.deepEqual(starts(DAY_MS / 4), [0, 6]);
    assert.equal(total(), middle);

    for (const window of windows.slice(middle)) history.put(window);
    history.commit(2, 0);
    rollUpAll(history);
    assert.deepEqual(starts(DAY_MS / 4), [0, 6, 12, 18, 24, 30, 36]);
    {
      using other = new DatabaseSync(path);
      other.exec(`DELETE FROM windows WHERE start_ms < ${DAY + LENGTH_MS}`);
      other.exec(`DELETE FROM window_statuses WHERE start_ms < ${DAY + LENGTH_MS}`);
    }
    assert.deepEqual(starts(DAY_MS / 4), [6, 12, 18, 24, 30, 36]);
    assert.equal(total(), windows.length - 1);
    rollUpAll(history);
    assert.deepEqual(starts(DAY_MS / 4), [0, 6, 12, 18, 24, 30, 36]);
    assert.equal(total(), windows.length - 1);

    const [replaced] = closedWindows(
      [1, 2, 3].map((i) => ({ time: DAY + LENGTH_MS, ip: `198.51.100.${i}` })),
      { lengthMs: LENGTH_MS },
    );
    history.put(replaced!);
    assert.equal(total(), windows.length + 1);
    history.commit(3, 0);
    rollUpAll(history);
    assert.deepEqual(starts(DAY_MS), [0]);
    assert.equal(total(), windows.length + 1);
    {
      using other = new DatabaseSync(path);
      other.exec("DELETE FROM windows; DELETE FROM window_statuses;");
      assert.deepEqual(rollupsOf(path), []);
      assert.equal(other.prepare("SELECT count(*) AS n FROM rollup_statuses").get()!["n"], 0);
    }
  });
});

const DAYS = { fromMs: DAY, toMs: DAY + 2 * DAY_MS, urlsMax: 10 };

// S-64
Deno.test("SqliteRollups throw away what was merged while a window changed", async () => {
  await withPath((path) => {
    using history = new SqliteWindowHistory(path, LENGTH_MS);
    // Lists so long that one window is more than a piece.
    const urls = (startMs: number) =>
      Array.from({ length: 900 }, (_, i) => ({
        time: startMs,
        url: `/${"x".repeat(1500)}/${i}`,
      }));
    const starts = [0, 1, 2, 3, 4, 5, 6].map((i) => DAY + i * LENGTH_MS);
    for (const window of closedWindows(starts.flatMap(urls), { lengthMs: LENGTH_MS })) {
      history.put(window);
    }
    history.commit(1, 0);
    history.rollUp();
    history.rollUp();
    assert.deepEqual(rollupsOf(path), [], "not done yet");
    const [replaced] = closedWindows([{ time: DAY, url: "/new" }], { lengthMs: LENGTH_MS });
    history.put(replaced!);
    history.commit(2, 0);
    rollUpAll(history);
    assert.equal(rollupsOf(path).length, 1);
    const merged = finish(mergeWindows(
      history.ranges,
      { fromMs: DAY, toMs: DAY + 6 * LENGTH_MS, urlsMax: 1000 },
      new PieceMeter(),
    ))!;
    assert.equal(merged.errorCount, 5 * 900 + 1);
    assert.ok(merged.statuses[0]!.urls.some(({ url }) => url === "/new"));
  });
});

Deno.test("SqliteRollups take late rows from the windows, whenever they come", () => {
  using history = new SqliteWindowHistory(":memory:", LENGTH_MS);
  for (const window of closedWindows(oneErrorAWindow(2), { lengthMs: LENGTH_MS })) {
    history.put(window);
  }
  history.commit(1, 0);
  rollUpAll(history);
  for (const epoch of [2, 3, 4, 5]) {
    history.addLate({ windowStartMs: DAY, lateCount: 3, lateErrorCount: 1 });
    const { lateCount, lateErrorCount } = history.ranges.sum(DAY, DAY + DAY_MS);
    assert.deepEqual([lateCount, lateErrorCount], [3 * (epoch - 1), epoch - 1]);
    assert.deepEqual(history.ranges.sum(DAY + LENGTH_MS, DAY + DAY_MS).lateCount, 0);
    history.commit(epoch, 0);
  }
});

// S-35
Deno.test("SqliteWindowHistory() takes over a database of version 1 with everything in it", async () => {
  await withPath((path) => {
    const windows = closedWindows(oneErrorAWindow(1), { lengthMs: LENGTH_MS });
    {
      using history = new SqliteWindowHistory(path, LENGTH_MS);
      for (const window of windows) history.put(window);
      history.commit(1, 0);
    }
    {
      using database = new DatabaseSync(path);
      for (const { name, type } of database.prepare("SELECT * FROM sqlite_schema").all()) {
        if (/^(?:rollup|error)/.test(String(name)) && type === "table") {
          database.exec(`DROP TABLE ${name}`);
        } else if (type === "trigger" && String(name).startsWith("window")) {
          database.exec(`DROP TRIGGER ${name}`);
        }
      }
      database.exec("PRAGMA user_version = 1");
    }
    using history = new SqliteWindowHistory(path, LENGTH_MS);
    assert.ok(!history.isNew);
    history.rollBackTo(1);
    assert.equal(history.query({ limit: 1000, urlsMax: 10 }).windows.length, windows.length);
    rollUpAll(history);
    assert.equal(rollupsOf(path).filter(({ level }) => level === DAY_MS / 4).length, 3);
    assert.equal(finish(mergeWindows(history.ranges, DAYS, new PieceMeter()))!.errorCount, 144);
  });
});

Deno.test("SqliteWindowHistory.rollUp() goes on past a window that somebody has damaged", async () => {
  await withPath((path) => {
    using history = new SqliteWindowHistory(path, LENGTH_MS);
    const windows = closedWindows(oneErrorAWindow(1), { lengthMs: LENGTH_MS });
    for (const window of windows) history.put(window);
    history.commit(1, 0);
    {
      using other = new DatabaseSync(path);
      const damage = (column: string, value: string, windowMs: number) =>
        other.exec(`UPDATE window_statuses SET ${column} = ${value} WHERE start_ms = ${windowMs}`);
      damage("sketch", "x'0100ff'", DAY);
      damage("sketch", "x'0900'", DAY + DAY_MS / 24);
      damage("top_urls", "'[[1'", DAY + 2 * DAY_MS / 24);
      damage("top_urls", "'[null]'", DAY + 3 * DAY_MS / 24);
    }
    history.put({ ...windows[0]!, startMs: DAY + DAY_MS });
    rollUpAll(history);
    history.commit(2, 0);
    const hours = rollupsOf(path).filter(({ level }) => level === DAY_MS / 24);
    assert.deepEqual(
      hours.map(({ start }) => (start - DAY) / (DAY_MS / 24)),
      Array.from({ length: 20 }, (_, i) => i + 4),
    );
    {
      using other = new DatabaseSync(path);
      const due = "SELECT count(*) AS due FROM rollups_due WHERE start_ms < ?";
      assert.equal(other.prepare(due).get(DAY + DAY_MS)!["due"], 0, "tried once");
    }
    const rest = { ...DAYS, fromMs: DAY + 4 * DAY_MS / 24 };
    assert.equal(finish(mergeWindows(history.ranges, rest, new PieceMeter()))!.errorCount, 121);
    assert.throws(() => finish(mergeWindows(history.ranges, DAYS, new PieceMeter())), SyntaxError);
  });
});

// S-50, S-64
Deno.test("SqliteRollups go with the windows that are removed as too old", async () => {
  await withPath((path) => {
    using history = new SqliteWindowHistory(path, LENGTH_MS);
    for (const window of closedWindows(oneErrorAWindow(1.5), { lengthMs: LENGTH_MS })) {
      history.put(window);
    }
    for (const epoch of [1, 2, 3]) history.commit(epoch, 0);
    rollUpAll(history);
    // All but the last window of the first twelve hours.
    const nowMs = DAY + DAY_MS / 2;
    history.removeOld({ nowMs, retentionMs: 0, windowsMax: 1000 });
    const starts = () =>
      rollupsOf(path).filter(({ level }) => level === DAY_MS / 4)
        .map(({ start }) => (start - DAY) / MINUTE_MS / 60);
    assert.deepEqual(starts(), [12, 18, 24]);
    const total = () => finish(mergeWindows(history.ranges, DAYS, new PieceMeter()))!.errorCount;
    const left = DAY_MS / LENGTH_MS + 1;
    assert.equal(total(), left);
    rollUpAll(history);
    assert.deepEqual(starts(), [6, 12, 18, 24]);
    assert.equal(total(), left);
    history.removeOld({ nowMs: nowMs + 1, retentionMs: 0, windowsMax: 1000 });
    assert.deepEqual(starts(), [12, 18, 24]);
    assert.equal(total(), left - 1);
  });
});

Deno.test("SqliteRollups of another version are made anew, not taken over", async () => {
  await withPath((path) => {
    {
      using history = new SqliteWindowHistory(path, LENGTH_MS);
      for (const window of closedWindows(oneErrorAWindow(1), { lengthMs: LENGTH_MS })) {
        history.put(window);
      }
      history.commit(1, 0);
      rollUpAll(history);
    }
    const before = rollupsOf(path);
    assert.ok(before.length > 20);
    {
      using other = new DatabaseSync(path);
      other.exec(`UPDATE rollup_levels SET level_ms = 2 * level_ms`);
    }
    using history = new SqliteWindowHistory(path, LENGTH_MS);
    assert.deepEqual(rollupsOf(path), before, "nothing is written before it is known to be right");
    history.rollBackTo(1);
    assert.deepEqual(rollupsOf(path), []);
    rollUpAll(history);
    assert.deepEqual(rollupsOf(path), before);
  });
});

Deno.test("SqliteWindowHistory.rollUp() leaves for later what the system refuses", async () => {
  await withPath((path) => {
    using history = new SqliteWindowHistory(path, LENGTH_MS, {
      open: (path) => new DatabaseSync(path, { timeout: 0 }),
    });
    for (const window of closedWindows(oneErrorAWindow(1), { lengthMs: LENGTH_MS })) {
      history.put(window);
    }
    history.commit(1, 0);
    {
      using blocker = new DatabaseSync(path);
      blocker.exec("BEGIN IMMEDIATE");
      for (let i = 0; i < 10; i++) history.rollUp();
      blocker.exec("ROLLBACK");
    }
    assert.deepEqual(rollupsOf(path), []);
    rollUpAll(history);
    assert.equal(rollupsOf(path).filter(({ level }) => level === DAY_MS / 4).length, 3);
  });
});
