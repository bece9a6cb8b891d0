import assert from "node:assert/strict";
import { createApp } from "../../analyzer/http/app.ts";
import { encodeErrorCursor } from "../../analyzer/http/error_cursor.ts";
import { encodePageCursor } from "../../analyzer/http/page_cursor.ts";
import { DeliveryRun, gzip } from "../analyzer/delivery/delivery_run.ts";
import { UNSAFE_TO_SHOW } from "../hostile/attacks.ts";
import { SavedErrorsFixture, storedRow } from "../support/saved_errors.ts";
import { MutatedLines } from "../support/line_mutations.ts";
import { jsonLine } from "../support/log_lines.ts";
import { Mulberry32 } from "../support/mulberry32.ts";
import {
  appDeps,
  InMemoryHistory,
  LENGTH_MS,
  liveView,
  START_MS,
  windowSummary,
} from "../support/window_fixtures.ts";
import type { FuzzOptions } from "./fuzz_parsers.ts";
import { MutatedText } from "./mutated_text.ts";

/**
 * Sends the app requests that are nearly right, or anything but that: `cases` in all. Whatever comes,
 * the answer is no exception of ours, of a documented type, of bounded size, repeats little of the
 * request, and holds nothing that a terminal would act on.
 *
 * @returns how often each status was answered
 * @throws {Error} with the request, and the seed from which it comes again
 */
export async function fuzzRoutes({ seed, cases }: FuzzOptions): Promise<Map<number, number>> {
  const statuses = new Map<number, number>();
  using saved = await SavedErrorsFixture.create();
  await saved.append(Array.from({ length: 60 }, (_, i) =>
    storedRow(START_MS - i * 1000, {
      url: `/resource/${i % 9}`,
      status: i % 2 === 0 ? 404 : 500,
    })));
  let server: FuzzedServer | undefined;
  for (let i = 0; i < cases; i++) {
    // An app of its own for a few hundred requests: what one leaves behind is met by the others.
    if (i % CASES_A_SERVER === 0) {
      await server?.stop();
      server = new FuzzedServer(seed + i, saved);
    }
    const status = await server!.request();
    if (status !== undefined) statuses.set(status, (statuses.get(status) ?? 0) + 1);
  }
  await server?.stop();
  return statuses;
}

const CASES_A_SERVER = 300;

/** Most characters of an answer: the fixture is small, whatever is asked of it. */
const ANSWER_LENGTH_MAX = 50_000;

const METHODS = ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "get", "X-Y"];

const PATHS = [
  ...["/", "/metrics", "/windows", "/windows/current", "/healthz", "/readyz", "/logs"],
  ...["/summary", "/summary/clients", "/errors", "/windows", "/errors"],
  ...[`/windows/${START_MS}`, "/windows/2025-05-30T18:52:30Z", "/windows/../logs", "//", "/%2e%2e"],
];

const QUERIES = [
  ...["", "from=2025-05-30T18:52:30Z&to=2025-05-30T19:00:00%2B02:00", "status=404&limit=10&urls=0"],
  ...[`cursor=${encodePageCursor(START_MS)}&limit=1000`, "urls=1000", "limit=1&limit=2"],
  ...[
    "step=1m&urls=3",
    "step=31d&format=csv",
    "format=csv&limit=100000",
    "step=90s&cursor=before.1",
  ],
  ...["url=/resource/1&url=/resource/2", "from=0&to=99999999999999", "q=RESOURCE&ip=192.0.2.1"],
  ...[
    "url=%2Fresource%2F7&status=500&limit=3",
    `cursor=${encodeErrorCursor({ part: 1, bytes: 500 })}`,
  ],
];

const TYPES = [
  "application/x-ndjson",
  "text/csv; charset=utf-8",
  "application/jsonl",
  "text/plain",
];

const HEADERS: Readonly<Record<string, readonly string[]>> = {
  "accept": ["*/*", "text/plain;q=0.5,application/openmetrics-text;version=1.0.0", "image/png"],
  "host": ["127.0.0.1:8000", "localhost", "evil.example"],
  "origin": ["http://evil.example", "null"],
  "authorization": ["Bearer abc", "Basic YTpi"],
  "content-type": TYPES,
  "content-encoding": ["gzip", "identity", "br", "gzip, gzip"],
  "content-length": ["0", "5", "999999999999"],
  "idempotency-key": ["k", '"k"', "another-key", "__proto__"],
  "range": ["bytes=0-1"],
  "if-none-match": ["*"],
};

class FuzzedServer {
  readonly #seed: number;
  readonly #random: Mulberry32;
  readonly #mutated: MutatedText;
  readonly #lines: MutatedLines;
  readonly #run = new DeliveryRun();
  readonly #exceptions: unknown[] = [];
  readonly #app;
  #requestCount = 0;

  constructor(seed: number, saved: SavedErrorsFixture) {
    this.#seed = seed;
    this.#random = new Mulberry32(seed);
    this.#mutated = new MutatedText(this.#random);
    this.#lines = new MutatedLines(seed);
    const windows = Array.from(
      { length: 12 },
      (_, i) => windowSummary({ startMs: START_MS - i * LENGTH_MS }),
    );
    this.#app = createApp(appDeps({
      view: liveView({ open: [windowSummary({ startMs: START_MS + LENGTH_MS, state: "open" })] }),
      history: new InMemoryHistory(windows),
      deliveries: this.#run.serve(),
      savedErrors: saved.search,
      onException: (exception) => this.#exceptions.push(exception),
    }));
  }

  /** Sends one request; returns the status, or `undefined` where nobody could send it. */
  async request(): Promise<number | undefined> {
    this.#requestCount++;
    const { path, init } = await this.#make();
    let request: Request;
    try {
      request = new Request(`http://localhost${path}`, init);
    } catch (exception) {
      assert.ok(exception instanceof TypeError);
      return undefined;
    }
    try {
      const response = await this.#app.fetch(request);
      await this.#check(request, response);
      return response.status;
    } catch (exception) {
      const { body, headers, method } = init;
      const facts = { method, path, headers: [...new Headers(headers)], body: describe(body) };
      throw new Error(
        `routes: request ${this.#requestCount} of seed ${this.#seed} fails: ` +
          `--only routes --seed ${this.#seed} --cases ${this.#requestCount}: ${
            JSON.stringify(facts)
          }`,
        { cause: this.#exceptions[0] ?? exception },
      );
    }
  }

  async stop(): Promise<void> {
    await this.#run.stop();
  }

  async #make(): Promise<{ path: string; init: RequestInit }> {
    const random = this.#random;
    const isDelivery = random.next() < 0.4;
    const path = isDelivery ? "/logs" : this.#address(PATHS);
    const query = random.next() < (isDelivery ? 0.95 : 0.4) ? "" : `?${this.#address(QUERIES)}`;
    const method = isDelivery && random.next() < 0.95
      ? "POST"
      : random.next() < 0.7
      ? "GET"
      : random.pick(METHODS);
    const headers = new Headers();
    if (isDelivery) headers.set("content-type", random.pick(TYPES));
    for (let i = random.below(4); i > 0; i--) {
      const name = random.pick(Object.keys(HEADERS));
      const value = random.next() < 0.7
        ? random.pick(HEADERS[name]!)
        : this.#mutated.text(HEADERS[name]!);
      try {
        headers.set(name, value);
      } catch (exception) {
        // No client can send it either.
        assert.ok(exception instanceof TypeError);
      }
    }
    const hasBody = method !== "GET" && method !== "HEAD" && random.next() < 0.95;
    const body = hasBody ? await this.#body() : null;
    return { path: path + query, init: { method, headers, body } };
  }

  /** A part of an address, as a client may write it: escaped, or as it is. */
  #address(samples: readonly string[]): string {
    const text = this.#random.next() < 0.5
      ? this.#random.pick(samples)
      : this.#mutated.text(samples);
    return this.#random.next() < 0.7
      ? text.replaceAll("#", "%23")
      : encodeURIComponent(text.toWellFormed());
  }

  async #body(): Promise<Uint8Array<ArrayBuffer>> {
    const random = this.#random;
    if (random.next() < 0.1) return this.#mutated.bytes([new Uint8Array(100)]);
    const parts: number[] = [];
    for (let i = random.below(6); i > 0; i--) {
      parts.push(...this.#lines.next(), ...new TextEncoder().encode(`\n${jsonLine()}\n`));
    }
    if (random.next() < 0.5) return Uint8Array.from(parts);
    const text = random.next() < 0.05
      ? "\0".repeat(300_000)
      : new TextDecoder().decode(Uint8Array.from(parts));
    const compressed = new Uint8Array(await gzip(text));
    return random.next() < 0.5 ? compressed : this.#mutated.bytes([compressed]);
  }

  async #check({ method }: Request, response: Response): Promise<void> {
    const { status, headers } = response;
    assert.deepEqual(this.#exceptions, []);
    assert.ok(
      [200, 400, 404, 405, 406, 409, 413, 415, 422].includes(status),
      `status is ${status}`,
    );
    assert.equal(headers.get("x-content-type-options"), "nosniff");
    assert.equal(headers.get("access-control-allow-origin"), null);
    for (const value of headers.values()) assert.ok(value.length < 200);
    const text = await response.text();
    assert.ok(text.length <= ANSWER_LENGTH_MAX, `${text.length} characters`);
    // Lines of CSV end with a carriage return too.
    assert.doesNotMatch(text.replaceAll("\r\n", "\n"), UNSAFE_TO_SHOW);
    if (method === "HEAD") return assert.equal(text, "");
    const type = headers.get("content-type")!;
    if (!type.startsWith("application/json")) {
      assert.match(
        type,
        /^(?:text\/plain; version=0\.0\.4|text\/csv; charset=utf-8|application\/openmetrics-text);?/,
      );
      return assert.equal(status, 200);
    }
    const { error } = JSON.parse(text);
    assert.equal(error === undefined, status === 200);
    if (error === undefined) return;
    assert.match(error.code, /^[a-z_]+$/);
    assert.ok((error.value ?? "").length <= 100 && (error.parameter ?? "").length <= 100, text);
  }
}

function describe(body: unknown): string {
  return body instanceof Uint8Array ? body.toBase64() : String(body);
}
