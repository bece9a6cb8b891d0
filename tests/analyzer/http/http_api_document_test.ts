import assert from "node:assert/strict";
import { createApp } from "../../../analyzer/http/app.ts";
import { emptyTotals, type Totals } from "../../../analyzer/sink/totals.ts";
import {
  appDeps,
  InMemoryHistory,
  LENGTH_MS,
  liveView,
  START_MS,
  statusSummary,
  windowSummary,
} from "../../support/window_fixtures.ts";
import { EventListener, EventRun, settle } from "../../support/event_run.ts";
import { SavedErrorsFixture, storedRow } from "../../support/saved_errors.ts";
import { DeliveryRun } from "../delivery/delivery_run.ts";

const DOCUMENT = (await Promise.all(
  ["HTTP_API.md", "HTTP_HISTORY.md"].map((name) =>
    Deno.readTextFile(new URL(`../../../docs/${name}`, import.meta.url))
  ),
)).join("\n");

Deno.test("the documents of HTTP have a section for each route, with its parameters", async () => {
  const index = await (await documentedApp().request("/")).json();
  const declared = [{ method: "GET", path: "/", parameters: [] }, ...index.routes] as Route[];
  const sections = DOCUMENT.split(/^## /m).slice(1).filter((section) =>
    /^(?:GET|POST) /.test(section)
  );
  const documented = sections.map((section) => ({
    method: /^\w+/.exec(section)![0],
    path: /^\w+ (\S+)/.exec(section)![1]!,
    parameters: [...section.matchAll(/^\| `(\w+)` +\|/gm)].map(([, name]) => name!),
  }));
  const byPath = (left: Route, right: Route) => left.path < right.path ? -1 : 1;
  assert.deepEqual(
    documented.sort(byPath),
    declared.map(({ method, path, parameters }) => ({ method, path, parameters })).sort(byPath),
  );
});

Deno.test("the documents of HTTP show with each curl line what the program really answers", async () => {
  const examples = [...DOCUMENT.matchAll(EXAMPLE)].map(({ groups }) => groups!);
  assert.equal(examples.length, DOCUMENT.match(/^curl /gm)?.length, "each curl line has an answer");
  for (const example of examples) {
    const command = example["command"]!;
    if (command.startsWith("curl -sN ")) {
      await checkEvents(command, example["answer"]!);
      continue;
    }
    const { path, filter, ...init } = parseCommand(command);
    const response = await documentedApp().request(path, init);
    const text = await response.text();
    assert.equal(response.status, Number(example["status"]), `${command}\n${text}`);
    const answer = example["answer"]!;
    if (filter === undefined) assert.deepEqual(JSON.parse(text), JSON.parse(answer), command);
    else assert.equal(grep(text, filter), answer, command);
  }
});

/** A `sh` block with one curl line, the status that it gets, and a block with the body. */
const EXAMPLE =
  /^```sh\n(?<command>curl [^\n]*)\n```\n\nStatus (?<status>\d+):\n\n```(?:json|text)\n(?<answer>.*?)```$/gms;

interface Route {
  readonly method: string;
  readonly path: string;
  readonly parameters: readonly string[];
}

function parseCommand(command: string) {
  const match =
    /^curl -s(?: -X (?<method>\w+))?(?: -H '(?<header>[^']*)')?(?: --data-binary '(?<data>[^']*)')? '?localhost:8000(?<path>[^\s']*)'? \| (?:jq|grep (?<filter>\S+))$/
      .exec(command)?.groups;
  assert.ok(match, command);
  const [name, value] = match["header"]?.split(": ") ?? [];
  const headers = new Headers(name === undefined ? {} : { [name]: value! });
  return {
    path: match["path"]!,
    headers,
    method: match["method"] ?? (match["data"] === undefined ? "GET" : "POST"),
    body: match["data"] ?? null,
    filter: match["filter"],
  };
}

/** Compares what the pipe behind a curl line makes of a stream that does not end. */
async function checkEvents(command: string, answer: string): Promise<void> {
  const response = await documentedApp().request("/events");
  const client = new EventListener(response.body!);
  await settle();
  const lines = client.text.split("\n");
  await client.leave();
  const [, head, width] = /^curl -sN localhost:8000\/events \| head -n (\d+) \| cut -c1-(\d+)$/
    .exec(command) ?? [];
  if (head !== undefined) {
    const shown = lines.slice(0, Number(head)).map((line) => `${line.slice(0, Number(width))}\n`);
    assert.equal(shown.join(""), answer, command);
  } else {
    assert.equal(command, `curl -sN localhost:8000/events | grep -m1 '"at"' | cut -c7- | jq`);
    const status = lines.find((line) => line.includes('"at"'))!.slice("data: ".length);
    assert.deepEqual(JSON.parse(status), JSON.parse(answer), `${command}\n${status}`);
  }
}

function grep(text: string, filter: string): string {
  return text.replaceAll("\r\n", "\n").split("\n").filter((line) => line.includes(filter)).map((
    line,
  ) => `${line}\n`).join(
    "",
  );
}

/** The latest of the errors that the run has stored. */
const SAVED = await SavedErrorsFixture.create();
await SAVED.append([
  storedRow(START_MS + 27_120, { ip: "203.0.113.9", url: "/resource/3" }),
  storedRow(START_MS + 28_400, { ip: "198.51.100.20", url: "/resource/7", status: 500 }),
  storedRow(START_MS + 29_055, { ip: "203.0.113.9", url: "/resource/42" }),
  storedRow(START_MS + 30_800, { ip: "192.0.2.77", url: "/resource/42" }),
]);

/** The run that the document shows: three windows, the last of them open. */
function documentedApp() {
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
  }));
}
