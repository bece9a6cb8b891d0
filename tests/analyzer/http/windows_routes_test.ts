import assert from "node:assert/strict";
import fc from "fast-check";
import { createApp } from "../../../analyzer/http/app.ts";
import { toWindowJson, type WindowJson } from "../../../analyzer/window/window_json.ts";
import type { WindowSummary } from "../../../analyzer/window/window_summary.ts";
import { testLimits } from "../../support/limits.ts";
import {
  appDeps,
  type AppFixture,
  InMemoryHistory,
  LENGTH_MS,
  liveView,
  START_MS,
  statusSummary,
  windowSummary,
} from "../../support/window_fixtures.ts";

Deno.test("GET /windows answers closed windows, newest first, with null after the last", async () => {
  const page = await getPage("/windows", { history: historyOf(3) });
  assert.deepEqual(startsOf(page), [2, 1, 0].map(nthStart));
  assert.equal(page.next_cursor, null);
  assert.deepEqual(page.windows[2], toWindowJson(windowSummary(), { urlsMax: 20 }));
});

Deno.test("GET /windows answers an empty page where nothing has closed", async () => {
  assert.deepEqual(await getPage("/windows"), { windows: [], next_cursor: null });
});

Deno.test("GET /windows includes a window that starts at from and not one that starts at to", async () => {
  const fixture = { history: historyOf(4) };
  const page = await getPage(`/windows?from=${nthStart(1)}&to=${nthStart(3)}`, fixture);
  assert.deepEqual(startsOf(page), [2, 1].map(nthStart));
  const shifted = await getPage(`/windows?from=${nthStart(1) + 1}&to=${nthStart(3) + 1}`, fixture);
  assert.deepEqual(startsOf(shifted), [3, 2].map(nthStart));
});

Deno.test("GET /windows takes times as ISO 8601 with any offset, + escaped or not", async () => {
  const times = [
    "2025-05-30T18:53:00Z",
    "2025-05-30T18:53:00.000Z",
    "2025-05-30T20:53:00%2B02:00",
    "2025-05-30T20:53:00+02:00",
    "2025-05-30T20:53+0200",
    "2025-05-30T16:53:00-02:00",
    "2025-05-30%2018:53:00Z",
    "2025-05-30+20:53:00+02",
    String(nthStart(1)),
  ];
  for (const time of times) {
    const page = await getPage(`/windows?from=${time}`, { history: historyOf(3) });
    assert.deepEqual(startsOf(page), [2, 1].map(nthStart), time);
  }
});

Deno.test("GET /windows by status leaves out other statuses, and windows without it", async () => {
  const history = new InMemoryHistory([
    windowSummary(),
    windowSummary({ startMs: nthStart(1), statuses: [statusSummary()] }),
  ]);
  const page = await getPage("/windows?status=500", { history });
  assert.deepEqual(startsOf(page), [nthStart(0)]);
  assert.deepEqual(page.windows[0]!.statuses.map(({ status }) => status), [500]);
});

Deno.test("GET /windows answers as many windows as the limit says, and counts who wants more", async () => {
  const { limits, limitCounter } = testLimits({ responseRows: 20 });
  const app = createApp({ ...appDeps({ history: historyOf(30) }), limits, limitCounter });
  const cases = [["", 20], ["?limit=20", 20], ["?limit=3", 3], ["?limit=21", "1 to 20"]] as const;
  for (const [query, expected] of cases) {
    const answer = await (await app.request(`/windows${query}`)).json();
    if (typeof expected === "number") assert.equal(answer.windows.length, expected);
    else assert.equal(answer.error.allowed, `a whole number from ${expected}`);
  }
  assert.equal(limitCounter.count("responseRows"), 1);
});

Deno.test("GET /windows answers 100 windows unless told otherwise, and 1,000 at most", async () => {
  const fixture = { history: historyOf(1001) };
  const lengthOf = async (query: string) => (await getPage(query, fixture)).windows.length;
  assert.equal(await lengthOf("/windows"), 100);
  assert.equal(await lengthOf("/windows?limit=1"), 1);
  assert.equal(await lengthOf("/windows?limit=1000"), 1000);
});

Deno.test("GET /windows lists 20 URLs a status unless told otherwise, and 1,000 at most", async () => {
  const fixture = { history: new InMemoryHistory([crowdedWindow()]) };
  for (const [query, expected] of [["", 20], ["?urls=0", 0], ["?urls=1000", 1000]] as const) {
    const page = await getPage(`/windows${query}`, fixture);
    assert.equal(page.windows[0]!.statuses[0]!.urls.length, expected);
  }
});

Deno.test("GET /windows reads and answers a long page in short pieces", async () => {
  let turns = 0;
  const turn = () => {
    turns++;
    return Promise.resolve();
  };
  const turnsOf = async (windows: readonly WindowSummary[], query: string) => {
    turns = 0;
    const fixture = { history: new InMemoryHistory(windows), turn };
    const response = await request(`/windows?limit=1000${query}`, fixture);
    assert.equal((await response.text()).split(".000Z").length - 1, 2 * windows.length);
    return turns;
  };
  const { windows } = historyOf(1000);
  const crowded = Array.from({ length: 50 }, (_, i) => ({
    ...crowdedWindow(),
    startMs: START_MS + i * LENGTH_MS,
  }));
  assert.equal(await turnsOf(windows.slice(0, 100), ""), 1);
  assert.ok(await turnsOf(windows, "") >= 6);
  assert.ok(await turnsOf(windows, "&format=csv&status=404") >= 6);
  assert.ok(await turnsOf(crowded, "&urls=1000") > 2 * await turnsOf(crowded, ""));
});

Deno.test("GET /windows cuts the answer off, and reports it, where the history breaks midway", async () => {
  const history = historyOf(300);
  const query = history.query.bind(history);
  const exception = new Error("Cannot read windows.db");
  history.query = (request) => {
    if (history.queries.length === 250) throw exception;
    return query(request);
  };
  const reported: unknown[] = [];
  const response = await request("/windows?limit=1000", {
    history,
    onException: (exception) => reported.push(exception),
  });
  assert.equal(response.status, 200);
  await assert.rejects(response.text());
  assert.deepEqual(reported, [exception]);
});

Deno.test("GET /windows refuses wrong values, naming parameter, value and what is allowed", async () => {
  const wrong: [parameter: string, values: string[]][] = [
    ["limit", ["0", "1001", "-1", "1.5", "1e2", "ten", "", "9999999999"]],
    ["urls", ["-1", "1001", "x", ""]],
    ["status", ["99", "600", "4xx", ""]],
    ["from", [
      "yesterday",
      "2025-05-30",
      "2025-05-30T18:52:30",
      "2025-02-30T00:00:00Z",
      "1748631150.5",
      "1e12",
      "8640000000000001",
      "",
    ]],
    ["to", ["now"]],
    ["cursor", [
      "",
      "before.",
      "before.!",
      "before.1 ",
      "before.01",
      "before.1.5",
      "1748631150000",
    ]],
  ];
  for (const [parameter, values] of wrong) {
    for (const value of values) {
      const response = await request(`/windows?${new URLSearchParams({ [parameter]: value })}`);
      assert.equal(response.status, 400, `${parameter}=${value}`);
      const { error } = await response.json();
      assert.equal(error.code, "invalid_parameter");
      assert.equal(error.parameter, parameter);
      assert.equal(error.value, value);
      assert.equal(error.message, `${parameter} must be ${error.allowed}`);
    }
  }
});

Deno.test("GET /windows refuses a range that ends before it starts, not an empty one", async () => {
  const response = await request("/windows?from=1000&to=999");
  assert.equal(response.status, 400);
  assert.equal((await response.json()).error.parameter, "to");
  assert.deepEqual((await getPage("/windows?from=1000&to=1000")).windows, []);
});

Deno.test("GET /windows refuses a parameter given twice", async () => {
  const response = await request("/windows?status=404&status=500");
  assert.equal(response.status, 400);
  const { error } = await response.json();
  assert.equal(error.code, "repeated_parameter");
  assert.equal(error.parameter, "status");
  assert.equal(error.value, "500");
  assert.equal(error.allowed, "status once");
});

Deno.test("GET /windows echoes 100 characters of what it refuses, and a mark from 101 on", async () => {
  const valueOf = async (query: string) => (await (await request(query)).json()).error;
  const [fits, long] = ["x".repeat(100), "x".repeat(101)];
  assert.equal((await valueOf(`/windows?limit=${fits}`)).value, fits);
  assert.equal((await valueOf(`/windows?limit=${long}`)).value, "x".repeat(99) + "…");
  assert.equal((await valueOf(`/windows?${long}=1`)).parameter, "x".repeat(99) + "…");
  // A character of two code units at the cut must not leave half of itself.
  const astral = "x".repeat(98) + "😀😀";
  assert.equal((await valueOf(`/windows?limit=${astral}`)).value, "x".repeat(98) + "\ufffd…");
});

Deno.test("GET /windows by pages returns each window once, newest first, for any limit", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.uniqueArray(fc.integer({ min: -50, max: 50 }), { maxLength: 60 }),
      fc.integer({ min: 1, max: 30 }),
      fc.option(fc.constantFrom(404, 500), { nil: undefined }),
      async (indices, limit, status) => {
        const windows = indices.map((index) => someWindow(index));
        const query = `/windows?limit=${limit}${status === undefined ? "" : `&status=${status}`}`;
        const pages = await allPages(query, new InMemoryHistory(windows));
        for (const page of pages.slice(0, -1)) assert.equal(page.windows.length, limit);
        const expected = windows
          .filter(({ statuses }) =>
            status === undefined || statuses.some((entry) => entry.status === status)
          )
          .map(({ startMs }) => startMs)
          .sort((left, right) => right - left);
        assert.deepEqual(pages.flatMap(startsOf), expected);
      },
    ),
    { numRuns: 50 },
  );
});

Deno.test("GET /windows by pages skips and repeats nothing while windows close", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 0, max: 40 }),
      fc.integer({ min: 1, max: 15 }),
      fc.array(fc.nat({ max: 3 }), { maxLength: 20 }),
      async (count, limit, closing) => {
        const history = historyOf(count);
        const pages = await allPages(`/windows?limit=${limit}`, history, (pageIndex) => {
          for (let i = 0; i < (closing[pageIndex] ?? 0); i++) {
            history.windows.push(windowSummary({ startMs: nthStart(history.windows.length) }));
          }
        });
        const expected = Array.from({ length: count }, (_, i) => nthStart(count - 1 - i));
        assert.deepEqual(pages.flatMap(startsOf), expected);
      },
    ),
    { numRuns: 50 },
  );
});

Deno.test("GET /windows/current answers all open windows, oldest first", async () => {
  const open = [0, 1].map((index) =>
    windowSummary({ startMs: nthStart(index), state: "open", statuses: [] })
  );
  const response = await request("/windows/current", {
    view: liveView({ open }),
    history: historyOf(1),
  });
  assert.deepEqual(await response.json(), {
    windows: open.map((window) => toWindowJson(window, { urlsMax: 20 })),
  });
});

Deno.test("GET /windows/current answers an empty list between windows", async () => {
  assert.deepEqual(await (await request("/windows/current")).json(), { windows: [] });
});

Deno.test("GET /windows/{start} finds a window by ISO time or epoch milliseconds", async () => {
  const expected = toWindowJson(windowSummary(), { urlsMax: 20 });
  const times = [
    "2025-05-30T18:52:30Z",
    "2025-05-30T18:52:30.000Z",
    "2025-05-30T20:52:30+02:00",
    "2025-05-30T20:52:30%2B02:00",
    String(START_MS),
  ];
  for (const time of times) {
    const response = await request(`/windows/${time}`, { history: historyOf(2) });
    assert.equal(response.status, 200, time);
    assert.deepEqual(await response.json(), expected, time);
  }
});

Deno.test("GET /windows/{start} prefers the live view, and finds what is only closed", async () => {
  const open = windowSummary({ startMs: nthStart(1), state: "open" });
  const fixture = { view: liveView({ open: [open] }), history: historyOf(2) };
  const stateOf = async (index: number) =>
    (await (await request(`/windows/${nthStart(index)}`, fixture)).json()).state;
  assert.deepEqual([await stateOf(0), await stateOf(1)], ["closed", "open"]);
});

Deno.test("GET /windows/{start} answers 404 beside a window and for what is no time", async () => {
  for (const start of [String(START_MS - 1), String(START_MS + 1), "curent", "2025-05-30", "%"]) {
    const response = await request(`/windows/${start}`, { history: historyOf(1) });
    assert.equal(response.status, 404, start);
    const { error } = await response.json();
    assert.equal(error.code, "unknown_window");
    assert.equal(error.parameter, "start");
    assert.equal(error.value, start);
    assert.match(error.allowed, /ISO 8601/);
  }
});

Deno.test("GET /windows/current and /windows/{start} take urls as /windows does", async () => {
  const closed = crowdedWindow();
  const open = windowSummary({ ...closed, startMs: nthStart(1), state: "open" });
  const fixture = {
    view: liveView({ open: [open] }),
    history: new InMemoryHistory([closed]),
  };
  for (const path of ["/windows/current", `/windows/${nthStart(1)}`, `/windows/${START_MS}`]) {
    for (const [query, expected] of [["", 20], ["?urls=0", 0], ["?urls=1000", 1000]] as const) {
      const body = await (await request(path + query, fixture)).json();
      const window: WindowJson = body.windows?.[0] ?? body;
      assert.equal(window.statuses[0]!.urls.length, expected, path + query);
    }
    assert.equal((await request(`${path}?urls=1001`, fixture)).status, 400);
  }
});

interface Page {
  readonly windows: readonly WindowJson[];
  readonly next_cursor: string | null;
}

async function request(path: string, fixture: AppFixture = {}): Promise<Response> {
  return await createApp(appDeps(fixture)).request(path);
}

async function getPage(path: string, fixture: AppFixture = {}): Promise<Page> {
  const response = await request(path, fixture);
  assert.equal(response.status, 200, path);
  return await response.json();
}

/** Follows `next_cursor` to the end, with something to happen after each page. */
async function allPages(
  path: string,
  history: InMemoryHistory,
  afterPage: (pageIndex: number) => void = () => {},
): Promise<Page[]> {
  const pages = [await getPage(path, { history })];
  for (;;) {
    afterPage(pages.length - 1);
    const cursor = pages.at(-1)!.next_cursor;
    if (cursor === null) return pages;
    assert.ok(pages.length < 1000, "paging does not end");
    pages.push(await getPage(`${path}&cursor=${encodeURIComponent(cursor)}`, { history }));
  }
}

function startsOf(page: Page): number[] {
  return page.windows.map(({ start }) => Date.parse(start));
}

function nthStart(index: number): number {
  return START_MS + index * LENGTH_MS;
}

function historyOf(count: number): InMemoryHistory {
  const windows = Array.from({ length: count }, (_, i) => windowSummary({ startMs: nthStart(i) }));
  return new InMemoryHistory(windows);
}

/** A window whose statuses depend on its index, before 1970 included. */
function someWindow(index: number): WindowSummary {
  const statuses = [404, 500]
    .filter((_, i) => (Math.abs(index) >> i & 1) === 1)
    .map((status) => statusSummary({ status }));
  return windowSummary({ startMs: index * LENGTH_MS, statuses });
}

/** A window with more URLs of one status than any answer may list. */
function crowdedWindow(): WindowSummary {
  const urls = Array.from(
    { length: 1001 },
    (_, i) => ({ url: `/${i}`, count: 1, countErrorMax: 0 }),
  );
  return windowSummary({ statuses: [statusSummary({ urls })] });
}

// S-64
Deno.test("GET /windows by step merges windows, with the cursor and the parameters as ever", async () => {
  const fixture = { history: historyOf(6) };
  const page = await getPage("/windows?step=1m&limit=2&urls=1&status=404", fixture);
  assert.deepEqual(startsOf(page), [nthStart(5), nthStart(3)]);
  assert.deepEqual(page.windows.map(({ total_count }) => total_count), [1000, 2000]);
  assert.deepEqual(page.windows.map(({ length_ms }) => length_ms), [60_000, 60_000]);
  assert.equal(page.windows[1]!.statuses.length, 1);
  assert.equal(page.windows[1]!.statuses[0]!.urls.length, 1);
  const next = await getPage(`/windows?step=1m&cursor=${page.next_cursor}`, fixture);
  assert.deepEqual(startsOf(next), [nthStart(1), nthStart(-1)]);
  assert.equal(next.next_cursor, null);
});

Deno.test("GET /windows by step calls a step open until the watermark has passed it", async () => {
  const state = async (watermarkMs: number | undefined) =>
    (await getPage("/windows?step=1m", { history: historyOf(2), view: liveView({ watermarkMs }) }))
      .windows.map(({ state }) => state);
  // The second window ends in the middle of a minute.
  assert.deepEqual(await state(undefined), ["open", "closed"]);
  assert.deepEqual(await state(nthStart(3) - 1), ["open", "closed"]);
  assert.deepEqual(await state(nthStart(3)), ["closed", "closed"]);
});

Deno.test("GET /windows takes as step a multiple of the windows' length, at most 31 days", async () => {
  for (const step of ["30s", "1m", "90s", "6h", "1d", "31d"]) {
    assert.equal((await request(`/windows?step=${step}`)).status, 200, step);
  }
  for (const step of ["", "1s", "45s", "0s", "31d1", "32d", "60", "1M", "-1h", "x"]) {
    const response = await request(`/windows?step=${step}`);
    assert.equal(response.status, 400, step);
    assert.equal((await response.json()).error.parameter, "step");
  }
});

Deno.test("GET /windows answers CSV by format or by Accept, in full without a limit", async () => {
  const fixture = { history: historyOf(1200) };
  for (
    const [path, accept] of [
      ["/windows?format=csv", undefined],
      ["/windows", "text/csv"],
      ["/windows?format=csv", "application/json"],
    ] as const
  ) {
    const headers = new Headers(accept === undefined ? {} : { accept });
    const response = await createApp(appDeps(fixture)).request(path, { headers });
    assert.equal(response.headers.get("content-type"), "text/csv; charset=utf-8");
    assert.equal(
      response.headers.get("content-disposition"),
      'attachment; filename="vigie-windows.csv"',
    );
    assert.equal(response.headers.get("vary"), "Accept");
    const lines = (await response.text()).split("\r\n");
    assert.match(lines[0]!, /^start,end,state,/);
    assert.equal(lines.length, 1 + 2 * 1200 + 1);
    assert.equal(lines.at(-1), "");
  }
  const limited = await request("/windows?format=csv&limit=2&step=1h", fixture);
  assert.equal((await limited.text()).split("\r\n").length, 1 + 2 * 2 + 1);
  const empty = await request("/windows?format=csv");
  assert.equal((await empty.text()).split("\r\n").length, 2, "the header alone");
});

Deno.test("GET /windows answers JSON unless CSV is asked for, and refuses other formats", async () => {
  for (const accept of ["*/*", "text/html,*/*;q=0.8", "image/png", "application/json, text/csv"]) {
    const response = await createApp(appDeps()).request("/windows", { headers: { accept } });
    assert.equal(response.headers.get("content-type"), "application/json", accept);
    await response.body?.cancel();
  }
  assert.equal((await request("/windows?format=json")).status, 200);
  for (
    const [query, parameter] of [["format=xml", "format"], ["format=csv&limit=100001", "limit"]]
  ) {
    const response = await request(`/windows?${query}`);
    assert.equal(response.status, 400);
    assert.equal((await response.json()).error.parameter, parameter);
  }
});
