import assert from "node:assert/strict";
import type { AnalyzedBatch, StreamElement } from "../../../analyzer/stream/elements.ts";
import {
  TumblingWindowOperator,
  type WindowsState,
} from "../../../analyzer/window/tumbling_window_operator.ts";
import { recordBatch, type Row } from "../../support/batches.ts";
import { testLimits } from "../../support/limits.ts";

const OPTIONS = { windowLengthMs: 30_000, ...testLimits({ openWindows: 100 }) };

/** Drives one operator; all times in seconds. */
class Driver {
  readonly #operator: TumblingWindowOperator;

  constructor(options: Partial<typeof OPTIONS> = {}, restored?: WindowsState) {
    this.#operator = new TumblingWindowOperator({ ...OPTIONS, ...options }, restored);
  }

  push(element: StreamElement): StreamElement[] {
    const out: StreamElement[] = [];
    this.#operator.push(element, (element) => out.push(element));
    return out;
  }

  /** Rows with the statuses given or 404; returns the batch as it came out, and closed windows. */
  rows(...rows: (number | Row)[]): { readonly analyzed: AnalyzedBatch; readonly closed: string[] } {
    const [analyzed, ...rest] = this.push(
      recordBatch(
        rows.map((row) =>
          typeof row === "number"
            ? { time: row * 1000 }
            : { ...row, time: row.time === "future" ? row.time : row.time * 1000 }
        ),
      ),
    );
    assert.ok(analyzed?.kind === "analyzed");
    return { analyzed, closed: closedIn(rest) };
  }

  watermark(time: number): string[] {
    const [first, ...rest] = this.push({ kind: "watermark", timeMs: time * 1000 });
    assert.deepEqual(first, { kind: "watermark", timeMs: time * 1000 });
    return closedIn(rest);
  }

  /** Open windows as their starts and counts, and the watermark, in s. */
  view(): { readonly open: string[]; readonly watermark: number | undefined } {
    const [view] = this.push({ kind: "view-request" });
    assert.ok(view?.kind === "view-request" && view.open !== undefined);
    assert.ok(view.open.every(({ state }) => state === "open"));
    return {
      open: view.open.map(describe),
      watermark: view.watermarkMs === undefined ? undefined : view.watermarkMs / 1000,
    };
  }

  state(): WindowsState {
    const [barrier] = this.push({ kind: "barrier", state: {} });
    assert.ok(barrier?.kind === "barrier" && barrier.state.windows !== undefined);
    return barrier.state.windows;
  }
}

function closedIn(elements: readonly StreamElement[]): string[] {
  return elements.map((element) => {
    assert.ok(element.kind === "window-closed" && element.window.state === "closed");
    return describe(element.window);
  });
}

/** As `start: errors/rows`. */
function describe(
  { startMs, errorCount, totalCount }: {
    readonly startMs: number;
    readonly errorCount: number;
    readonly totalCount: number;
  },
): string {
  return `${startMs / 1000}: ${errorCount}/${totalCount}`;
}

// S-21
Deno.test("TumblingWindowOperator closes a window when the watermark reaches its end", () => {
  const driver = new Driver();
  driver.rows(29.999, { time: 0, status: 200 }, 30);
  assert.deepEqual(driver.watermark(29.999), []);
  assert.deepEqual(driver.watermark(30), ["0: 1/2"]);
  assert.deepEqual(driver.watermark(59.999), []);
  assert.deepEqual(driver.watermark(60), ["30: 1/1"]);
});

// S-21
Deno.test("TumblingWindowOperator closes the oldest window first, and each of them once", () => {
  const driver = new Driver();
  driver.rows(90, 0, -30, 61, 31);
  assert.deepEqual(driver.watermark(91), ["-30: 1/1", "0: 1/1", "30: 1/1", "60: 1/1"]);
  assert.deepEqual(driver.watermark(92), []);
  assert.deepEqual(driver.view(), { open: ["90: 1/1"], watermark: 92 });
});

// S-12
Deno.test("TumblingWindowOperator makes no window where there were no rows", () => {
  const driver = new Driver();
  driver.rows(0, 300);
  assert.deepEqual(driver.watermark(330), ["0: 1/1", "300: 1/1"]);
});

// S-21, S-22
Deno.test("TumblingWindowOperator counts rows of closed windows as late, by window", () => {
  const driver = new Driver();
  driver.rows(0);
  driver.watermark(60);
  const { analyzed } = driver.rows(59.999, { time: 1, status: 200 }, { time: 1 }, 60);
  assert.deepEqual([...analyzed.isLate], [1, 1, 0]);
  assert.equal(analyzed.lateCount, 3);
  assert.equal(analyzed.lateErrorCount, 2);
  assert.deepEqual(analyzed.late, [
    { windowStartMs: 30_000, lateCount: 1, lateErrorCount: 1 },
    { windowStartMs: 0, lateCount: 2, lateErrorCount: 1 },
  ]);
  assert.deepEqual(driver.view().open, ["60: 1/1"]);
});

Deno.test("TumblingWindowOperator reports no late rows where there are none", () => {
  const { analyzed } = new Driver().rows(0, 1);
  assert.deepEqual([...analyzed.isLate], [0]);
  assert.deepEqual([analyzed.lateCount, analyzed.lateErrorCount, analyzed.late.length], [0, 0, 0]);
});

// S-26
Deno.test("TumblingWindowOperator counts errors in the future, and opens no window for them", () => {
  const driver = new Driver();
  const { analyzed } = driver.rows({ time: "future" }, { time: "future", status: 200 });
  assert.equal(analyzed.futureErrorCount, 1);
  assert.deepEqual(driver.view(), { open: [], watermark: undefined });
});

// S-29
Deno.test("TumblingWindowOperator closes the oldest early at the limit of open windows", () => {
  const limits = testLimits({ openWindows: 2 });
  const driver = new Driver(limits);
  assert.deepEqual(driver.rows(0, 30).closed, []);
  assert.deepEqual(driver.rows(60).closed, ["0: 1/1"]);
  // Nothing is dropped: what comes for it now is late.
  const { analyzed, closed } = driver.rows(1, 31);
  assert.equal(analyzed.lateCount, 1);
  assert.deepEqual(closed, []);
  assert.deepEqual(driver.rows(90, 120, 150).closed, ["30: 2/2", "60: 1/1", "90: 1/1"]);
  assert.deepEqual(driver.view().open, ["120: 1/1", "150: 1/1"]);
  // The watermark behind that place closes nothing a second time.
  assert.deepEqual(driver.watermark(60), []);
  assert.equal(limits.limitCounter.count("openWindows"), 4);
});

Deno.test("TumblingWindowOperator tells what is no longer exact where a window closes", () => {
  const limits = testLimits({ windowUrls: 2 });
  const driver = new Driver(limits);
  const row = (time: number, i: number) => ({ time, url: `/${i}`, ip: `host-${i}` });
  driver.rows(row(0, 1), row(0, 2), row(30, 1), row(30, 2), row(30, 3));
  driver.rows(...Array.from({ length: 4097 }, (_, i) => row(60, i)));
  driver.watermark(30);
  assert.equal(limits.limitCounter.count("windowUrls"), 0);
  driver.watermark(60);
  const counts =
    () => [limits.limitCounter.count("windowUrls"), limits.limitCounter.count("exactAddresses")];
  assert.deepEqual(counts(), [1, 0]);
  driver.watermark(90);
  assert.deepEqual(counts(), [2, 1]);
});

Deno.test("TumblingWindowOperator passes on what is not its own", () => {
  const driver = new Driver();
  for (
    const element of [
      { kind: "tick", monotonicMs: 1, wallMs: 2 },
      { kind: "end-of-input" },
      { kind: "input-opened", inputId: "a", isLive: true },
    ] as const
  ) assert.deepEqual(driver.push(element), [element]);
});

Deno.test("TumblingWindowOperator keeps at a barrier what others have added to it", () => {
  const watermark = { timeMs: 1, eventTimeMaxMs: 2, inputs: [] };
  const [barrier] = new Driver().push({ kind: "barrier", state: { watermark } });
  assert.deepEqual(barrier, {
    kind: "barrier",
    state: { watermark, windows: { closedUpToMs: -Infinity, windows: [] } },
  });
});

Deno.test("TumblingWindowOperator goes on from its state with open windows and late rows", () => {
  const first = new Driver();
  first.rows(0, 61, 31);
  first.watermark(30);
  const state = structuredClone(first.state());
  const second = new Driver({}, state);
  assert.deepEqual(second.state(), state);
  assert.deepEqual(second.view(), { open: ["30: 1/1", "60: 1/1"], watermark: 30 });
  assert.equal(second.rows(29, 32).analyzed.lateCount, 1);
  assert.deepEqual(second.watermark(90), ["30: 2/2", "60: 1/1"]);
  assert.equal(new Driver({}, new Driver().state()).view().watermark, undefined);
});
