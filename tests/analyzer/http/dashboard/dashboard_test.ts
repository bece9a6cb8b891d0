import assert from "node:assert/strict";
import type { Api } from "../../../../analyzer/http/dashboard/api.js";
import { ApiException } from "../../../../analyzer/http/dashboard/api.js";
import { Dashboard, inRequests } from "../../../../analyzer/http/dashboard/dashboard.js";
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
  #events: WritableStreamDefaultWriter<string> | undefined;

  constructor(view = VIEW) {
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
        const { readable, writable } = new TextEncoderStream();
        const events = this.#events = writable.getWriter();
        signal.addEventListener("abort", () => events.abort());
        return Promise.resolve(new Response(readable));
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

  async send(type: string, data: unknown): Promise<void> {
    await this.#events!.write(`event: ${type}\ndata: ${JSON.stringify(data)}\n\n`);
    await settle();
  }

  /** Ends the stream, and waits until the page has it again. */
  async reconnect(): Promise<void> {
    const events = this.#events!;
    await events.write("retry: 1\n\n");
    await events.close();
    while (this.#events === events) await settle();
    await settle();
  }

  /** Answers what the page asks for at first. */
  async load(windows: readonly WindowJson[]): Promise<void> {
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
  await second.answer({ windows: [windowAt(0)] });
  await scene.next("windows").answer({ windows: [windowAt(0)] });
  await first.answer({ windows: [] });
  assert.equal(scene.next("summary").query["status"], 500);
  assert.equal(scene.next("errors").query["status"], 500);
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
  const { query } = scene.next("windows");
  assert.equal(query["from"], new Date(scene.state.frame.fromMs).toISOString());
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

Deno.test("Dashboard asks for nothing while nobody sees it, and for all of it afterwards", async () => {
  using scene = new Scene();
  await scene.load([windowAt(0)]);
  scene.asked.length = 0;
  scene.dashboard.hide(true);
  await scene.send("window", windowAt(1));
  assert.equal(scene.asked.length, 0);
  // The stream goes on.
  assert.deepEqual(scene.counts, [50, 50]);
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

Deno.test("inRequests() names every URL once, in as few requests as take them", () => {
  const urls = Array.from({ length: 50 }, (_, i) => `/${"é".repeat(i * 10)}`);
  const groups = inRequests(urls);
  assert.deepEqual(groups.flat(), urls);
  for (const [i, group] of groups.entries()) {
    const query = (group: string[]) =>
      new URLSearchParams(group.map((url) => ["url", url])).toString();
    assert.ok(query(group).length <= 6500);
    const next = groups[i + 1]?.[0];
    if (next !== undefined) assert.ok(query([...group, next]).length > 6500);
  }
  assert.deepEqual(inRequests([]), []);
  // One that is as long as can be is asked for, whatever comes of it.
  assert.deepEqual(inRequests(["x".repeat(10_000), "/a"]), [["x".repeat(10_000)], ["/a"]]);
});
