import assert from "node:assert/strict";
import { REFUSALS } from "../../../analyzer/http/refusal_codes.ts";
import { documentedApp } from "../../support/documented_app.ts";
import { EventListener, settle } from "../../support/event_run.ts";

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
    const { path, filter, width, ...init } = parseCommand(command);
    const response = await documentedApp().request(path, init);
    const text = await response.text();
    assert.equal(response.status, Number(example["status"]), `${command}\n${text}`);
    const answer = example["answer"]!;
    if (filter === undefined) assert.deepEqual(JSON.parse(text), JSON.parse(answer), command);
    else assert.equal(cut(grep(text, filter), width), answer, command);
  }
});

Deno.test("the document of HTTP names every reason to refuse a request, with its status", () => {
  const documented = [...DOCUMENT.matchAll(/^\| (\d{3}) +\| `(\w+)` +\|/gm)]
    .map(([, status, code]) => [code!, Number(status)]);
  const declared = Object.entries(REFUSALS).map(([code, { status }]) => [code, status]);
  const unique = [...new Map(documented as [string, number][])];
  assert.deepEqual(unique.sort(), declared.sort());
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
    /^curl -s(?: -X (?<method>\w+))?(?: -H '(?<header>[^']*)')?(?: --data-binary '(?<data>[^']*)')? '?localhost:8000(?<path>[^\s']*)'? \| (?:jq|grep (?<filter>\S+?)(?: \| cut -c1-(?<width>\d+))?)$/
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
    width: Number(match["width"] ?? Infinity),
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
    const shown = lines.slice(0, Number(head)).map((line) => `${line}\n`).join("");
    assert.equal(cut(shown, Number(width)), answer, command);
  } else {
    assert.equal(command, `curl -sN localhost:8000/events | grep -m1 '"at"' | cut -c7- | jq`);
    const status = lines.find((line) => line.includes('"at"'))!.slice("data: ".length);
    assert.deepEqual(JSON.parse(status), JSON.parse(answer), `${command}\n${status}`);
  }
}

function cut(text: string, width: number): string {
  return text.replaceAll(/^.*$/gm, (line) => line.slice(0, width));
}

function grep(text: string, filter: string): string {
  return text.replaceAll("\r\n", "\n").split("\n").filter((line) => line.includes(filter)).map((
    line,
  ) => `${line}\n`).join(
    "",
  );
}
