import assert from "node:assert/strict";
import { join } from "node:path";
import { assertConserved, type Metrics, PROJECT, start } from "./support.ts";

/** Port 8000, taken by us or by somebody else. */
function takePort8000(): Disposable {
  try {
    return Deno.listen({ hostname: "127.0.0.1", port: 8000 });
  } catch (exception) {
    if (!(exception instanceof Deno.errors.AddrInUse)) throw exception;
    return { [Symbol.dispose]: () => {} };
  }
}

Deno.test("demo shows closed windows at once, tells where to look, and ends on SIGINT", async () => {
  using _taken = takePort8000();
  const startedAtMs = performance.now();
  await using demo = start("demo", []);
  let output: string | undefined;
  try {
    await demo.stdout.match(/^\|\{\d{4}-\d\d-\d\d \d\d:\d\d:\d\d, .*\}\|(404|500) +\|\d/m);
    // Ten minutes in windows of half a minute, less the open one and one that is cut.
    await demo.stdout.match(/(?:rows, [^]*){18}/);
    assert.ok(performance.now() - startedAtMs < 10_000);

    const [, url] = await demo.stderr.match(
      /^ {2}Open {3}(http:\/\/127\.0\.0\.1:\d+)\/ {2}in a browser$/m,
    );
    assert.notEqual(new URL(url!).port, "8000");
    const [, path] = await demo.stderr.match(/^ {2}Files {2}(.*)$/m);
    output = path!;
    assert.equal(join(output, ".."), join(PROJECT, "output", "demo"));
    await demo.stderr.match(/Stop {3}Ctrl-C/);

    // What it says to try works.
    const { totals, closed, sources }: Metrics = await (await fetch(`${url}/metrics`)).json();
    assert.ok(totals.lines >= 30_000 && totals.errors > 0 && closed.length === 10);
    assert.equal(sources[0]!.phase, "connected");
    const { windows } = await (await fetch(`${url}/windows?limit=3`)).json();
    assert.equal(windows.length, 3);
    const { windows: open } = await (await fetch(`${url}/windows/current`)).json();
    assert.ok(open.length > 0);
    const text = await fetch(`${url}/metrics`, { headers: { accept: "text/plain" } });
    assert.match(await text.text(), /^vigie_lines_total/m);
    for (const line of demo.stderr.text.matchAll(/curl .*?(http:[^' ]+)/g)) {
      const response = await fetch(line[1]!);
      assert.equal(response.status, 200);
      await response.body?.cancel();
    }

    const signalledAtMs = performance.now();
    demo.kill("SIGINT");
    const { status, stdout, stderr } = await demo.ended();
    assert.equal(status, 0);
    assert.ok(performance.now() - signalledAtMs < 2000);
    assert.ok(!(stdout + stderr).includes("\x1b"));
    assertConserved(totals, Array.from({ length: totals.errors }, () => ""));
  } finally {
    if (output !== undefined) Deno.removeSync(output, { recursive: true });
  }
});
