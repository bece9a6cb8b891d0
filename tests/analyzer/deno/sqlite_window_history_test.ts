import assert from "node:assert/strict";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import fc from "fast-check";
import {
  SqliteWindowHistory,
  type SqliteWindowHistoryOptions,
} from "../../../analyzer/deno/sqlite_window_history.ts";
import { StorageException } from "../../../analyzer/exceptions.ts";
import type { WindowHistory, WindowQuery } from "../../../analyzer/sink/window_history.ts";
import type { LateCounts } from "../../../analyzer/window/late_counts.ts";
import type { ClosedWindow, WindowSummary } from "../../../analyzer/window/window_summary.ts";
import {
  InMemoryHistory,
  LENGTH_MS,
  START_MS,
  statusSummary,
  windowSummary,
} from "../../support/window_fixtures.ts";

const ALL = { limit: 1000, urlsMax: 1000 };

/** Runs a test with the path of a database that does not exist yet. */
async function withPath(test: (path: string) => void | Promise<void>): Promise<void> {
  const directory = await Deno.makeTempDir();
  try {
    await test(join(directory, "windows.db"));
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

function open(path: string, options?: SqliteWindowHistoryOptions): SqliteWindowHistory {
  return new SqliteWindowHistory(path, LENGTH_MS, options);
}

function closed(overrides: Partial<WindowSummary> = {}): ClosedWindow {
  const window = windowSummary(overrides);
  return {
    ...window,
    state: "closed",
    ipSketches: window.statuses.map(({ status }) => Uint8Array.of(1, status & 255)),
  };
}

function late(windowStartMs: number, lateCount = 3, lateErrorCount = 1): LateCounts {
  return { windowStartMs, lateCount, lateErrorCount };
}

/** Starts of all windows, newest first, counted from `START_MS` in windows. */
function indexes(history: WindowHistory): number[] {
  return history.query(ALL).windows.map(({ startMs }) => (startMs - START_MS) / LENGTH_MS);
}

// S-35
Deno.test("SqliteWindowHistory.get() gives the window that was put, and no other", async () => {
  await withPath((path) => {
    using history = open(path);
    const window = closed();
    history.put(window);
    const { ipSketches: _, ...summary } = window;
    assert.deepEqual(history.get(START_MS, ALL), summary);
    assert.equal(history.get(START_MS + 1, ALL), undefined);
    assert.equal(history.get(START_MS + LENGTH_MS, ALL), undefined);
  });
});

Deno.test("SqliteWindowHistory.get() cuts URLs at any number, on both sides of 20", async () => {
  await withPath((path) => {
    using history = open(path);
    const urls = Array.from({ length: 45 }, (_, i) => ({
      url: `/${i}?"'\u0000\\ü😀`,
      count: 100 - i,
      countErrorMax: i,
    }));
    history.put(closed({ statuses: [statusSummary({ urls })] }));
    for (const urlsMax of [0, 1, 19, 20, 21, 44, 45, 46, 1000]) {
      assert.deepEqual(
        history.get(START_MS, { urlsMax })!.statuses[0]!.urls,
        urls.slice(0, urlsMax),
      );
    }
  });
});

Deno.test("SqliteWindowHistory.put() keeps windows of the farthest times and largest counts", async () => {
  await withPath((path) => {
    using history = open(path);
    for (const startMs of [-8.64e15, 0, 8.64e15 - LENGTH_MS]) {
      const { ipSketches: _, ...summary } = closed({ startMs, totalCount: 2 ** 53 - 1 });
      history.put({
        ...summary,
        state: "closed",
        ipSketches: [new Uint8Array(), new Uint8Array()],
      });
      assert.deepEqual(history.get(startMs, ALL), summary);
    }
    assert.equal(history.query(ALL).windows.length, 3);
  });
});

Deno.test("SqliteWindowHistory.put() replaces a window and keeps its late counts", async () => {
  await withPath((path) => {
    using history = open(path);
    history.put(closed());
    history.addLate(late(START_MS));
    history.commit(1, 0);
    history.put(closed({ totalCount: 7, errorCount: 0, statuses: [] }));
    history.commit(2, 0);
    const window = history.get(START_MS, ALL)!;
    assert.equal(window.totalCount, 7);
    assert.deepEqual(window.statuses, []);
    assert.deepEqual([window.lateCount, window.lateErrorCount], [3, 1]);
    assert.equal(history.query(ALL).windows.length, 1);
  });
});

// S-22
Deno.test("SqliteWindowHistory.addLate() adds up over checkpoints, and ignores unknown windows", async () => {
  await withPath((path) => {
    using history = open(path);
    history.put(closed());
    for (let epoch = 1; epoch <= 6; epoch++) {
      history.addLate(late(START_MS, 2, 1));
      history.addLate(late(START_MS, 3, 0));
      history.addLate(late(START_MS + LENGTH_MS));
      history.commit(epoch, 0);
      const { lateCount, lateErrorCount } = history.get(START_MS, ALL)!;
      assert.deepEqual([lateCount, lateErrorCount], [5 * epoch, epoch]);
    }
    history.put(closed({ startMs: START_MS + LENGTH_MS }));
    assert.equal(history.get(START_MS + LENGTH_MS, ALL)!.lateCount, 0);
  });
});

Deno.test("SqliteWindowHistory keeps windows of other lengths apart, late counts too", async () => {
  await withPath((path) => {
    using long = open(path);
    long.put(closed());
    for (const epoch of [1, 2, 3]) {
      long.addLate(late(START_MS));
      long.commit(epoch, 0);
    }
    const short = new SqliteWindowHistory(path, 10_000);
    try {
      short.rollBackTo(3);
      assert.equal(short.get(START_MS, ALL), undefined);
      short.addLate(late(START_MS, 100));
      short.put(closed({ lengthMs: 10_000 }));
      assert.equal(short.get(START_MS, ALL)!.lateCount, 0);
      short.addLate(late(START_MS, 5));
      for (const epoch of [4, 5, 6]) {
        short.commit(epoch, 0);
        assert.equal(short.get(START_MS, ALL)!.lateCount, 5);
        assert.equal(long.get(START_MS, ALL)!.lateCount, 9);
        short.addLate(late(START_MS, 0, 0));
      }
    } finally {
      short.close();
    }
  });
});

Deno.test("SqliteWindowHistory.commit() shows windows to other connections, and nothing before", async () => {
  await withPath((path) => {
    using writer = open(path);
    using reader = open(path);
    writer.put(closed());
    assert.deepEqual(indexes(writer), [0]);
    assert.deepEqual(indexes(reader), []);
    writer.commit(1, 0);
    assert.deepEqual(indexes(reader), [0]);
    writer.addLate(late(START_MS));
    assert.equal(writer.get(START_MS, ALL)!.lateCount, 3);
    assert.equal(reader.get(START_MS, ALL)!.lateCount, 0);
  });
});

Deno.test("SqliteWindowHistory.close() gives up what was not committed, and keeps the rest", async () => {
  await withPath((path) => {
    {
      using history = open(path);
      history.put(closed());
      history.commit(1, 0);
      history.put(closed({ startMs: START_MS + LENGTH_MS }));
      history.addLate(late(START_MS));
    }
    using history = open(path);
    assert.ok(!history.isNew);
    assert.deepEqual(indexes(history), [0]);
    assert.equal(history.get(START_MS, ALL)!.lateCount, 0);
    history.rollBackTo(1);
    assert.deepEqual(indexes(history), [0]);
  });
});

Deno.test("SqliteWindowHistory.isNew tells a database that was made from one that was there", async () => {
  await withPath((path) => {
    {
      using history = open(path);
      assert.ok(history.isNew);
    }
    using history = open(path);
    assert.ok(!history.isNew);
  });
});

Deno.test("SqliteWindowHistory.commit() refuses a checkpoint out of turn", async () => {
  await withPath((path) => {
    using history = open(path);
    assert.throws(() => history.commit(2, 0), /Cannot commit checkpoint 2: 1 is next/);
    history.commit(1, 0);
    assert.throws(() => history.commit(1, 0), /2 is next/);
    history.rollBackTo(40);
    history.commit(41, 0);
  });
});

// S-39
Deno.test("SqliteWindowHistory.rollBackTo() takes back late rows with their checkpoint", async () => {
  await withPath((path) => {
    using history = open(path);
    history.put(closed());
    for (const epoch of [1, 2, 3, 4]) {
      history.addLate(late(START_MS, 10 ** epoch, epoch));
      history.commit(epoch, 0);
    }
    history.addLate(late(START_MS, 5, 5));
    const counts: number[] = [];
    for (const epoch of [4, 3, 2]) {
      history.rollBackTo(epoch);
      counts.push(history.get(START_MS, ALL)!.lateCount);
    }
    assert.deepEqual(counts, [11_110, 1110, 110]);
  });
});

Deno.test("SqliteWindowHistory.query() pages through everything once, newest first", async () => {
  await withPath((path) => {
    using history = open(path);
    for (let i = 0; i < 7; i++) {
      history.put(closed({
        startMs: START_MS + i * LENGTH_MS,
        statuses: i % 2 === 0 ? [statusSummary()] : [],
      }));
    }
    const pages = (limit: number, status: number | undefined) => {
      const starts: number[] = [];
      const sizes: number[] = [];
      let beforeMs: number | undefined;
      do {
        const page = history.query({ limit, urlsMax: 20, status, beforeMs });
        starts.push(...page.windows.map(({ startMs }) => (startMs - START_MS) / LENGTH_MS));
        sizes.push(page.windows.length);
        beforeMs = page.nextBeforeMs;
      } while (beforeMs !== undefined);
      return { starts, sizes };
    };
    const starts = [6, 5, 4, 3, 2, 1, 0];
    assert.deepEqual(pages(3, undefined), { starts, sizes: [3, 3, 1] });
    assert.deepEqual(pages(6, undefined), { starts, sizes: [6, 1] });
    assert.deepEqual(pages(7, undefined), { starts, sizes: [7] });
    assert.deepEqual(pages(8, undefined), { starts, sizes: [7] });
    assert.deepEqual(pages(2, 404), { starts: [6, 4, 2, 0], sizes: [2, 2] });
  });
});

// S-35
Deno.test("SqliteWindowHistory() refuses another version and leaves the file alone", async () => {
  await withPath(async (path) => {
    const other = new DatabaseSync(path);
    other.exec("CREATE TABLE theirs (x); PRAGMA user_version = 3;");
    other.close();
    const before = await Deno.readFile(path);
    assert.throws(() => new SqliteWindowHistory(path, LENGTH_MS), {
      name: "RangeError",
      message: "version is 3, supported are 1 to 2",
    });
    assert.deepEqual(await Deno.readFile(path), before);
  });
});

// S-35
Deno.test("SqliteWindowHistory() writes its version", async () => {
  await withPath((path) => {
    open(path).close();
    const database = new DatabaseSync(path);
    assert.deepEqual({ ...database.prepare("PRAGMA user_version").get() }, { user_version: 2 });
    database.close();
  });
});

Deno.test("SqliteWindowHistory() throws for a file that is no database, and leaves it alone", async () => {
  await withPath(async (path) => {
    const text = "not a database, but long enough to be taken for one\n".repeat(100);
    await Deno.writeTextFile(path, text);
    assert.throws(() => new SqliteWindowHistory(path, LENGTH_MS), /file is not a database/);
    assert.equal(await Deno.readTextFile(path), text);
    assert.throws(() => new SqliteWindowHistory(join(path, "..", "missing", "x.db"), LENGTH_MS));
  });
});

/** What is done to a history, and to the model of it. */
type Operation =
  | { readonly kind: "put"; readonly window: ClosedWindow }
  | { readonly kind: "late"; readonly late: LateCounts }
  | { readonly kind: "commit" }
  /** Back by so many checkpoints; with a new process before it where `isReopened`. */
  | { readonly kind: "roll back"; readonly depth: number; readonly isReopened: boolean };

/** The history as lists: what is there now, and what was there at each checkpoint. */
class Model {
  windows: readonly WindowSummary[] = [];
  epoch = 0;
  /** Late rows up to here were added up for good: there is no way back behind it. */
  epochMin = 0;
  #snapshots: readonly (readonly WindowSummary[])[] = [[]];

  put({ ipSketches: _, ...window }: ClosedWindow): void {
    const before = this.windows.find(({ startMs }) => startMs === window.startMs);
    const { lateCount, lateErrorCount } = before ?? window;
    this.windows = [
      ...this.windows.filter((other) => other !== before),
      { ...window, lateCount, lateErrorCount },
    ];
  }

  isCommitted(startMs: number): boolean {
    return this.#snapshots[this.epoch]!.some((window) => window.startMs === startMs);
  }

  addLate(late: LateCounts): void {
    this.windows = this.windows.map((window) =>
      window.startMs !== late.windowStartMs ? window : {
        ...window,
        lateCount: window.lateCount + late.lateCount,
        lateErrorCount: window.lateErrorCount + late.lateErrorCount,
      }
    );
  }

  commit(): void {
    this.epoch++;
    this.epochMin = Math.max(this.epochMin, this.epoch - 2);
    this.#snapshots = [...this.#snapshots.slice(0, this.epoch), this.windows];
  }

  rollBackTo(epoch: number): void {
    this.epoch = epoch;
    this.windows = this.#snapshots[epoch]!;
  }
}

const startArbitrary = fc.integer({ min: 0, max: 7 }).map((i) => START_MS + i * LENGTH_MS);

/** As `fc.record`, of objects as literals make them: the comparison is strict. */
const record = <T>(model: { [K in keyof T]: fc.Arbitrary<T[K]> }) =>
  fc.record<T>(model, { noNullPrototype: true });

const windowArbitrary = record({
  startMs: startArbitrary,
  totalCount: fc.nat(),
  errorCount: fc.nat(),
  uniqueIps: record({ count: fc.nat(), isExact: fc.boolean() }),
  statuses: fc.uniqueArray(
    record({
      status: fc.constantFrom(400, 404, 500),
      errorCount: fc.nat(),
      uniqueIps: record({ count: fc.nat(), isExact: fc.boolean() }),
      urls: fc.array(
        record({
          url: fc.string({ unit: "grapheme" }),
          count: fc.nat(),
          countErrorMax: fc.nat(),
        }),
        { maxLength: 25, size: "max" },
      ),
      urlsTotal: record({ count: fc.nat(), isExact: fc.boolean() }),
    }),
    { selector: ({ status }) => status },
  ).map((statuses) => statuses.sort((a, b) => a.status - b.status)),
}).map((window) => closed(window));

const operationArbitrary: fc.Arbitrary<Operation> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("put"), window: windowArbitrary }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant("late"),
      late: fc.record({
        windowStartMs: startArbitrary,
        lateCount: fc.nat(99),
        lateErrorCount: fc.nat(99),
      }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("commit") }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant("roll back"),
      depth: fc.nat(2),
      isReopened: fc.boolean(),
    }),
  },
);

const timeArbitrary = fc.option(
  fc.integer({ min: START_MS - 1, max: START_MS + 8 * LENGTH_MS }),
  { nil: undefined },
);

const queryArbitrary: fc.Arbitrary<WindowQuery> = fc.record({
  fromMs: timeArbitrary,
  toMs: timeArbitrary,
  beforeMs: timeArbitrary,
  status: fc.constantFrom(undefined, undefined, 404, 500, 599),
  limit: fc.integer({ min: 1, max: 9 }),
  urlsMax: fc.constantFrom(1, 20, 21, 1000),
});

Deno.test("SqliteWindowHistory does what its model in memory does", async () => {
  await withPath(async (path) => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(operationArbitrary, queryArbitrary), { maxLength: 30, size: "max" }),
        async (steps) => {
          const model = new Model();
          let history = new SqliteWindowHistory(path, LENGTH_MS);
          try {
            for (const [operation, query] of steps) {
              switch (operation.kind) {
                case "put":
                  // A window closes once; only the loss of a checkpoint makes it close again.
                  if (model.isCommitted(operation.window.startMs)) break;
                  model.put(operation.window);
                  history.put(operation.window);
                  break;
                case "late":
                  model.addLate(operation.late);
                  history.addLate(operation.late);
                  break;
                case "commit":
                  model.commit();
                  history.commit(model.epoch, 0);
                  break;
                case "roll back":
                  if (operation.isReopened) {
                    history.close();
                    history = new SqliteWindowHistory(path, LENGTH_MS);
                  }
                  model.rollBackTo(Math.max(model.epochMin, model.epoch - operation.depth));
                  history.rollBackTo(model.epoch);
              }
              const oracle = new InMemoryHistory(model.windows);
              assert.deepEqual(history.query(query), oracle.query(query));
              const startMs = query.fromMs ?? START_MS;
              assert.deepEqual(history.get(startMs, query), oracle.get(startMs, query));
            }
          } finally {
            history.close();
            await Deno.remove(path);
          }
        },
      ),
      // Shrinking a failure would take minutes: each attempt writes a database.
      { numRuns: 60, interruptAfterTimeLimit: 20_000 },
    );
  });
});

/** Windows and late rows of two checkpoints, put and committed as a run does. */
function putTwo(history: SqliteWindowHistory, index: number): void {
  history.put(closed({ startMs: START_MS + index * LENGTH_MS }));
  history.put(closed({ startMs: START_MS + (index + 1) * LENGTH_MS }));
  history.addLate(late(START_MS + index * LENGTH_MS));
}

// S-48
Deno.test("SqliteWindowHistory.commit() puts anew what another program's lock has kept out", async () => {
  await withPath((path) => {
    using history = open(path);
    history.rollBackTo(0);
    putTwo(history, 0);
    history.commit(1, 0);
    {
      using other = new DatabaseSync(path);
      other.exec("BEGIN IMMEDIATE");
      // Kept for later, without a word and without waiting again and again.
      for (const index of [2, 4, 6]) putTwo(history, index);
      assert.deepEqual(indexes(history), [1, 0]);
      assert.equal(history.isBehind, true);
      assert.throws(() => history.commit(2, 0), StorageException);
      assert.throws(() => history.commit(2, 0), {
        name: "StorageException",
        message: `Cannot write ${path}: database is locked`,
      });
    }
    history.commit(2, 0);
    assert.equal(history.isBehind, false);
    assert.deepEqual(indexes(history), [7, 6, 5, 4, 3, 2, 1, 0]);
    assert.equal(history.get(START_MS + 4 * LENGTH_MS, ALL)!.lateCount, 3);
    putTwo(history, 8);
    assert.equal(indexes(history)[0], 9, "what is put is seen at once again");
    history.commit(3, 0);
  });
});

Deno.test("SqliteWindowHistory.isBehind tells that a commit which failed took windows back", async () => {
  await withPath((path) => {
    let database: DatabaseSync;
    using history = open(path, { open: () => database = new DatabaseSync(path) });
    database!.exec(`CREATE TEMP TRIGGER refuse BEFORE UPDATE OF stored_ms ON windows
      BEGIN SELECT RAISE(ABORT, 'no'); END`);
    putTwo(history, 0);
    assert.equal(history.isBehind, false);
    assert.throws(() => history.commit(1, 0));
    assert.deepEqual(indexes(history), []);
    assert.equal(history.isBehind, true);
    database!.exec("DROP TRIGGER refuse");
    history.commit(1, 0);
    assert.deepEqual(indexes(history), [1, 0]);
    assert.equal(history.isBehind, false);
  });
});

// S-48
Deno.test("SqliteWindowHistory.commit() puts anew what did not fit, once there is room", async () => {
  await withPath((path) => {
    let database: DatabaseSync;
    using history = open(path, { open: () => database = new DatabaseSync(path) });
    history.rollBackTo(0);
    putTwo(history, 0);
    history.commit(1, 0);
    const { page_count: pages } = database!.prepare("PRAGMA page_count").get() as {
      page_count: number;
    };
    database!.exec(`PRAGMA max_page_count = ${pages}`);
    for (let index = 2; index < 100; index += 2) putTwo(history, index);
    for (let attempt = 0; attempt < 2; attempt++) {
      assert.throws(() => history.commit(2, 0), {
        name: "StorageException",
        message: `Cannot write ${path}: database or disk is full`,
      });
      assert.deepEqual(indexes(history), [1, 0], "all of it or nothing");
    }
    database!.exec("PRAGMA max_page_count = 1000000");
    history.commit(2, 0);
    assert.equal(indexes(history).length, 100);
    using other = open(path);
    assert.equal(indexes(other).length, 100);
  });
});

Deno.test("SqliteWindowHistory.sync() leaves the disk alone where nothing was committed since", async () => {
  await withPath(async (path) => {
    let syncs = 0;
    const during: (() => void)[] = [];
    const syncFile = () => {
      syncs++;
      during.shift()?.();
      return Promise.resolve();
    };
    using history = open(path, { syncFile });
    history.rollBackTo(0);
    for (const epoch of [1, 2]) {
      putTwo(history, 2 * epoch);
      history.commit(epoch, 0);
      await history.sync();
      assert.equal(syncs, epoch);
      await history.sync();
      assert.equal(syncs, epoch);
    }
    // A checkpoint without windows, late rows or blocks of errors.
    history.commit(3, 0);
    await history.sync();
    assert.equal(syncs, 2);
    // What is committed while it is at work may come too late for it.
    const block = { part: 1, path: "x", startBytes: 0, endBytes: 1, minMs: 0, maxMs: 0 };
    during.push(() => history.learnErrorBlock(block));
    history.forgetErrorPart(2);
    await history.sync();
    await history.sync();
    assert.equal(syncs, 4);
  });
});

// S-48
Deno.test("SqliteWindowHistory.sync() moves the log into the database where the disk has lost it", async () => {
  await withPath(async (path) => {
    let failures = 1;
    const syncFile = () =>
      failures-- > 0 ? Promise.reject(new Deno.errors.Interrupted("I/O error")) : Promise.resolve();
    using history = open(path, { syncFile });
    history.rollBackTo(0);
    putTwo(history, 0);
    history.commit(1, 0);
    await assert.rejects(history.sync(), StorageException);
    {
      using reader = new DatabaseSync(path);
      reader.exec("BEGIN");
      reader.prepare("SELECT * FROM windows").all();
      await assert.rejects(history.sync(), StorageException, "somebody still reads the log");
    }
    await history.sync();
    // Nothing of it is in the log any more.
    assert.equal((await Deno.stat(`${path}-wal`)).size, 0);
    await history.sync();
  });
});

// S-48
Deno.test("SqliteWindowHistory.sync() moves the log that a killed process has left", async () => {
  await withPath(async (path) => {
    const left = `${path}.left`;
    {
      using history = open(path);
      history.rollBackTo(0);
      putTwo(history, 0);
      history.commit(1, 0);
      // What it could not sync is lost with the machine, though it can be read until then.
      for (const ending of ["", "-wal"]) await Deno.copyFile(path + ending, left + ending);
    }
    using history = open(left);
    history.rollBackTo(1);
    assert.ok((await Deno.stat(`${left}-wal`)).size > 0);
    await history.sync();
    assert.equal((await Deno.stat(`${left}-wal`)).size, 0);
    assert.deepEqual(indexes(history), [1, 0]);
  });
});

Deno.test("SqliteWindowHistory.rollBackTo() says in one kind of exception that it cannot", async () => {
  await withPath((path) => {
    using history = open(path, { open: () => new DatabaseSync(path, { timeout: 0 }) });
    using other = new DatabaseSync(path);
    other.exec("BEGIN IMMEDIATE");
    assert.throws(() => history.rollBackTo(0), StorageException);
    other.exec("ROLLBACK");
    history.rollBackTo(0);
    history.commit(1, 0);
  });
});

Deno.test("SqliteWindowHistory() throws for a database with damage inside", async () => {
  await withPath((path) => {
    {
      using history = open(path);
      history.rollBackTo(0);
      for (let index = 0; index < 100; index += 2) putTwo(history, index);
      history.commit(1, 0);
    }
    const bytes = Deno.readFileSync(path);
    bytes.fill(0x5a, bytes.length / 2, bytes.length / 2 + 4096);
    Deno.writeFileSync(path, bytes);
    assert.throws(() => open(path), SyntaxError);
  });
});

Deno.test("SqliteWindowHistory.sync() works before anything is written, after it, and in memory", async () => {
  await withPath(async (path) => {
    using history = open(path);
    await history.sync();
    history.put(closed());
    history.commit(1, 0);
    await history.sync();
    await Deno.remove(`${path}-wal`);
    await history.sync();
  });
  using unsaved = open(":memory:");
  await unsaved.sync();
});

Deno.test("SqliteWindowHistory finds starts and sums as filters and additions do", async () => {
  await withPath((path) => {
    const startIndexes = fc.uniqueArray(fc.integer({ min: -50, max: 50 }), { maxLength: 30 });
    const times = fc.integer({ min: -60, max: 60 }).map((index) => index * LENGTH_MS + 1);
    const spans = fc.integer({ min: 1, max: 20 }).map((windows) => windows * LENGTH_MS);
    let number = 0;
    fc.assert(
      fc.property(startIndexes, times, times, spans, (indexes, one, other, spanMs) => {
        // Around 1970, where rounding down and rounding towards 0 differ.
        const windows = indexes.map((index) =>
          closed({ startMs: index * LENGTH_MS, totalCount: 100 + index, errorCount: 50 + index })
        );
        const expected = new InMemoryHistory(windows);
        using history = open(`${path}${number++}`);
        for (const window of windows) history.put(window);
        assert.deepEqual(history.startsAfter(one, 5), expected.startsAfter(one, 5));
        assert.deepEqual(
          history.startsAfter(-Infinity, 1000),
          expected.startsAfter(-Infinity, 1000),
        );
        assert.equal(history.oldestStartMs(), expected.oldestStartMs());
        assert.equal(history.newestStartMs(), expected.newestStartMs());
        const range = { fromMs: Math.min(one, other), toMs: Math.max(one, other), spanMs };
        assert.deepEqual(
          history.sumBySpan(range).map((sum) => ({ ...sum })),
          expected.sumBySpan(range),
        );
      }),
      { numRuns: 50 },
    );
  });
});

// S-65
Deno.test("SqliteWindowHistory keeps blocks of error files with their checkpoint, learned ones before", async () => {
  await withPath((path) => {
    const block = (part: number, startBytes: number) => ({
      part,
      path: `errors/date=2025-05-30/part-00000${part}.jsonl`,
      startBytes,
      endBytes: startBytes + 10,
      minMs: -8.64e15,
      maxMs: 8.64e15,
    });
    const plain = (history: SqliteWindowHistory) =>
      history.errorBlocks().map((row) => ({ ...row }));
    {
      using history = open(path);
      history.addErrorBlock(block(2, 0));
      history.commit(1, 0);
      history.addErrorBlock(block(2, 10));
      assert.deepEqual(plain(history), [block(2, 0), block(2, 10)]);
      history.commit(2, 0);
      history.learnErrorBlock(block(1, 0));
      history.addErrorBlock(block(3, 0));
    }
    using history = open(path);
    history.rollBackTo(2);
    assert.deepEqual(plain(history), [block(1, 0), block(2, 0), block(2, 10)]);
    history.rollBackTo(1);
    assert.deepEqual(plain(history), [block(2, 0)]);
    history.addErrorBlock(block(2, 10));
    // In the transaction that is open.
    history.learnErrorBlock(block(1, 0));
    history.commit(2, 0);
    history.forgetErrorPart(2);
    assert.deepEqual(plain(history), [block(1, 0)]);
  });
});
