import assert from "node:assert/strict";
import type { TotalsJson } from "../../analyzer/http/live_json.ts";
import type { StatusJson, WindowJson } from "../../analyzer/window/window_json.ts";
import { assertTotalsAddUp, countsOf, type Metrics } from "../end_to_end/support.ts";
import type { SentLines, SentTotals, SentWindow, StatusDetails } from "./sent_lines.ts";

/** Holds what an analyzer says of itself to what it was sent, answer by answer. */
export class ResultsChecker {
  readonly #sent: SentLines;
  readonly #closed = new Map<string, WindowJson>();
  #totals: TotalsJson | undefined;

  constructor(sent: SentLines) {
    this.#sent = sent;
  }

  /** How many windows have closed so far. */
  get closedCount(): number {
    return this.#closed.size;
  }

  /**
   * Checks an answer of `/metrics`: it adds up, nothing in it goes back, nothing was counted that
   * was not sent, and the rows in windows are those of the windows.
   *
   * @returns The windows that are closed for the first time, oldest first.
   * @throws {assert.AssertionError} where something is wrong
   */
  checkMetrics({ totals, open, closed }: Metrics): WindowJson[] {
    assertTotalsAddUp(totals);
    if (this.#totals !== undefined) assertNotBelow(totals, this.#totals);
    this.#totals = totals;
    assertNotBelow(this.#sent.totals, asSent(totals), "more was counted than sent");

    const fresh = closed.filter(({ start }) => !this.#closed.has(start)).reverse();
    for (const window of closed) {
      const before = this.#closed.get(window.start);
      if (before !== undefined) assertOnlyLateGrew(window, before);
      this.#closed.set(window.start, window);
    }
    const reopened = open.filter(({ start }) => this.#closed.has(start));
    assert.deepEqual(reopened, [], "windows are open that had been closed");
    const counts = countsOf([...this.#closed.values(), ...open]);
    assert.deepEqual(
      counts,
      { total: totals.in_windows, errors: totals.errors_in_windows },
      "windows hold other rows than the totals say",
    );
    return fresh;
  }

  /**
   * Checks a closed window with all its URLs. Its details are let go of afterwards.
   *
   * @throws {assert.AssertionError} where something is wrong
   */
  checkWindow(window: WindowJson): void {
    const startMs = Date.parse(window.start);
    const sent = this.#sent.window(startMs);
    assert.ok(sent !== undefined, `no row was sent for the window ${window.start}`);
    assertCounts(window, sent, ["total_count", "error_count"]);
    const { ips, statuses } = sent.details!;
    assertDistinct(window, ips.size, window.start);
    assert.deepEqual(
      window.statuses.map(({ status }) => status),
      [...statuses.keys()].sort((a, b) => a - b),
    );
    for (const status of window.statuses) {
      assertStatus(status, statuses.get(status.status)!, `${window.start}, ${status.status}`);
    }
    this.#sent.forget(startMs);
  }

  /**
   * Checks the results once everything that was sent is counted and all windows are closed.
   *
   * @param windows every window that the history has
   * @throws {assert.AssertionError} where something is wrong
   */
  checkEnd(totals: TotalsJson, windows: readonly WindowJson[]): void {
    assert.deepEqual(asSent(totals), this.#sent.totals);
    const starts = windows.map(({ start }) => start).sort();
    assert.deepEqual(starts, this.#sent.windows.map(({ startMs }) => isoTime(startMs)).sort());
    assert.deepEqual(starts, [...this.#closed.keys()].sort());
    for (const window of windows) {
      const sent = this.#sent.window(Date.parse(window.start))!;
      assertCounts(window, sent, ["total_count", "error_count", "late_count", "late_error_count"]);
      assert.equal(sent.details, undefined, `the window ${window.start} was never looked at`);
    }
  }
}

/**
 * How far an estimate of distinct clients may be off. HyperLogLog with its 16,384 registers has a
 * standard error of 0.81 %: a run that asks for hundreds of estimates stays below six of those.
 */
const ESTIMATE_ERROR_MAX = 0.05;

function assertStatus(status: StatusJson, sent: StatusDetails, name: string): void {
  assert.equal(status.error_count, sent.errorCount, name);
  assertDistinct(status, sent.ips.size, name);
  // The generator is told to use no more URLs than are counted exactly.
  assert.equal(status.urls_total, sent.urls.size, name);
  assert.ok(status.urls_total_exact, name);
  const urls = new Map(status.urls.map(({ url, count }) => [url, count]));
  assert.equal(urls.size, status.urls.length, `${name}: a URL is listed twice`);
  assert.deepEqual(urls, sent.urls, name);
}

function assertDistinct(
  said: { readonly unique_ips: number; readonly unique_ips_exact: boolean },
  count: number,
  name: string,
): void {
  const off = Math.abs(said.unique_ips - count);
  const offMax = said.unique_ips_exact ? 0 : ESTIMATE_ERROR_MAX * count;
  assert.ok(off <= offMax, `${name}: ${said.unique_ips} distinct clients, sent were ${count}`);
}

type CountName = "total_count" | "error_count" | "late_count" | "late_error_count";

function assertCounts(window: WindowJson, sent: SentWindow, names: readonly CountName[]): void {
  const counts = {
    total_count: sent.totalCount,
    error_count: sent.errorCount,
    late_count: sent.lateCount,
    late_error_count: sent.lateErrorCount,
  };
  const pick = (from: Readonly<Record<CountName, number>>) => names.map((name) => from[name]);
  assert.deepEqual(pick(window), pick(counts), `${window.start}: ${names}`);
}

/** A window that has closed stays as it is, its late rows apart. */
function assertOnlyLateGrew(now: WindowJson, before: WindowJson): void {
  const { late_count, late_error_count } = before;
  assert.deepEqual({ ...now, late_count, late_error_count }, before);
  assert.ok(now.late_count >= late_count && now.late_error_count >= late_error_count);
}

type Counts = { readonly [name: string]: number | Counts };

/** No count of an object, or of the objects in it, is below that of another one. */
function assertNotBelow(now: object, before: object, message = "a total went back"): void {
  for (const [name, count] of Object.entries(before as Counts)) {
    const other = (now as Counts)[name];
    if (typeof count !== "number") assertNotBelow(other as Counts, count, message);
    else assert.ok((other as number) >= count, `${message}: ${name} was ${count}, is ${other}`);
  }
}

function asSent(totals: TotalsJson): SentTotals {
  const malformed = Object.values(totals.malformed).reduce((sum, count) => sum + count, 0);
  return { ...totals, malformed };
}

function isoTime(timeMs: number): string {
  return new Date(timeMs).toISOString();
}
