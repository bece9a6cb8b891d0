import { createApp, type HttpApp } from "../../analyzer/http/app.ts";
import { emptyTotals, type Totals } from "../../analyzer/sink/totals.ts";
import { DeliveryRun } from "../analyzer/delivery/delivery_run.ts";
import { EventRun } from "./event_run.ts";
import { SavedErrorsFixture, storedRow } from "./saved_errors.ts";
import {
  appDeps,
  type AppFixture,
  InMemoryHistory,
  LENGTH_MS,
  liveView,
  START_MS,
  statusSummary,
  windowSummary,
} from "./window_fixtures.ts";

/** The latest of the errors that the run has stored. */
const SAVED = await SavedErrorsFixture.create();
await SAVED.append([
  storedRow(START_MS + 27_120, { ip: "203.0.113.9", url: "/resource/3" }),
  storedRow(START_MS + 28_400, { ip: "198.51.100.20", url: "/resource/7", status: 500 }),
  storedRow(START_MS + 29_055, { ip: "203.0.113.9", url: "/resource/42" }),
  storedRow(START_MS + 30_800, { ip: "192.0.2.77", url: "/resource/42" }),
]);

/**
 * The run that the documents show: three windows, the last of them open.
 *
 * @param fixture what a test wants to be different about it
 */
export function documentedApp(fixture: AppFixture = {}): HttpApp {
  const closed = [
    windowSummary({
      statuses: [
        statusSummary({
          urls: [
            { url: "/resource/42", count: 30, countErrorMax: 0 },
            { url: "/resource/3", count: 14, countErrorMax: 0 },
            { url: "/resource/9", count: 1, countErrorMax: 0 },
          ],
        }),
        windowSummary().statuses[1]!,
      ],
    }),
    windowSummary({
      startMs: START_MS - LENGTH_MS,
      totalCount: 998,
      errorCount: 43,
      uniqueIps: { count: 11, isExact: true },
      lateCount: 2,
      lateErrorCount: 1,
      statuses: [statusSummary({
        errorCount: 43,
        uniqueIps: { count: 11, isExact: true },
        urls: [
          { url: "/resource/9", count: 28, countErrorMax: 0 },
          { url: "/resource/42", count: 12, countErrorMax: 0 },
          { url: "/resource/3", count: 3, countErrorMax: 0 },
        ],
      })],
    }),
  ];
  const open = windowSummary({
    startMs: START_MS + LENGTH_MS,
    state: "open",
    totalCount: 40,
    errorCount: 2,
    uniqueIps: { count: 2, isExact: true },
    statuses: [statusSummary({
      errorCount: 2,
      uniqueIps: { count: 2, isExact: true },
      urls: [{ url: "/resource/42", count: 2, countErrorMax: 0 }],
      urlsTotal: { count: 1, isExact: true },
    })],
  });
  const totals: Totals = {
    ...emptyTotals(),
    bytes: 252_717,
    lines: 2041,
    valid: 2040,
    malformed: { ...emptyTotals().malformed, missing_field: 1 },
    inWindows: 2038,
    late: 2,
    errors: 96,
    errorsInWindows: 95,
    lateErrors: 1,
    errorsByStatus: new Map([[404, 91], [500, 5]]),
  };
  const view = liveView({
    totals,
    open: [open],
    watermarkMs: START_MS + 26_000,
    eventTimeMaxMs: START_MS + 31_000,
    samples: [{ kind: "missing_field", text: '{"status":404}\u001b[2J' }],
  });
  const history = new InMemoryHistory(closed);
  const events = new EventRun({ history, outputId: "5f3a9c0e", runId: "b81d24a7" });
  events.feed.view = view;
  return createApp(appDeps({
    view,
    history,
    events: events.publisher,
    deliveries: new DeliveryRun().serve(),
    savedErrors: SAVED.search,
    ...fixture,
  }));
}
