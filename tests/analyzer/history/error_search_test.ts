import assert from "node:assert/strict";
import fc from "fast-check";
import type { ErrorQuery, StoredError } from "../../../analyzer/history/error_reader.ts";
import { ErrorSearch, PAGE_LENGTH, READ_BYTES } from "../../../analyzer/history/error_search.ts";
import type { ErrorPlace } from "../../../analyzer/sink/error_index.ts";
import type { Row } from "../../support/batches.ts";
import { SavedErrorsFixture, storedRow } from "../../support/saved_errors.ts";
import { LENGTH_MS, START_MS } from "../../support/window_fixtures.ts";

const ALL = { limit: 1000 };

/** All pages, one after another. */
async function findAll(fixture: SavedErrorsFixture, query: ErrorQuery): Promise<StoredError[]> {
  const errors: StoredError[] = [];
  let before: ErrorPlace | undefined;
  for (let pages = 0; pages < 1000; pages++) {
    const page = await fixture.search.find({ ...query, before });
    assert.ok(page.errors.length <= query.limit);
    errors.push(...page.errors);
    if (page.next === undefined) return errors;
    before = page.next;
  }
  throw new Error("no end");
}

function urlsOf(errors: readonly StoredError[]): (string | undefined)[] {
  return errors.map(({ url }) => url);
}

const row = fc.record({
  // A week, so that several days, and so parts, are written in turn.
  time: fc.integer({ min: 0, max: 7 * 24 * 120 }).map((i) => START_MS + i * LENGTH_MS + i % 7),
  status: fc.constantFrom(404, 500),
  ip: fc.constantFrom("192.0.2.1", "192.0.2.2", "2001:db8::1"),
  url: fc.constantFrom("/a", "/b?x=1", "/ü", '/"quoted"', "/back\\slash", "/new\nline", "/A"),
});

// S-65
Deno.test("ErrorSearch.find() gives what a filter over all rows gives, the last one first", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(row, { maxLength: 20 }), { maxLength: 10 }),
      fc.record({
        fromMs: fc.option(row.map(({ time }) => time), { nil: undefined }),
        toMs: fc.option(row.map(({ time }) => time), { nil: undefined }),
        status: fc.constantFrom(undefined, 404, 500),
        ip: fc.constantFrom(undefined, "192.0.2.2", "2001:db8::1"),
        url: fc.constantFrom(undefined, "/a", "/ü", '/"quoted"', "/back\\slash", "/new\nline"),
        text: fc.constantFrom(undefined, "/A", "2001:DB8", "ü", "\\n", '"status":500'),
        limit: fc.integer({ min: 1, max: 30 }),
      }),
      fc.boolean(),
      async (batches, query, isLost) => {
        using fixture = await SavedErrorsFixture.create({ errorFileBytes: 1024 });
        for (const rows of batches) {
          await fixture.append(rows.map(({ time, ...fields }) => storedRow(time, fields)));
        }
        if (isLost) {
          // Another database: nothing is known of any file.
          for (const { part } of fixture.history.errorBlocks()) {
            fixture.history.forgetErrorPart(part);
          }
          await fixture.restart();
        }
        // Parts are numbered over all days, so their paths are not in order.
        const byPart = new Map(
          fixture.storage.paths().map((path) => [/part-(\d+)/.exec(path)![1]!, path]),
        );
        const lines = [...byPart].sort(([left], [right]) => left < right ? 1 : -1)
          .flatMap(([, path]) => fixture.storage.text(path)!.trimEnd().split("\n").toReversed());
        const { fromMs, toMs, status, ip, url, text } = query;
        const expected = lines.map((line) => ({ line, record: JSON.parse(line) }))
          .filter(({ line, record }) => {
            const timeMs = Date.parse(record.timestamp);
            return timeMs >= (fromMs ?? -Infinity) && timeMs < (toMs ?? Infinity) &&
              (status ?? record.status) === record.status && (ip ?? record.ip) === record.ip &&
              (url ?? record.url) === record.url &&
              line.toLowerCase().includes((text ?? "").toLowerCase());
          });
        for (let run = 0; run < 2; run++) {
          const found = await findAll(fixture, query);
          assert.deepEqual(
            found.map(({ record }) => record),
            expected.map(({ record }) => record),
          );
        }
      },
    ),
    { numRuns: 60 },
  );
});

/** A day of windows with so many errors each, in batches as they are read. */
async function fill(fixture: SavedErrorsFixture, windows: number, errors: number): Promise<void> {
  for (let i = 0; i < windows; i++) {
    await fixture.append(Array.from({ length: errors }, (_, j) =>
      storedRow(
        START_MS + i * LENGTH_MS + j,
        { url: `/resource/${j}`, ip: `192.0.2.${j % 200}`, status: j % 3 === 0 ? 500 : 404 },
      )));
  }
}

// S-65
Deno.test("ErrorSearch.find() reads what can hold the range, and nothing else", async () => {
  using fixture = await SavedErrorsFixture.create({ errorFileBytes: 8 * 1024 * 1024 });
  await fill(fixture, 300, 1000);
  const paths = fixture.storage.paths();
  const bytes = paths.reduce((sum, path) => sum + fixture.storage.bytes(path)!.length, 0);
  assert.ok(paths.length >= 4 && bytes > 30e6);
  const query = { fromMs: START_MS + 77 * LENGTH_MS, toMs: START_MS + 78 * LENGTH_MS };
  // A block of 1 MiB ends with its batch, here of 110 KB, and the window may lie in two.
  const most = 2 * (1024 * 1024 + 120_000) + 2 * READ_BYTES;
  const { errors } = await fixture.search.find({ ...query, ...ALL });
  assert.equal(errors.length, 1000);
  assert.ok(errors.every(({ timeMs }) => timeMs! >= query.fromMs && timeMs! < query.toMs));
  assert.ok(fixture.readBytes <= most, `${fixture.readBytes}`);

  for (const nothing of [{ status: 503 }, { text: "not there" }, { ip: "203.0.113.1" }]) {
    fixture.readBytes = 0;
    assert.deepEqual((await fixture.search.find({ ...query, ...nothing, ...ALL })).errors, []);
    assert.ok(fixture.readBytes <= most);
  }
  fixture.readBytes = 0;
  const before = { fromMs: START_MS - LENGTH_MS, toMs: START_MS };
  assert.deepEqual((await fixture.search.find({ ...before, ...ALL })).errors, []);
  assert.equal(fixture.readBytes, 0, "outside of everything");

  fixture.readBytes = 0;
  assert.equal((await fixture.search.find({ limit: 100 })).errors.length, 100);
  assert.equal(fixture.readBytes, READ_BYTES, "the newest stand at the end");
});

// S-65
Deno.test("ErrorSearch.find() reads files once of which nothing is known, and then as few as ever", async () => {
  using fixture = await SavedErrorsFixture.create({ errorFileBytes: 2 * 1024 * 1024 });
  await fill(fixture, 60, 1000);
  for (const { part } of fixture.history.errorBlocks()) fixture.history.forgetErrorPart(part);
  await fixture.restart();
  const bytes = fixture.storage.paths().reduce(
    (sum, path) => sum + fixture.storage.bytes(path)!.length,
    0,
  );
  const query = { fromMs: START_MS, toMs: START_MS + LENGTH_MS, limit: 1000 };
  assert.equal((await fixture.search.find(query)).errors.length, 1000);
  assert.ok(fixture.readBytes >= bytes && fixture.readBytes < 1.1 * bytes);
  for (let run = 0; run < 2; run++) {
    fixture.readBytes = 0;
    assert.equal((await fixture.search.find(query)).errors.length, 1000);
    assert.ok(fixture.readBytes < 3 * READ_BYTES);
    await fixture.restart();
  }
});

// S-66
Deno.test("ErrorSearch.find() stops at its budget, and goes on from there", async () => {
  using fixture = await SavedErrorsFixture.create({ errorReadBytes: 2 * READ_BYTES });
  await fill(fixture, 50, 1000);
  await fixture.append([storedRow(START_MS, { url: "/last" })]);
  const query = { text: "/last", limit: 10 };
  const first = await fixture.search.find(query);
  assert.deepEqual(urlsOf(first.errors), ["/last"]);
  assert.equal(first.isComplete, false);
  assert.ok(fixture.readBytes >= 2 * READ_BYTES && fixture.readBytes < 3 * READ_BYTES);
  assert.equal(fixture.limitCounter.count("errorReadBytes"), 1);
  assert.equal((await findAll(fixture, { url: "/resource/999", limit: 7 })).length, 50);
  assert.ok((await fixture.search.find({ limit: 10 })).isComplete);
});

Deno.test("ErrorSearch reads one piece at a time, whoever asks, and goes on where one could not be read", async () => {
  using fixture = await SavedErrorsFixture.create();
  await fixture.append([storedRow(START_MS)]);
  const reads: { readonly answer: (bytes: Uint8Array) => void; readonly fail: () => void }[] = [];
  const { index, limits, limitCounter, storage } = fixture;
  const search = new ErrorSearch({
    files: {
      readPiece: () =>
        new Promise((resolve, reject) =>
          reads.push({ answer: resolve, fail: () => reject(new Error("broken")) })
        ),
    },
    index,
    windowLengthMs: LENGTH_MS,
    limits,
    limitCounter,
    monotonicMs: () => 0,
  });
  const found = [search.find(ALL), search.find(ALL)];
  const counted = search.countClients(
    { fromMs: 0, toMs: 8e15, urls: ["/resource/1"] },
  );
  const settle = () => new Promise((resolve) => setTimeout(resolve));
  const bytes = storage.bytes(storage.paths()[0]!)!;
  const refused = assert.rejects(found[0]!, /broken/);
  await settle();
  assert.equal(reads.length, 1);
  reads[0]!.fail();
  await refused;
  await settle();
  assert.equal(reads.length, 2);
  reads[1]!.answer(bytes);
  assert.equal((await found[1]!).errors.length, 1);
  await settle();
  assert.equal(reads.length, 3);
  reads[2]!.answer(bytes);
  assert.equal((await counted).clients[0]!.count, 1);
});

// S-66
Deno.test("ErrorSearch.find() keeps its place while files grow", async () => {
  using fixture = await SavedErrorsFixture.create({ errorFileBytes: 500 });
  const append = (from: number, to: number) =>
    fixture.append(
      Array.from({ length: to - from }, (_, i) =>
        storedRow(START_MS + from + i, { url: `/${from + i}` })),
    );
  await append(0, 10);
  const urls: (string | undefined)[] = [];
  let before: ErrorPlace | undefined;
  for (let page = 1;; page++) {
    const { errors, next } = await fixture.search.find({ limit: 3, before });
    urls.push(...urlsOf(errors));
    await append(10 * page, 10 * page + 10);
    if (next === undefined) break;
    before = next;
  }
  assert.deepEqual(urls, [9, 8, 7, 6, 5, 4, 3, 2, 1, 0].map((i) => `/${i}`));
});

// S-65
Deno.test("ErrorSearch.find() finds late rows and those in the future, wherever they stand", async () => {
  using fixture = await SavedErrorsFixture.create();
  const future = START_MS + 365 * 24 * 3600 * 1000;
  const past = START_MS - 365 * 24 * 3600 * 1000;
  await fixture.append([storedRow(START_MS, { url: "/on-time" })]);
  await fixture.append([storedRow(past, { url: "/late" })], START_MS);
  await fixture.append([{ ...storedRow(future, { url: "/future" }), time: "future" }]);
  assert.equal(fixture.storage.paths().length, 1);
  const at = async (timeMs: number) =>
    urlsOf((await fixture.search.find({ ...ALL, fromMs: timeMs, toMs: timeMs + 1 })).errors);
  assert.deepEqual(await at(past), ["/late"]);
  assert.deepEqual(await at(START_MS), ["/on-time"]);
  assert.deepEqual(await at(future), ["/future"]);
  assert.deepEqual(await at(future + 1), []);
});

// S-67
Deno.test("ErrorSearch.countClients() counts errors in the future by their windows, too", async () => {
  using fixture = await SavedErrorsFixture.create();
  const future = START_MS + 1000 * LENGTH_MS;
  await fixture.append([{ ...storedRow(future + LENGTH_MS - 1), time: "future" }]);
  const query = { fromMs: future, toMs: future + 1, urls: ["/resource/1"] };
  assert.equal((await fixture.search.countClients(query)).clients[0]!.count, 1);
});

Deno.test("ErrorSearch.find() leaves out what is no record, and does without a file that is gone", async () => {
  using fixture = await SavedErrorsFixture.create({ errorFileBytes: 100 });
  for (let i = 0; i < 3; i++) {
    await fixture.append([storedRow(START_MS + i, { url: `/${i}` })]);
    await fixture.append([{ time: START_MS, line: ["no JSON", "[1]", '{"a":1}'][i]! }]);
  }
  const paths = fixture.storage.paths();
  const found = (await fixture.search.find(ALL)).errors;
  assert.deepEqual(urlsOf(found), [undefined, "/2", "/1", "/0"]);
  assert.deepEqual(found[0]!.record, { a: 1 });
  assert.equal(found[0]!.timeMs, undefined);
  const inRange = { ...ALL, fromMs: START_MS, toMs: START_MS + 10 };
  assert.deepEqual(urlsOf((await fixture.search.find(inRange)).errors), ["/2", "/1", "/0"]);
  fixture.storage.delete(paths[1]!);
  assert.deepEqual(urlsOf((await fixture.search.find(ALL)).errors).length, 4 - 1);
  fixture.storage.set(paths[0]!, fixture.storage.text(paths[0]!)!.slice(0, 20));
  assert.deepEqual(urlsOf((await fixture.search.find(ALL)).errors), [undefined, "/2"]);
});

Deno.test("ErrorSearch.find() reads lines that are longer than a piece, whole", async () => {
  using fixture = await SavedErrorsFixture.create();
  const long = (i: number) => `/${i}/${"x".repeat(1.3 * READ_BYTES)}`;
  for (let i = 0; i < 3; i++) await fixture.append([storedRow(START_MS + i, { url: long(i) })]);
  assert.deepEqual(urlsOf(await findAll(fixture, { limit: 1 })), [2, 1, 0].map(long));
  for (const { part } of fixture.history.errorBlocks()) fixture.history.forgetErrorPart(part);
  await fixture.restart();
  assert.deepEqual(urlsOf(await findAll(fixture, { limit: 1 })), [2, 1, 0].map(long));
});

// S-66
Deno.test("ErrorSearch.find() ends a page of long lines before its limit", async () => {
  using fixture = await SavedErrorsFixture.create();
  const long = (i: number) => `/${i}/${"x".repeat(50_000)}`;
  const indexes = Array.from({ length: 50 }, (_, i) => i);
  await fixture.append(indexes.map((i) => storedRow(START_MS + i, { url: long(i) })));
  const page = await fixture.search.find(ALL);
  assert.equal(page.errors.length, Math.ceil(PAGE_LENGTH / 50_100));
  assert.equal(page.isComplete, false);
  assert.deepEqual(urlsOf(await findAll(fixture, ALL)), indexes.toReversed().map(long));
});

// S-65
Deno.test("ErrorSearch.find() finds values that stand in their line as escapes", async () => {
  using fixture = await SavedErrorsFixture.create();
  const line = '{"timestamp":"2025-05-30T18:52:30Z","ip":"192.0.2.\\u0031","method":"GET",' +
    '"url":"\\/a","status":"404"}';
  await fixture.append([{ time: START_MS, line }, storedRow(START_MS, { url: "/b" })]);
  for (const query of [{ url: "/a" }, { ip: "192.0.2.1", status: 404, url: "/a" }]) {
    assert.deepEqual(urlsOf((await fixture.search.find({ ...ALL, ...query })).errors), ["/a"]);
  }
  assert.equal((await fixture.search.find({ ...ALL, ip: "192.0.2.1" })).errors.length, 2);
});

// S-16
Deno.test("ErrorSearch.find() finds whole URLs by the cut ones of a list", async () => {
  using fixture = await SavedErrorsFixture.create({ urlBytes: 20 });
  const urls = ["/0123456789012345678", "/01234567890123456789", "/0123456789012345…"];
  await fixture.append(urls.map((url, i) => storedRow(START_MS + i, { url })));
  const found = await fixture.search.find({ ...ALL, url: "/0123456789012345…" });
  assert.deepEqual(urlsOf(found.errors), [urls[2], urls[1]]);
});

// S-67
Deno.test("ErrorSearch.countClients() counts the clients of each URL in the windows of a range", async () => {
  using fixture = await SavedErrorsFixture.create();
  const rows: Row[] = [];
  for (let i = 0; i < 5000; i++) {
    const url = ["/a", "/b", "/c\nd"][i % 3]!;
    rows.push(storedRow(START_MS + i * 20, { url, ip: `192.0.2.${i % 250}` }));
  }
  await fixture.append(rows);
  const urls = ["/b", "/c\nd", "/nowhere"];
  const range = { fromMs: START_MS + LENGTH_MS - 1, toMs: START_MS + LENGTH_MS + 1 };
  const inRange = rows.slice(LENGTH_MS / 20, 2 * LENGTH_MS / 20);
  const distinct = (url: string) =>
    new Set(inRange.filter((row) => row.url === url).map(({ ip }) => ip)).size;
  const { clients, isComplete } = await fixture.search.countClients({ ...range, urls });
  assert.ok(isComplete);
  assert.deepEqual(clients, urls.map((url) => ({ count: distinct(url), isExact: true })));
  assert.ok(distinct("/b") > 100);
  for (const [i, url] of urls.entries()) {
    const one = await fixture.search.countClients({ ...range, urls: [url] });
    assert.deepEqual(one.clients, [clients[i]]);
  }
});

// S-67
Deno.test("ErrorSearch.countClients() counts the clients of one status alone", async () => {
  using fixture = await SavedErrorsFixture.create();
  await fixture.append([
    storedRow(START_MS, { url: "/a", ip: "192.0.2.1", status: 404 }),
    storedRow(START_MS, { url: "/a", ip: "192.0.2.2", status: 404 }),
    storedRow(START_MS, { url: "/a", ip: "192.0.2.2", status: 500 }),
  ]);
  const query = { fromMs: START_MS, toMs: START_MS + LENGTH_MS, urls: ["/a"] };
  for (const [status, count] of [[undefined, 2], [404, 2], [500, 1], [403, 0]] as const) {
    const { clients } = await fixture.search.countClients({ ...query, status });
    assert.equal(clients[0]!.count, count);
  }
});

// S-67
Deno.test("ErrorSearch.countClients() stops at its budgets, and says so", async () => {
  using fixture = await SavedErrorsFixture.create({
    clientReadBytes: READ_BYTES,
    clientReadTime: 100,
  });
  await fill(fixture, 20, 1000);
  const query = { fromMs: START_MS, toMs: START_MS + 20 * LENGTH_MS, urls: ["/resource/1"] };
  const byBytes = await fixture.search.countClients(query);
  assert.equal(byBytes.isComplete, false);
  assert.equal(byBytes.clients[0]!.count, 1);
  assert.equal(fixture.readBytes, READ_BYTES);
  assert.equal(fixture.limitCounter.count("clientReadBytes"), 1);
  fixture.readBytes = 0;
  fixture.stepMs = 60;
  const byTime = await fixture.search.countClients(query);
  assert.equal(byTime.isComplete, false);
  assert.equal(fixture.limitCounter.count("clientReadTime"), 1);
});
