import assert from "node:assert/strict";
import {
  freePort,
  LineServer,
  type Program,
  send,
  start,
  TemporaryDirectory,
} from "../end_to_end/support.ts";
import { ATTACKS, UNSAFE_TO_SHOW } from "../hostile/attacks.ts";
import { chartRows, prepareBrowser, testInBrowser, until, withPage } from "./support.ts";

prepareBrowser();

const START_MS = Date.parse("2025-05-30T18:52:30Z");

/** A log line at so many seconds after {@linkcode START_MS}. */
function line(seconds: number, record: Record<string, unknown> = {}): string {
  const timestamp = new Date(START_MS + seconds * 1000).toISOString();
  const defaults = { timestamp, ip: "192.0.2.1", method: "GET", url: "/fine", status: 200 };
  return JSON.stringify({ ...defaults, ...record }) + "\n";
}

/** One window: so many requests, and those of them that fail. */
function windowOf(index: number, errors: readonly Record<string, unknown>[]): string {
  const seconds = index * 30 + 1;
  return [
    ...Array.from({ length: 90 }, () => line(seconds)),
    ...errors.map((error) => line(seconds, error)),
  ]
    .join("");
}

/** The real program, on one port for all its starts. */
async function startAnalyzer(
  source: string,
  directory: TemporaryDirectory,
  port: number,
  options: readonly string[] = [],
): Promise<Program> {
  const program = start("analyze", [
    ...["--source", source, "--http", `127.0.0.1:${port}`, "--quiet"],
    ...directory.options(),
    ...options,
  ]);
  await program.stderr.match(/^Results: /m);
  return program;
}

testInBrowser(
  "shows what the analyzer counts, down to the record, and goes on after its restart",
  async () => {
    using directory = new TemporaryDirectory();
    await using server = new LineServer();
    const port = freePort();
    const url = `http://127.0.0.1:${port}/`;
    const errors = [
      { status: 404, url: "/a", ip: "192.0.2.1" },
      { status: 404, url: "/a", ip: "192.0.2.2", trace: "c0ffee" },
      { status: 500, url: "/b", ip: "192.0.2.2" },
    ];
    let program = await startAnalyzer(server.source, directory, port);
    try {
      const connection = await server.accept();
      for (let i = 0; i < 3; i++) await send(connection, windowOf(i, errors));
      // The watermark is 5 s behind, and closes two of them.
      await send(connection, line(71));
      await withPage(url, {}, async ({ page, complaints, strayRequests }) => {
        await page.goto(url);
        const rows = await until(() => chartRows(page), (rows) => rows.length === 3);
        const [time, ...counts] = rows[1]!;
        assert.equal(time, "18:53:00");
        assert.deepEqual(counts, ["3", "1", "2", "3.2%", "2"]);
        assert.match(rows[0]![0]!, /^18:53:30\s+still open$/);
        await page.locator(".urls tbody tr").nth(1).waitFor();
        const table = await page.locator(".urls tbody tr").allInnerTexts();
        assert.deepEqual(
          table.map((row) => row.trim().split(/\s+/)).map(([url, count]) => [url, count]),
          [["/a", "4"], ["/b", "2"]],
        );
        await until(
          async () => (await page.locator(".urls td[data-label=Clients]").allInnerTexts()).join(),
          (text) => text === "2,1",
        );
        await page.locator(".source[data-phase=connected]").waitFor();

        await page.getByLabel("Search in the raw errors").fill("C0FFEE");
        await until(() => page.locator(".error").count(), (count) => count === 3);
        await page.locator(".error-request").first().click();
        assert.match(await page.locator(".record pre").innerText(), /"trace": "c0ffee"/);

        // A URL alone, over time.
        await page.getByRole("button", { name: "/b" }).first().click();
        await until(
          () => chartRows(page),
          (rows) => rows.length === 2 && rows.every((row) => row[1] === "1"),
        );
        await page.getByRole("button", { name: "Show all URLs again" }).first().click();
        await until(() => chartRows(page), (rows) => rows.length === 3);

        program.kill("SIGTERM");
        await program.ended();
        await page.getByText("Connection lost").waitFor();
        program = await startAnalyzer(server.source, directory, port);
        const again = await server.accept();
        await send(again, windowOf(3, errors.slice(0, 1)) + windowOf(4, []) + line(160));
        const after = await until(
          () => chartRows(page),
          (rows) => rows.length === 6 && !rows[2]![0]!.includes("open"),
        );
        assert.deepEqual(after.map(([time, count]) => [time!.slice(0, 8), count]), [
          ["18:55:00", "0"],
          ["18:54:30", "0"],
          ["18:54:00", "1"],
          ["18:53:30", "3"],
          ["18:53:00", "3"],
          ["18:52:30", "3"],
        ]);
        await page.getByText("Live", { exact: true }).first().waitFor();
        assert.deepEqual(strayRequests, []);
        assert.deepEqual(complaints.filter((text) => !/ERR_|fetch|network/i.test(text)), []);
      });
    } finally {
      await program[Symbol.asyncDispose]();
    }
  },
);

testInBrowser("begins anew where the server comes back with another log", async () => {
  using directory = new TemporaryDirectory();
  using other = new TemporaryDirectory();
  await using server = new LineServer();
  const port = freePort();
  const url = `http://127.0.0.1:${port}/`;
  let program = await startAnalyzer(server.source, directory, port);
  try {
    const connection = await server.accept();
    for (let i = 10; i < 13; i++) await send(connection, windowOf(i, [{ status: 404, url: "/a" }]));
    await withPage(url, {}, async ({ page }) => {
      await page.goto(url);
      await until(() => chartRows(page), (rows) => rows.length === 3);
      await page.locator(".urls").getByText("/a").waitFor();
      program.kill("SIGTERM");
      await program.ended();
      // Of an earlier time, in longer windows.
      program = await startAnalyzer(server.source, other, port, ["--window", "1m"]);
      const again = await server.accept();
      await send(again, windowOf(0, [{ status: 500, url: "/b" }]));
      await send(again, windowOf(3, [{ status: 500, url: "/b" }, { status: 500, url: "/c" }]));
      const rows = await until(
        () => chartRows(page),
        (rows) => rows.length === 2 && rows[0]![1] === "2",
      );
      assert.deepEqual(rows.map(([time, count]) => [time!.slice(0, 8), count]), [
        ["18:54:00", "2"],
        ["18:52:00", "1"],
      ]);
      await page.locator(".urls").getByText("/b").waitFor();
      assert.equal(await page.getByText("/a", { exact: true }).count(), 0);
      await page.getByText("Errors per 1 min").waitFor();
    });
  } finally {
    await program[Symbol.asyncDispose]();
  }
});

testInBrowser("shows long ranges merged, with distinct clients that are no sums", async () => {
  using directory = new TemporaryDirectory();
  await using server = new LineServer();
  const port = freePort();
  const url = `http://127.0.0.1:${port}/`;
  await using _program = await startAnalyzer(server.source, directory, port);
  const connection = await server.accept();
  // Ten windows from 18:55 on, with the same two clients in each.
  for (let i = 5; i < 15; i++) {
    await send(
      connection,
      windowOf(i, [{ status: 404, ip: "192.0.2.1" }, { status: 404, ip: "192.0.2.2" }]),
    );
  }
  await send(connection, line(15 * 30 + 6));
  await withPage(url, {}, async ({ page, complaints }) => {
    await page.goto(`${url}#range=24h`);
    const rows = await until(
      () => chartRows(page),
      (rows) => rows.length === 2 && rows[1]![1] === "20",
    );
    assert.deepEqual(rows[1], ["18:55:00", "20", "20", "2.2%", "2"]);
    assert.deepEqual(complaints, []);
  });
});

testInBrowser("keeps hostile lines text, all the way from the socket", async () => {
  using directory = new TemporaryDirectory();
  await using server = new LineServer();
  const port = freePort();
  const url = `http://127.0.0.1:${port}/`;
  await using _program = await startAnalyzer(server.source, directory, port);
  const connection = await server.accept();
  const texts = ATTACKS.map(({ text }) => text);
  await send(
    connection,
    windowOf(0, texts.map((text) => ({ status: 404, url: text, [text]: text }))),
  );
  await send(
    connection,
    texts.map((text) => `${text.replaceAll("\n", " ")}\n`).join("") + line(40),
  );
  await withPage(url, {}, async ({ page, complaints, strayRequests }) => {
    const dialogs: string[] = [];
    page.on("dialog", (dialog) => (dialogs.push(dialog.message()), dialog.dismiss()));
    await page.goto(url);
    await page.locator(".urls tbody tr").nth(11).waitFor();
    await page.getByRole("button", { name: /^Show all/ }).click();
    await page.locator(".left-out-kind").nth(1).click();
    await page.getByRole("button", { name: "Show older" }).click();
    await until(() => page.locator(".error").count(), (count) => count === 50);
    for (let i = 0; i < 50; i += 5) await page.locator(".error-request").nth(i).click();
    const shown = await page.locator(".log-text, .record pre").allInnerTexts();
    assert.ok(shown.length > 150, `${shown.length}`);
    for (const text of shown) assert.doesNotMatch(text.replaceAll("\n", ""), UNSAFE_TO_SHOW);
    assert.equal(
      await page.locator("#app :is(script, img, iframe, style, base, object)").count(),
      0,
    );
    assert.deepEqual(dialogs, []);
    assert.deepEqual(strayRequests, []);
    assert.deepEqual(complaints, []);
  });
});
