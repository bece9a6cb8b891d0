import { Hono } from "hono";
import { streamSSE } from "hono/streaming";
import { toSafeJson } from "../../command_line/escape_text.ts";
import { parseDuration } from "../../command_line/options.ts";
import type {
  ErrorJson,
  Rates,
  SampleJson,
  SourceJson,
  StatusEvent,
} from "../../analyzer/http/dashboard/types.ts";
import { createApp } from "../../analyzer/http/app.ts";
import { isPublic } from "../../analyzer/http/guard.ts";
import { toTotalsJson } from "../../analyzer/http/live_json.ts";
import { emptyTotals } from "../../analyzer/sink/totals.ts";
import { type StatusJson, type WindowJson } from "../../analyzer/window/window_json.ts";
import { Mulberry32 } from "./mulberry32.ts";
import { appDeps } from "./window_fixtures.ts";

/** What a test wants to be different about the traffic that was read. */
export interface FakeOptions {
  /** Closed windows at the start. */
  readonly windowCount?: number;
  /** End of the newest closed window; by default the last one before now. */
  readonly endMs?: number;
  /** Refuses whoever does not send it. */
  readonly token?: string;
  /** Answers that there are no error files. */
  readonly isUnsaved?: boolean;
  /** URLs that fail, instead of those of a shop. */
  readonly urls?: readonly string[];
}

/** One error as the fake keeps it. */
interface FakeError {
  readonly timeMs: number;
  readonly status: number;
  readonly url: string;
  readonly ip: string;
  readonly method: string;
  readonly extra: Readonly<Record<string, unknown>>;
}

interface FakeWindow {
  readonly startMs: number;
  totalCount: number;
  readonly errors: FakeError[];
}

const URLS = [
  ...["/", "/login", "/cart", "/cart/checkout", "/search?q=lamp", "/api/orders", "/api/users/me"],
  ...["/wp-login.php", "/.env", "/favicon.ico", "/img/hero-2400.webp", "/static/app.0fbc.js"],
  ...Array.from({ length: 20 }, (_, i) => `/products/${1000 + i * 37}`),
];

/** What happens to each URL: mostly the same. */
const STATUSES = [[500, 500, 502, 404], [404], [503, 503, 429], [404, 404, 403], [400, 401], [404]];

/**
 * The routes that the page asks, by the contract of docs/HTTP_API.md, over made-up traffic: tests of
 * the page need no analyzer, and let happen what they want to see. Everything else about a server is
 * real: the page comes from the app itself.
 */
export class FakeAnalyzer implements AsyncDisposable {
  readonly windowMs = 30_000;
  /** What `status` says of now; tests change it. */
  rates: Rates = {
    errors_per_minute: 12,
    error_rate: 0.021,
    errors_per_minute_hour_before: 13,
    error_rate_hour_before: 0.022,
  };
  sources: SourceJson[] = [source("tcp://127.0.0.1:9999")];
  samples: SampleJson[] = [
    { kind: "not_json", text: "GET /healthz HTTP/1.1" },
    { kind: "bad_ip", text: null },
    { kind: "late", text: '{"timestamp":"2025-05-30T18:52:29Z","ip":"192.0.2.7"}' },
  ];
  /** Number of requests by path, for tests of who asks how often. */
  readonly requests: string[] = [];
  readonly #options: FakeOptions;
  readonly #random = new Mulberry32(1);
  readonly #windows: FakeWindow[] = [];
  #clients = new Set<(type: string, data: unknown, id?: string) => Promise<void>>();
  #server: Deno.HttpServer<Deno.NetAddr> | undefined;
  #stopping = new AbortController();
  #port = 0;

  constructor(options: FakeOptions = {}) {
    this.#options = options;
    const endMs = options.endMs ?? Math.floor(Date.now() / this.windowMs) * this.windowMs;
    const count = options.windowCount ?? 130;
    for (let i = count; i > 0; i--) this.#windows.push(this.#makeWindow(endMs - i * this.windowMs));
    // The last one is open.
    this.#windows.push(this.#makeWindow(endMs));
    this.start();
  }

  /** Where the page is. */
  get url(): string {
    return `http://127.0.0.1:${this.#port}/`;
  }

  /** Serves, after a stop on the same port again. */
  start(): void {
    this.#stopping = new AbortController();
    this.#server = Deno.serve(
      { hostname: "127.0.0.1", port: this.#port, onListen: () => {} },
      this.#app().fetch,
    );
    this.#port = this.#server.addr.port;
  }

  /** Ends the server and its connections. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#clients.clear();
    await this.#server?.shutdown();
    this.#server = undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#server !== undefined) await this.stop();
  }

  /** Closes the open window and opens the next one. */
  async closeWindow(): Promise<void> {
    const closed = this.#open;
    const next = this.#makeWindow(closed.startMs + this.windowMs);
    this.#windows.push(next);
    await this.#send("window", this.#windowJson(closed, 5), String(closed.startMs));
    await this.#send("window", this.#windowJson(next, 5));
  }

  /** Lets requests fail in the open window. */
  async fail(error: Partial<FakeError> = {}, count = 1): Promise<void> {
    for (let i = 0; i < count; i++) {
      this.#open.totalCount++;
      this.#open.errors.push({ ...this.#makeError(this.#open.startMs), ...error });
    }
    await this.#send("window", this.#windowJson(this.#open, 5));
  }

  /** Tells all clients how it does. */
  async tellStatus(): Promise<void> {
    await this.#send("status", this.#status());
  }

  /** Number of clients of the stream of events. */
  get clientCount(): number {
    return this.#clients.size;
  }

  /** Start of the window that is open. */
  get openStartMs(): number {
    return this.#open.startMs;
  }

  get #open(): FakeWindow {
    return this.#windows.at(-1)!;
  }

  async #send(type: string, data: unknown, id?: string): Promise<void> {
    await Promise.all([...this.#clients].map((send) => send(type, data, id)));
  }

  #app(): Hono {
    const app = new Hono();
    const page = createApp(appDeps());
    const { token, isUnsaved } = this.#options;
    app.use(async (context, next) => {
      const { path } = context.req;
      this.requests.push(path);
      const isOpen = isPublic(path, context.req.header("accept") ?? null);
      if (
        token !== undefined && !isOpen && context.req.header("authorization") !== `Bearer ${token}`
      ) {
        return context.json(
          { error: { code: "missing_token", message: "A token is needed" } },
          401,
        );
      }
      return await next();
    });
    const json = (value: unknown) =>
      new Response(toSafeJson(value), { headers: { "Content-Type": "application/json" } });
    app.get("/windows", (context) => {
      const query = context.req.query();
      const from = Date.parse(query["from"] ?? "") || -Infinity;
      const to = Date.parse(query["to"] ?? "") || Infinity;
      const step = query["step"] === undefined ? this.windowMs : parseDuration(query["step"]);
      const urls = context.req.queries("url");
      const windows = this.#closed(from, to, step).map((group) =>
        this.#sum(group, step, Number(query["urls"] ?? 20), urls)
      ).reverse();
      return json({ windows: windows.slice(0, Number(query["limit"] ?? 100)), next_cursor: null });
    });
    app.get("/summary", (context) => json(this.#summary(context.req.query())));
    app.get("/summary/clients", (context) => {
      const from = Date.parse(context.req.query("from")!);
      const to = Date.parse(context.req.query("to")!);
      const errors = this.#windows.slice(0, -1).flatMap(({ errors }) => errors)
        .filter(({ timeMs }) => timeMs >= from && timeMs < to);
      return json({
        clients: (context.req.queries("url") ?? []).map((url, i) => ({
          url,
          unique_ips: new Set(errors.filter((error) => error.url === url).map(({ ip }) => ip)).size,
          unique_ips_exact: true,
          complete: i < 40,
        })),
      });
    });
    app.get("/errors", (context) => {
      if (isUnsaved) {
        return context.json({ error: { code: "not_saved", message: "Nothing is saved" } }, 404);
      }
      return json(this.#errors(context.req.query()));
    });
    app.get("/events", (context) => {
      const after = Number(context.req.header("last-event-id") ?? NaN);
      const { signal } = this.#stopping;
      return streamSSE(context, async (stream) => {
        const send = async (event: string, data: unknown, id?: string) => {
          await stream.writeSSE({ event, data: toSafeJson(data), ...id !== undefined && { id } });
        };
        await stream.write(`retry: 200\nid: ${this.#windows.at(-2)?.startMs ?? 0}\n\n`);
        await send("status", this.#status());
        for (const window of this.#windows.slice(0, -1)) {
          if (window.startMs > after) {
            await send("window", this.#windowJson(window, 5), String(window.startMs));
          }
        }
        await send("window", this.#windowJson(this.#open, 5));
        this.#clients.add(send);
        await new Promise<void>((resolve) => {
          signal.addEventListener("abort", () => resolve());
          stream.onAbort(() => resolve());
        });
        this.#clients.delete(send);
      });
    });
    app.all("*", (context) => page.fetch(context.req.raw));
    return app;
  }

  /** Closed windows of a time, those of a step together. */
  #closed(fromMs: number, toMs: number, stepMs: number): FakeWindow[][] {
    const groups = new Map<number, FakeWindow[]>();
    for (const window of this.#windows.slice(0, -1)) {
      if (window.startMs < fromMs || window.startMs >= toMs) continue;
      const startMs = Math.floor(window.startMs / stepMs) * stepMs;
      groups.set(startMs, [...groups.get(startMs) ?? [], window]);
    }
    return [...groups.values()];
  }

  #windowJson(window: FakeWindow, urlsMax: number): WindowJson {
    return this.#sum([window], this.windowMs, urlsMax);
  }

  #sum(
    windows: readonly FakeWindow[],
    stepMs: number,
    urlsMax: number,
    urls?: readonly string[],
  ): WindowJson {
    const startMs = Math.floor(windows[0]!.startMs / stepMs) * stepMs;
    const errors = windows.flatMap((window) => window.errors);
    const total = windows.reduce((sum, { totalCount }) => sum + totalCount, 0);
    const isOpen = startMs + stepMs > this.#open.startMs;
    return {
      start: new Date(startMs).toISOString(),
      end: new Date(startMs + stepMs).toISOString(),
      state: isOpen ? "open" : "closed",
      length_ms: stepMs,
      total_count: total,
      error_count: errors.length,
      error_rate: total === 0 ? 0 : errors.length / total,
      unique_ips: new Set(errors.map(({ ip }) => ip)).size,
      unique_ips_exact: true,
      late_count: startMs % 600_000 === 0 ? 12 : 0,
      late_error_count: startMs % 600_000 === 0 ? 1 : 0,
      statuses: statusesOf(errors, urlsMax, urls),
    };
  }

  #summary(query: Record<string, string>) {
    const [fromMs, toMs] = [Date.parse(query["from"]!), Date.parse(query["to"]!)];
    const windows = this.#closed(fromMs, toMs, this.windowMs).flat();
    const errors = windows.flatMap(({ errors }) => errors)
      .filter(({ status }) => query["status"] === undefined || String(status) === query["status"]);
    const total = windows.reduce((sum, { totalCount }) => sum + totalCount, 0);
    const byUrl = Map.groupBy(errors, ({ url }) => url);
    const floor = (timeMs: number) => Math.floor(timeMs / this.windowMs) * this.windowMs;
    const urls = [...byUrl].filter(([url]) => query["url"] === undefined || url === query["url"])
      .map(([url, errors]) => {
        const times = errors.map(({ timeMs }) => timeMs);
        const trend = new Array(24).fill(0);
        for (const timeMs of times) trend[Math.floor((timeMs - fromMs) / (toMs - fromMs) * 24)]++;
        return {
          url,
          count: errors.length,
          share: 0,
          statuses: statusesOf(errors, 0).map(({ status, error_count: count }) => ({
            status,
            count,
          })),
          first_seen: new Date(floor(Math.min(...times))).toISOString(),
          last_seen: new Date(floor(Math.max(...times)) + this.windowMs).toISOString(),
          trend,
        };
      })
      .sort((a, b) => b.count - a.count).slice(0, Number(query["urls"] ?? 20))
      .map((url) => ({ ...url, share: url.count / errors.length }));
    return {
      from: query["from"],
      to: query["to"],
      total_count: total,
      error_count: errors.length,
      error_rate: total === 0 ? 0 : errors.length / total,
      unique_ips: new Set(errors.map(({ ip }) => ip)).size,
      unique_ips_exact: true,
      late_count: 0,
      late_error_count: 0,
      windows: windows.length,
      statuses: statusesOf(errors, 0),
      urls,
    };
  }

  #errors(query: Record<string, string>) {
    const [fromMs, toMs] = [Date.parse(query["from"]!), Date.parse(query["to"]!)];
    const skipped = Number(query["cursor"] ?? 0);
    const limit = Number(query["limit"] ?? 100);
    const matching = this.#windows.flatMap(({ errors }) => errors)
      .map((error) => this.#errorJson(error))
      .filter(({ time }) => Date.parse(time!) >= fromMs && Date.parse(time!) < toMs)
      .filter(({ status, url, record }) =>
        (query["status"] === undefined || String(status) === query["status"]) &&
        (query["url"] === undefined || url === query["url"]) &&
        JSON.stringify(record).toLowerCase().includes((query["q"] ?? "").toLowerCase())
      )
      .sort((a, b) => Date.parse(b.time!) - Date.parse(a.time!));
    const isMore = matching.length > skipped + limit;
    return {
      errors: matching.slice(skipped, skipped + limit),
      next_cursor: isMore ? String(skipped + limit) : null,
      complete: true,
    };
  }

  #errorJson({ timeMs, status, url, ip, method, extra }: FakeError): ErrorJson {
    const time = new Date(timeMs).toISOString();
    return {
      time,
      window_start: new Date(Math.floor(timeMs / this.windowMs) * this.windowMs).toISOString(),
      status,
      method,
      url,
      ip,
      record: { timestamp: time, ip, method, url, status, ...extra },
    };
  }

  #status(): StatusEvent {
    const totals = toTotalsJson(emptyTotals());
    const malformed = { ...totals.malformed, not_json: 7, bad_timestamp: 4 };
    return {
      at: new Date().toISOString(),
      totals: { ...totals, malformed, late: 120, partial: 1 },
      sources: this.sources,
      watermark: new Date(this.#open.startMs + this.windowMs / 2).toISOString(),
      events_per_second: 947.3,
      rates: this.rates,
      samples: this.samples,
    };
  }

  #makeWindow(startMs: number): FakeWindow {
    // Traffic of a day has its waves, and once there was an outage.
    const wave = 1 + 0.35 * Math.sin(startMs / 700_000) + 0.15 * Math.sin(startMs / 190_000);
    const totalCount = Math.round(280 * wave * (0.95 + this.#random.next() * 0.1));
    const errorCount = Math.round(totalCount * (0.018 + this.#random.next() * 0.01));
    return {
      startMs,
      totalCount,
      errors: Array.from({ length: errorCount }, () => this.#makeError(startMs)),
    };
  }

  #makeError(startMs: number): FakeError {
    const random = this.#random;
    const urls = this.#options.urls ?? URLS;
    const url = urls[Math.min(random.below(urls.length), random.below(urls.length))]!;
    return {
      timeMs: startMs + random.below(this.windowMs),
      status: random.pick(STATUSES[urls.indexOf(url) % STATUSES.length]!),
      url,
      ip: `192.0.2.${1 + random.below(120)}`,
      method: random.pick(["GET", "GET", "GET", "POST", "HEAD"]),
      extra: { agent: "Mozilla/5.0 (X11; Linux x86_64)", seconds: random.below(900) / 1000 },
    };
  }
}

/** A source that is connected. */
export function source(name: string, overrides: Partial<SourceJson> = {}): SourceJson {
  return {
    name,
    phase: "connected",
    connections: 1,
    connections_total: 1,
    reason: "",
    last_row_at: new Date().toISOString(),
    ...overrides,
  };
}

function statusesOf(
  errors: readonly FakeError[],
  urlsMax: number,
  only?: readonly string[],
): StatusJson[] {
  const byStatus = Map.groupBy(errors, ({ status }) => status);
  return [...byStatus].sort(([a], [b]) => a - b).map(([status, errors]) => {
    const byUrl = [...Map.groupBy(errors, ({ url }) => url)]
      .map(([url, errors]) => ({ url, count: errors.length })).sort((a, b) => b.count - a.count);
    return {
      status,
      error_count: errors.length,
      unique_ips: new Set(errors.map(({ ip }) => ip)).size,
      unique_ips_exact: true,
      urls: byUrl.filter(({ url }) => only === undefined || only.includes(url)).slice(0, urlsMax),
      urls_total: byUrl.length,
      urls_total_exact: true,
    };
  });
}
