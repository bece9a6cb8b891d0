import assert from "node:assert/strict";
import { join } from "node:path";
import { limitLabel } from "../../analyzer/limit_options.ts";
import { LIMIT_NAMES } from "../../analyzer/limits.ts";
import {
  Analyzer,
  beforeDeadline,
  freePort,
  generated,
  LineServer,
  linesOf,
  Program,
  PROJECT,
  send,
  TemporaryDirectory,
  testWith,
} from "./support.ts";

const INTEGRATIONS = join(PROJECT, "docs", "integrations");

const LINES = linesOf(await generated(["--count", "6000", "--seed", "21", "--event-rate", "40"]));

testWith("promtool", "finds no fault with the metrics in Prometheus' format", async (path) => {
  using directory = new TemporaryDirectory();
  await using server = new LineServer();
  await using analyzer = await Analyzer.start([
    ...["--source", server.source, "--max-future", "off", ...directory.options()],
  ]);
  await send(await server.accept(), LINES.join("\n") + "\nno record\n");
  await analyzer.untilLines(LINES.length + 1);
  const text = await (await analyzer.get("/metrics", { accept: "text/plain" })).text();
  await using promtool = new Program(path, ["check", "metrics"], { hasInput: true });
  await promtool.write(text);
  await promtool.closeInput();
  assert.deepEqual(await promtool.ended(), { status: 0, stdout: "", stderr: "" });
});

for (
  const args of [
    ["check", "config", "prometheus.yml"],
    ["check", "rules", "vigie.rules.yml"],
    ["test", "rules", "vigie.rules.test.yml"],
  ]
) {
  testWith("promtool", `${args.join(" ")} finds no fault`, async (path) => {
    const files = args.map((argument) =>
      argument.endsWith(".yml") ? join(INTEGRATIONS, argument) : argument
    );
    await using promtool = new Program(path, files);
    const { status, stdout, stderr } = await promtool.ended();
    assert.equal(status, 0, stdout + stderr);
  });
}

/** What a quiet run has no samples of: nothing is refused, and the hour before is not there yet. */
const MAY_BE_EMPTY = /offset|vigie_limit_reached_total|vigie_writer_idle_seconds|ALERTS/;

testWith(
  "prometheus",
  "scrapes vigie, and knows every name in rules and dashboard",
  async (path) => {
    using directory = new TemporaryDirectory();
    await using server = new LineServer();
    await using analyzer = await Analyzer.start([
      ...["--source", server.source, "--max-future", "off", "--window", "10s"],
      ...directory.options(),
    ]);
    const connection = await server.accept();
    await using prometheus = await Prometheus.start(path, directory, new URL(analyzer.url).host);
    // Once before the first scrape, so that there is something, and then between them.
    await send(connection, `${LINES.slice(0, 1000).join("\n")}\nno record\n`);
    await deliver(analyzer, LINES[1000]!);
    await prometheus.until('vigie_lines_total{outcome="valid"} >= 1001');
    await send(connection, `${LINES.slice(1001).join("\n")}\nno record either\n{}\n${LINES[0]}\n`);
    await deliver(analyzer, LINES[0]!);
    await prometheus.until('increase(vigie_lines_total{outcome="valid"}[1m]) > 0');
    await prometheus.until('increase(vigie_records_total{outcome="late"}[1m]) > 0');
    await prometheus.until("instance:vigie_errors:ratio_rate5m > 0");

    // It asks for OpenMetrics, which alone names units.
    const { data: [target] } = await prometheus.get("/api/v1/targets/metadata", {
      match_target: '{job="vigie"}',
      metric: "vigie_read_bytes",
    });
    assert.deepEqual([target.type, target.unit], ["counter", "bytes"]);
    const { data: { activeTargets: [{ health, lastError }] } } = await prometheus.get(
      "/api/v1/targets",
    );
    assert.deepEqual([health, lastError], ["up", ""]);

    const { data: { groups } } = await prometheus.get("/api/v1/rules");
    // deno-lint-ignore no-explicit-any -- the JSON of another program
    const rules: any[] = groups.flatMap(({ rules }: any) => rules);
    assert.equal(rules.length, 14);
    assert.deepEqual(rules.filter(({ health }) => health !== "ok"), []);
    const firing = rules.filter(({ state }) => state === "firing").map(({ name }) => name);
    assert.deepEqual(firing, []);

    const dashboard = JSON.parse(
      Deno.readTextFileSync(join(INTEGRATIONS, "grafana-dashboard.json")),
    );
    const job = '{job="vigie"}';
    const { data: { result: [build] } } = await prometheus.query(`vigie_build_info${job}`);
    const expressions = expressionsOf(dashboard).map((expression) =>
      expression
        .replaceAll("$job", "vigie")
        .replaceAll("$instance", build.metric.instance)
        .replaceAll("$__rate_interval", "1m")
    );
    assert.ok(expressions.length > 25);
    for (const expression of [...expressions, ...rules.map(({ query }) => query)]) {
      const { data } = await prometheus.query(expression);
      const names = expression.match(/[\w:]*\b(?:vigie|process)_[\w:]*/g) ?? [];
      for (const name of names) {
        const { data: { result } } = await prometheus.query(`count(${name})`);
        assert.equal(result.length, 1, `${expression}: ${name} has never a sample`);
      }
      const isShown = expressions.includes(expression) && !MAY_BE_EMPTY.test(expression);
      if (isShown) assert.ok(data.result.length > 0, `nothing to show: ${expression}`);
    }
  },
);

Deno.test("the Grafana dashboard asks its data source, has no panel twice, and none on another", () => {
  const dashboard = JSON.parse(
    Deno.readTextFileSync(join(INTEGRATIONS, "grafana-dashboard.json")),
  );
  const { panels, templating, schemaVersion } = dashboard;
  assert.ok(schemaVersion >= 38, "Grafana 10");
  assert.deepEqual(
    templating.list.map(({ name }: { name: string }) => name),
    ["datasource", "job", "instance"],
  );
  const taken = new Set<string>();
  for (const { id, title, datasource, targets, gridPos } of panels) {
    assert.equal(panels.filter((other: { id: number }) => other.id === id).length, 1, title);
    for (const asked of [datasource, ...targets.map((target: Target) => target.datasource)]) {
      assert.deepEqual(asked, { type: "prometheus", uid: "${datasource}" }, title);
    }
    const refs = targets.map(({ refId }: { refId: string }) => refId);
    assert.equal(new Set(refs).size, refs.length, title);
    assert.ok(gridPos.x + gridPos.w <= 24, title);
    for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++) {
      for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
        assert.ok(!taken.has(`${x},${y}`), `${title} lies on another panel`);
        taken.add(`${x},${y}`);
      }
    }
  }
});

Deno.test("the alert on limits names limits that there are", () => {
  const rules = Deno.readTextFileSync(join(INTEGRATIONS, "vigie.rules.yml"));
  const names = /limit=~"([^"]+)"/.exec(rules)![1]!.split("|");
  const known: readonly string[] = LIMIT_NAMES.map(limitLabel);
  assert.ok(names.length > 3);
  assert.deepEqual(names.filter((name) => !known.includes(name)), []);
});

interface Target {
  readonly datasource: unknown;
  readonly expr: string;
}

/** Everything that the dashboard asks of Prometheus. */
function expressionsOf(dashboard: {
  readonly panels: readonly { readonly targets: readonly Target[] }[];
  readonly annotations: { readonly list: readonly { readonly expr: string }[] };
  readonly templating: { readonly list: readonly { readonly definition?: string }[] };
}): string[] {
  const ofVariables = dashboard.templating.list.flatMap(({ definition }) =>
    /^label_values\((.*), \w+\)$/.exec(definition ?? "")?.[1] ?? []
  );
  return [
    ...dashboard.panels.flatMap(({ targets }) => targets.map(({ expr }) => expr)),
    ...dashboard.annotations.list.map(({ expr }) => expr),
    ...ofVariables,
  ];
}

async function deliver(analyzer: Analyzer, line: string): Promise<void> {
  const response = await fetch(`${analyzer.url}/logs`, {
    method: "POST",
    headers: { "Content-Type": "application/x-ndjson" },
    body: `${line}\n`,
  });
  assert.equal(response.status, 200, await response.text());
}

/** A Prometheus of its own that scrapes one program every second, by our files. */
class Prometheus implements AsyncDisposable {
  readonly #program: Program;
  readonly #url: string;

  private constructor(program: Program, url: string) {
    this.#program = program;
    this.#url = url;
  }

  static async start(
    path: string,
    directory: TemporaryDirectory,
    target: string,
  ): Promise<Prometheus> {
    const example = Deno.readTextFileSync(join(INTEGRATIONS, "prometheus.yml"));
    const configuration = directory.write(
      "prometheus.yml",
      example.replaceAll("15s", "1s").replace("127.0.0.1:8000", target)
        .replace("vigie.rules.yml", join(INTEGRATIONS, "vigie.rules.yml")),
    );
    const address = `127.0.0.1:${freePort()}`;
    const program = new Program(path, [
      `--config.file=${configuration}`,
      `--storage.tsdb.path=${directory.join("prometheus")}`,
      `--web.listen-address=${address}`,
      "--log.level=warn",
    ]);
    const prometheus = new Prometheus(program, `http://${address}`);
    await prometheus.#retry(async () => {
      const response = await fetch(`${prometheus.#url}/-/ready`);
      await response.body?.cancel();
      return response.ok;
    }, () => `it is not ready: ${program.stderr.text}`);
    return prometheus;
  }

  // deno-lint-ignore no-explicit-any -- the JSON of another program
  async get(path: string, parameters: Record<string, string> = {}): Promise<any> {
    const response = await fetch(`${this.#url}${path}?${new URLSearchParams(parameters)}`);
    const answer = await response.json();
    assert.equal(answer.status, "success", `${JSON.stringify(parameters)}: ${answer.error}`);
    return answer;
  }

  // deno-lint-ignore no-explicit-any -- the JSON of another program
  async query(query: string): Promise<any> {
    return await this.get("/api/v1/query", { query });
  }

  /** Waits until a query has a result. */
  async until(query: string): Promise<void> {
    await this.#retry(
      async () => (await this.query(query)).data.result.length > 0,
      () => `no ${query}: ${this.#program.stderr.text}`,
    );
  }

  async #retry(attempt: () => Promise<boolean>, facts: () => string): Promise<void> {
    let isOver = false;
    const trying = (async () => {
      while (!isOver && !await attempt().catch(ignoreRefused)) {
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    })();
    try {
      await beforeDeadline(trying, facts);
    } finally {
      isOver = true;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#program[Symbol.asyncDispose]();
  }
}

/** It does not listen yet. */
function ignoreRefused(exception: unknown): boolean {
  if (exception instanceof TypeError) return false;
  throw exception;
}
