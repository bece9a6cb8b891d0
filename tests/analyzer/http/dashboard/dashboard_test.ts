import assert from "node:assert/strict";
import type { Api } from "../../../../analyzer/http/dashboard/api.js";
import { ApiException } from "../../../../analyzer/http/dashboard/api.js";
import { Dashboard } from "../../../../analyzer/http/dashboard/dashboard.js";
import type { View } from "../../../../analyzer/http/dashboard/types.ts";
import { toWindowJson, type WindowJson } from "../../../../analyzer/window/window_json.ts";
import { LENGTH_MS, START_MS, windowSummary } from "../../../support/window_fixtures.ts";

const VIEW: View = { range: { preset: "1h" }, status: undefined, url: undefined, search: "" };

/** A request of the page that waits for its answer. */
interface Asked {
  readonly path: string;
  readonly query: Record<string, unknown>;
  readonly signal: AbortSignal;
  answer(json: unknown): Promise<void>;
  refuse(exception: ApiException): Promise<void>;
}

/** A page without looks, whose requests a test answers one by one. */
class Scene implements Disposable {
  readonly asked: Asked[] = [];
  readonly dashboard: Dashboard;
  /** How often the stream was asked for. */
  openCount = 0;
  /** Lets the page have the stream that it asked for. */
  connect = () => {};
  #events: WritableStreamDefaultWriter<string> | undefined;

  constructor(view = VIEW, { isConnected = true } = {}) {
    const api = {
      token: "",
      get: (path: string, query: Record<string, unknown>, signal: AbortSignal) => {
        const { promise, resolve, reject } = Promise.withResolvers();
        this.asked.push({
          path,
          query,
          signal,
          answer: (json) => (resolve(json), settle()),
          refuse: (exception) => (reject(exception), settle()),
        });
        return promise;
      },
      open: (_path: string, _query: unknown, _headers: unknown, signal: AbortSignal) => {
        this.openCount++;
        const { readable, writable } = new TextEncoderStream();
        const events = this.#events = writable.getWriter();
        signal.addEventListener("abort", () => events.abort());
        const { promise, resolve } = Promise.withResolvers<Response>();
        this.connect = () => resolve(new Response(readable));
        if (isConnected) this.connect();
        return promise;
      },
    };
    this.dashboard = new Dashboard({ api: api as unknown as Api, view, onState: () => {} });
    this.dashboard.start();
  }

  get state() {
    return this.dashboard.state;
  }

  /** The oldest request for a path that has no answer yet. */
  next(path: string): Asked {
    const index = this.asked.findIndex((asked) => asked.path === path);
    assert.ok(index >= 0, `Nobody asks for ${path}, but for ${this.asked.map(({ path }) => path)}`);
    return this.asked.splice(index, 1)[0]!;
  }

  /** The oldest request for buckets; what the newest window is, the server keeps for itself. */
  async nextBuckets(): Promise<Asked> {
    const asked = this.next("windows");
    if (asked.query["limit"] !== 1) return asked;
    await asked.answer({ windows: [] });
    return this.next("windows");
  }

  async send(type: string, data: unknown): Promise<void> {
    await this.#events!.write(`event: ${type}\ndata: ${JSON.stringify(data)}\n\n`);
    await settle();
  }

  /** Ends the stream, and waits until the page has it again, or would have. */
  async reconnect({ isRefused = false } = {}): Promise<void> {
    const events = this.#events!;
    await events.write("retry: 1\n\n");
    await events.close();
    while (this.#events === events && !isRefused) await settle();
    for (let i = 0; i < 5; i++) await settle();
  }

  /** Answers what the page asks for at first. */
  async load(windows: readonly WindowJson[]): Promise<void> {
    await settle();
    await this.next("windows").answer({ windows: windows.slice(0, 1) });
    await this.next("windows").answer({ windows });
    await this.next("summary").answer({ urls: [] });
    await this.next("errors").answer({ errors: [], next_cursor: null, complete: true });
  }

  /** Errors of each bucket that is shown. */
  get counts(): number[] {
    return this.state.windows.value!.buckets.map(({ error_count: count }) => count);
  }

  [Symbol.dispose](): void {
    this.dashboard.dispose();
  }
}

/** Lets streams and promises come to rest. */
async function settle(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve));
  await new Promise((resolve) => setTimeout(resolve));
}

function windowAt(index: number, overrides: Partial<WindowJson> = {}): WindowJson {
  const summary = windowSummary({ startMs: START_MS + index * LENGTH_MS });
  return { ...toWindowJson(summary, { urlsMax: 0 }), ...overrides };
}

Deno.test("Dashboard asks for the range up to the newest window, whatever the clock says", async () => {
  using scene = new Scene();
  const newest = scene.next("windows");
  assert.deepEqual(newest.query, { limit: 1, urls: 0 });
  await newest.answer({ windows: [windowAt(0)] });
  const { query } = scene.next("windows");
  assert.equal(query["to"], windowAt(0).end);
  assert.equal(query["from"], new Date(START_MS + LENGTH_MS - 3_600_000).toISOString());
  // As long as windows are: nothing has to be merged.
  assert.equal(query["step"], undefined);
});

Deno.test("Dashboard loses no window that closes while an answer is on its way", async () => {
  using scene = new Scene();
  await scene.next("windows").answer({ windows: [windowAt(0)] });
  const asked = scene.next("windows");
  await scene.send("window", windowAt(1, { error_count: 7 }));
  await scene.send("window", windowAt(2, { error_count: 1, state: "open" }));
  assert.equal(scene.state.windows.value, undefined);
  await asked.answer({ windows: [windowAt(0)] });
  assert.deepEqual(scene.counts, [50, 7, 1]);
  assert.equal(asked.signal.aborted, false);
  assert.equal(scene.state.newestEndMs, START_MS + 3 * LENGTH_MS);
});

Deno.test("Dashboard loses no window that closes before the stream begins", async () => {
  using scene = new Scene(VIEW, { isConnected: false });
  await scene.next("windows").answer({ windows: [windowAt(0)] });
  const asked = scene.next("windows");
  assert.equal(scene.state.connection.phase, "connecting");
  scene.connect();
  await settle();
  assert.equal(scene.state.connection.phase, "connected");
  await asked.answer({ windows: [windowAt(0)] });
  scene.dashboard.hide(true);
  scene.dashboard.hide(false);
  await scene.next("windows").answer({ windows: [windowAt(1)] });
  const again = scene.next("windows");
  assert.equal(again.query["from"], new Date(scene.state.frame.fromMs).toISOString());
  await again.answer({ windows: [windowAt(1, { error_count: 7 }), windowAt(0)] });
  assert.deepEqual(scene.counts, [50, 7]);
});

Deno.test("Dashboard asks again where now is when that did not come", async () => {
  using scene = new Scene();
  await settle();
  await scene.next("windows").refuse(new ApiException("The server does not answer"));
  scene.asked.length = 0;
  for (const isRefused of [true, false]) {
    scene.dashboard.retry();
    const asked = scene.next("windows");
    assert.equal(asked.query["limit"], 1);
    if (isRefused) await asked.refuse(new ApiException("The server does not answer"));
    else await asked.answer({ windows: [windowAt(3)] });
  }
  assert.equal(scene.next("windows").query["to"], windowAt(3).end);
});

Deno.test("Dashboard shows a window that closes at once, and moves on with it", async () => {
  using scene = new Scene();
  await scene.load([windowAt(0)]);
  await scene.send("window", windowAt(1, { state: "open", error_count: 3 }));
  assert.deepEqual(scene.counts, [50, 3]);
  await scene.send("window", windowAt(1, { error_count: 4 }));
  assert.deepEqual(scene.counts, [50, 4]);
  assert.equal(scene.state.frame.toMs, START_MS + 2 * LENGTH_MS);
});

Deno.test("Dashboard draws nothing of the stream where that is not what is drawn", async () => {
  using scene = new Scene({ ...VIEW, url: "/a" });
  await scene.load([windowAt(0)]);
  assert.equal(scene.state.isFrozen, false);
  await scene.send("window", windowAt(1));
  assert.deepEqual(scene.counts, [50]);
  // Of another URL the open window tells nothing.
  await scene.send("window", windowAt(2, { state: "open" }));
  assert.deepEqual(scene.counts, [50]);
});

Deno.test("Dashboard forgets the answer to a question that nobody asks any more", async () => {
  using scene = new Scene();
  await scene.load([windowAt(0)]);
  scene.dashboard.look({ status: 404 });
  const first = scene.next("windows");
  scene.dashboard.look({ status: 500 });
  const second = scene.next("windows");
  assert.equal(first.signal.aborted, true);
  await first.answer({ windows: [] });
  await second.answer({ windows: [windowAt(0)] });
  await scene.next("windows").answer({ windows: [windowAt(0, { error_count: 7 })] });
  await first.answer({ windows: [] });
  assert.deepEqual(scene.counts, [7]);
  for (const path of ["summary", "errors"]) {
    const [forgotten, asked] = [scene.next(path), scene.next(path)];
    assert.equal(forgotten.signal.aborted, true);
    assert.equal(asked.query["status"], 500);
    assert.equal(asked.signal.aborted, false);
  }
});

Deno.test("Dashboard keeps what it shows where an answer fails", async () => {
  using scene = new Scene();
  await scene.load([windowAt(0)]);
  scene.dashboard.look({ range: { preset: "15m" } });
  await scene.next("windows").refuse(new ApiException("The server answers 500", { status: 500 }));
  assert.equal(scene.state.windows.failure!.message, "The server answers 500");
  assert.equal(scene.state.windows.isLoading, false);
  assert.deepEqual(scene.state.windows.value!.buckets, [windowAt(0)]);
  // And says what that is.
  const { frame } = scene.state.windows.value!;
  assert.equal(frame.toMs - frame.fromMs, 3_600_000);
  assert.equal(scene.state.frame.toMs - scene.state.frame.fromMs, 900_000);
  // What comes by the stream alone would look like the whole range.
  await scene.send("window", windowAt(1));
  assert.deepEqual(scene.counts, [50]);
});

Deno.test("Dashboard asks for the whole range again when the stream was lost", async () => {
  using scene = new Scene();
  await scene.load([windowAt(0)]);
  // What is asked for behind the first connection is only the end.
  scene.asked.length = 0;
  await scene.reconnect();
  assert.equal(scene.state.connection.phase, "connected");
  // Until there is an answer, everything stays.
  assert.deepEqual(scene.counts, [50]);
  await scene.next("windows").answer({ windows: [windowAt(0)] });
  const asked = scene.next("windows");
  assert.equal(asked.query["from"], new Date(scene.state.frame.fromMs).toISOString());
  await scene.send("window", windowAt(1, { state: "open", error_count: 3 }));
  assert.deepEqual(scene.counts, [50, 3]);
  // What was missed comes by the stream, or in the answer.
  await scene.send("window", windowAt(2, { error_count: 4 }));
  await asked.answer({ windows: [windowAt(1, { error_count: 5 }), windowAt(0)] });
  assert.deepEqual(scene.counts, [50, 5, 4]);
});

Deno.test("Dashboard begins anew where the server has other results than before", async () => {
  using scene = new Scene();
  await scene.load([windowAt(0)]);
  await scene.send("window", windowAt(1, { state: "open" }));
  scene.asked.length = 0;
  // Of an earlier time, and in shorter windows.
  const other = {
    start: "2024-01-01T00:00:00.000Z",
    end: "2024-01-01T00:00:10.000Z",
    length_ms: 10_000,
  };
  await scene.send("reset", { reason: "unknown_id" });
  assert.equal(scene.state.windows.isOld, true);
  await scene.next("windows").answer({ windows: [windowAt(0, other)] });
  const asked = scene.next("windows");
  assert.equal(asked.query["to"], other.end);
  assert.equal(asked.query["step"], undefined);
  await asked.answer({ windows: [windowAt(0, { ...other, error_count: 9 })] });
  assert.deepEqual(scene.counts, [9]);
  assert.equal(scene.state.frame.stepMs, 10_000);
  assert.equal(scene.state.windows.isOld, false);
  assert.equal(scene.next("summary").query["to"], other.end);
});

Deno.test("Dashboard shows nothing where a server that was emptied has nothing", async () => {
  using scene = new Scene();
  await scene.load([windowAt(0)]);
  scene.asked.length = 0;
  await scene.send("reset", { reason: "unknown_id" });
  await scene.next("windows").answer({ windows: [] });
  await scene.next("windows").answer({ windows: [] });
  assert.deepEqual(scene.counts, []);
  assert.equal(scene.state.newestEndMs, undefined);
});

Deno.test("Dashboard asks for nothing but the token where that is missing", async () => {
  using scene = new Scene();
  await scene.next("windows").refuse(new ApiException("A token is needed", { status: 401 }));
  assert.equal(scene.state.needsToken, true);
  assert.equal(scene.state.isTokenWrong, false);
  assert.equal(scene.asked.length, 0);
  scene.dashboard.useToken("secret");
  await scene.next("windows").refuse(new ApiException("Wrong", { status: 401 }));
  assert.equal(scene.state.isTokenWrong, true);
});

Deno.test("Dashboard takes no token that cannot be sent", () => {
  using scene = new Scene();
  scene.asked.length = 0;
  for (const token of ["", "geheim es", "ключ", "a\nb"]) {
    scene.dashboard.useToken(token);
    assert.equal(scene.state.isTokenWrong, true);
  }
  assert.equal(scene.asked.length, 0);
});

Deno.test("Dashboard asks for the token that has expired, and forgets answers to the old one", async () => {
  using scene = new Scene();
  scene.dashboard.useToken("first");
  scene.asked.splice(0, 1);
  await scene.load([windowAt(0)]);
  const refusal = new ApiException("The token is not the one", { status: 401 });
  scene.dashboard.look({ status: 404 });
  const [windows, summary] = [scene.next("windows"), scene.next("summary")];
  await windows.refuse(refusal);
  assert.equal(scene.state.needsToken, true);
  // What it has stays, for when it goes on.
  assert.deepEqual(scene.counts, [50]);
  const { openCount } = scene;
  await scene.reconnect({ isRefused: true });
  assert.equal(scene.openCount, openCount);
  scene.asked.length = 0;
  scene.dashboard.useToken("second");
  await summary.refuse(refusal);
  assert.equal(scene.state.needsToken, false);
  await scene.next("windows").answer({ windows: [windowAt(0)] });
});

Deno.test("Dashboard asks for nothing while nobody sees it, and for all of it afterwards", async () => {
  using scene = new Scene();
  await scene.load([windowAt(0)]);
  scene.asked.length = 0;
  scene.dashboard.hide(true);
  await scene.send("window", windowAt(1));
  assert.equal(scene.asked.length, 0);
  // The stream goes on.
  assert.deepEqual(scene.counts, [50, 50]);
  scene.dashboard.hide(false);
  assert.deepEqual(scene.asked.map(({ path }) => path).sort(), ["errors", "summary"]);
});

Deno.test("Dashboard asks for all that closed while nobody saw it, where buckets are longer", async () => {
  using scene = new Scene({ ...VIEW, range: { preset: "24h" } });
  await scene.load([windowAt(0)]);
  scene.asked.length = 0;
  scene.dashboard.hide(true);
  for (let i = 1; i < 200; i++) await scene.send("window", windowAt(i));
  scene.dashboard.hide(false);
  const { query } = await scene.nextBuckets();
  const stepMs = 300_000;
  const fromMs = Math.floor((START_MS + LENGTH_MS) / stepMs) * stepMs;
  assert.deepEqual([query["from"], query["to"], query["step"]], [
    new Date(fromMs).toISOString(),
    new Date(scene.state.frame.toMs).toISOString(),
    "5m",
  ]);
});

Deno.test("Dashboard asks again for what did not come, with what closed since", async () => {
  using scene = new Scene({ ...VIEW, url: "/a" });
  await scene.load([windowAt(0)]);
  scene.asked.length = 0;
  scene.dashboard.hide(true);
  for (const index of [1, 2]) {
    await scene.send("window", windowAt(index));
    scene.dashboard.retry();
    const asked = await scene.nextBuckets();
    assert.equal(asked.query["from"], new Date(scene.state.frame.fromMs).toISOString());
    await asked.refuse(new ApiException("The server answers 500", { status: 500 }));
  }
  scene.dashboard.hide(false);
  const asked = scene.next("windows");
  assert.equal(asked.query["from"], new Date(scene.state.frame.fromMs).toISOString());
  await asked.answer({ windows: [windowAt(2), windowAt(1), windowAt(0)] });
  assert.deepEqual(scene.counts, [50, 50, 50]);
});

Deno.test("Dashboard keeps nothing of what lies beyond a fixed range, however long it is open", async () => {
  const range = { fromMs: START_MS, toMs: START_MS + LENGTH_MS };
  using scene = new Scene({ ...VIEW, range });
  await scene.load([windowAt(0)]);
  scene.asked.length = 0;
  const { windows } = scene.state;
  for (let i = 1; i < 50; i++) await scene.send("window", windowAt(i));
  assert.equal(scene.state.windows, windows);
  assert.deepEqual(scene.asked, []);
});

Deno.test("Dashboard asks nothing for the view that it has", async () => {
  using scene = new Scene();
  await scene.load([windowAt(0)]);
  scene.asked.length = 0;
  scene.dashboard.look({ range: { preset: "1h" }, search: "" });
  assert.deepEqual(scene.asked, []);
  // What is looked for is nothing that the charts depend on.
  scene.dashboard.look({ search: "x" });
  assert.deepEqual(scene.asked.map(({ path, query }) => [path, query["q"]]), [["errors", "x"]]);
});

Deno.test("Dashboard shows no clients of another view, and counts those of this one at once", async () => {
  using scene = new Scene();
  await scene.next("windows").answer({ windows: [windowAt(0)] });
  await scene.next("windows").answer({ windows: [windowAt(0)] });
  await scene.next("summary").answer({ urls: [{ url: "/a" }] });
  await scene.next("summary/clients").answer({ clients: [{ url: "/a", unique_ips: 3 }] });
  assert.equal(scene.state.clients.value!.get("/a")!.unique_ips, 3);
  scene.dashboard.look({ status: 404 });
  assert.equal(scene.state.clients.value, undefined);
  assert.equal(scene.state.summary.isOld, true);
  await scene.next("summary").answer({ urls: [{ url: "/b" }] });
  assert.equal(scene.state.summary.isOld, false);
  const { query } = scene.next("summary/clients");
  assert.deepEqual([query["url"], query["status"]], [["/b"], 404]);
});

Deno.test("Dashboard asks no more for raw errors that are not kept", async () => {
  using scene = new Scene();
  await scene.next("windows").answer({ windows: [windowAt(0)] });
  await scene.next("windows").answer({ windows: [windowAt(0)] });
  const refusal = new ApiException("Nothing is saved", { status: 404, code: "not_saved" });
  await scene.next("errors").refuse(refusal);
  await scene.next("summary").answer({ urls: [{ url: "/a" }] });
  await scene.send("window", windowAt(1));
  assert.ok(!scene.asked.some(({ path }) => path === "errors" || path === "summary/clients"));
});

Deno.test("Dashboard holds the raw errors still when they are frozen, and leafs through them", async () => {
  using scene = new Scene();
  await scene.next("windows").answer({ windows: [windowAt(0)] });
  await scene.next("windows").answer({ windows: [windowAt(0)] });
  const errors = (name: string) => [{ url: name }];
  await scene.next("errors").answer({ errors: errors("new"), next_cursor: "c", complete: true });
  const older = scene.dashboard.loadOlderErrors();
  const asked = scene.next("errors");
  assert.equal(asked.query["cursor"], "c");
  await asked.answer({ errors: errors("old"), next_cursor: null, complete: true });
  await older;
  assert.deepEqual(scene.state.errors.value!.errors, [...errors("new"), ...errors("old")]);
  assert.equal(scene.state.isFrozen, true);
  await scene.send("window", windowAt(1));
  assert.ok(!scene.asked.some(({ path }) => path === "errors"));
});

Deno.test("Dashboard lets no answer under way move what was frozen", async () => {
  using scene = new Scene();
  await scene.next("windows").answer({ windows: [windowAt(0)] });
  await scene.next("windows").answer({ windows: [windowAt(0)] });
  const page = { errors: [{ url: "/1" }], next_cursor: "c", complete: true };
  await scene.next("errors").answer(page);
  scene.dashboard.retry();
  const asked = scene.next("errors");
  scene.dashboard.freeze(true);
  await asked.answer({ ...page, errors: [{ url: "/2" }] });
  assert.deepEqual(scene.state.errors.value!.errors, page.errors);
  assert.equal(scene.state.errors.isLoading, false);
  // Older ones that did not come are asked for once more, and not the newest.
  scene.dashboard.loadOlderErrors();
  await scene.next("errors").refuse(new ApiException("The server does not answer"));
  assert.deepEqual(scene.state.errors.value!.errors, page.errors);
  scene.dashboard.retryErrors();
  const again = scene.next("errors");
  assert.equal(again.query["cursor"], "c");
  await again.answer({ errors: [{ url: "/0" }], next_cursor: null, complete: true });
  assert.deepEqual(scene.state.errors.value!.errors, [{ url: "/1" }, { url: "/0" }]);
  scene.dashboard.freeze(false);
  assert.equal(scene.next("errors").query["cursor"], undefined);
});
