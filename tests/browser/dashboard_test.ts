import assert from "node:assert/strict";
import { source } from "../support/fake_analyzer.ts";
import { chartRows, prepareBrowser, testPage, until } from "./support.ts";

prepareBrowser();

testPage("shows at once whether it is bad now", {}, async ({ page, fake }) => {
  const sentence = page.locator(".verdict-sentence");
  await sentence.getByText("Quiet: 12 errors a minute, as usual").waitFor();
  assert.equal(await page.locator(".verdict").getAttribute("data-level"), "usual");
  const figures = await page.locator(".figure-value").allInnerTexts();
  assert.deepEqual(figures, ["12", "2.1%", "947"]);

  fake.rates = {
    errors_per_minute: 64,
    error_rate: 0.07,
    errors_per_minute_hour_before: 20,
    error_rate_hour_before: 0.021,
  };
  await fake.tellStatus();
  await sentence.getByText("Errors are 3.2 times what they were in the hour before").waitFor();
  assert.equal(await page.locator(".verdict").getAttribute("data-level"), "bad");
  // Also where only the tab is seen.
  assert.match(await page.title(), /^Errors are 3.2 times .* – vigie$/);
  // Who listens hears it once, and not every number after it.
  const heard = page.locator(".only-heard");
  assert.match(await heard.innerText(), /^Errors are 3.2 times/);
  fake.rates = { ...fake.rates, errors_per_minute: 66 };
  await fake.tellStatus();
  await sentence.getByText("Errors are 3.3 times").waitFor();
  assert.match(await heard.innerText(), /^Errors are 3.2 times/);
});

testPage("is usable within a second", {}, async ({ page, fake }) => {
  await page.locator(".urls tbody tr").first().waitFor();
  const startedAtMs = performance.now();
  await page.goto(fake.url);
  await page.locator(".urls tbody tr").first().waitFor();
  await page.locator(".uplot canvas").nth(2).waitFor();
  const tookMs = performance.now() - startedAtMs;
  console.log(`usable after ${Math.round(tookMs)} ms`);
  // A machine that builds is busy with other things too.
  assert.ok(tookMs < 3000, `${tookMs} ms`);
});

testPage("draws errors as they come, and the open window as open", {}, async ({ page, fake }) => {
  const before = await chartRows(page);
  assert.match(before[0]![0]!, /still open/);
  assert.ok(!before[1]![0]!.includes("still open"));
  await fake.fail({ url: "/new/failure", status: 500 }, 70);
  const count = Number(before[0]![1]);
  await until(() => chartRows(page), (rows) => Number(rows[0]![1]) === count + 70);
  // Newest first among the raw errors, too.
  await page.locator(".errors").getByText("/new/failure").first().waitFor();

  await fake.closeWindow();
  const after = await until(
    () => chartRows(page),
    ([open]) => open![0] !== before[0]![0] && open![0]!.includes("still open"),
  );
  assert.equal(after[1]![1], String(count + 70));
  assert.ok(!after[1]![0]!.includes("still open"));
  // The table of URLs counts closed windows.
  await page.locator(".urls").getByText("/new/failure").waitFor();
});

testPage(
  "tells each source's state with its reason, and shows lines that were left out",
  {},
  async ({ page, fake }) => {
    fake.sources = [
      source("tcp://127.0.0.1:9999"),
      source("tcp://10.0.0.7:9999", {
        phase: "waiting",
        connections: 0,
        reason: "connection refused",
      }),
    ];
    await page.locator(".source").first().waitFor();
    await fake.tellStatus();
    const lost = page.locator(".source[data-phase=waiting]");
    await lost.waitFor();
    // What is read may look well without it.
    await page.locator(".as-of").getByText("1 of 2 sources is not connected").waitFor();
    assert.match(
      await lost.innerText(),
      /tcp:\/\/10\.0\.0\.7:9999\s+not connected.*: connection refused/,
    );

    await page.getByRole("button", { name: "11 malformed" }).click();
    const sample = page.locator("#left-out-sample");
    assert.match(
      await sample.innerText(),
      /Latest not json\s+GET \/healthz HTTP\/1\.1\s+Latest bad ip\s+It is not shown/,
    );
    await page.getByRole("button", { name: "120 late" }).click();
    assert.match(
      await sample.innerText(),
      /Latest late\s+\{"timestamp":.*\}\s+Newest windows that they missed, UTC\s+Late\s+Errors\s+\d{4}-\d\d-\d\d \d\d:\d0 – .*\s12\s+1\s/,
    );
    await page.getByRole("button", { name: "0 future" }).click();
    assert.match(await sample.innerText(), /None came since this program was started/);

    fake.sources = [fake.sources[1]!];
    await fake.tellStatus();
    const sentence = page.locator(".verdict-sentence");
    await sentence.getByText("Nothing is being read: the source is not connected").waitFor();
    assert.match(await page.title(), /^Nothing is being read/);
  },
);

testPage("asks for long ranges in few points", { windowCount: 3000 }, async ({ page }) => {
  await page.getByRole("button", { name: "24 h" }).click();
  await page.getByText("Errors per 5 min").waitFor();
  const rows = await until(() => chartRows(page), (rows) => rows.length > 280);
  assert.ok(rows.length <= 289, `${rows.length}`);
  assert.match(page.url(), /#range=24h$/);
  assert.equal(
    await page.getByRole("button", { name: "24 h" }).getAttribute("aria-pressed"),
    "true",
  );
});

testPage(
  "filters everything by a URL or a status, and a link shows the same",
  {},
  async ({ page, fake, context }) => {
    const urls = page.locator(".urls tbody tr");
    await urls.first().waitFor();
    const url = (await urls.nth(2).locator(".url").innerText()).trim();
    const count = (await urls.nth(2).locator(".number").first().innerText()).trim();
    await urls.nth(2).locator(".url").click();
    await until(() => urls.count(), (count) => count === 1);
    await until(
      async () => new Set(await page.locator(".error-request .log-text").allInnerTexts()),
      (texts) => [...texts].every((text) => text === url || /^[A-Z]+$/.test(text)),
    );
    await page.getByText("Share of all requests that are errors of this URL").waitFor();
    await page.getByText("Not counted by URL over time").waitFor();
    // The axis of time stands below the last chart that there is.
    const heights = await page.evaluate(
      "[...document.querySelectorAll('.uplot')].map((chart) => chart.clientHeight)",
    );
    assert.deepEqual(heights, [200, 104 + 28]);
    const rows = await until(
      () => chartRows(page),
      (rows) => rows.every((row) => row.at(-1) === "–"),
    );
    assert.equal(rows.reduce((sum, row) => sum + Number(row[1]), 0), Number(count));

    const status = await page.locator(".urls .status").first().innerText();
    await page.locator(".urls .status").first().click();
    const code = /\d{3}/.exec(status)![0];
    await page.locator(".chip").getByText(`status ${code}`).waitFor();
    await until(
      () => page.locator(".errors .status").allInnerTexts(),
      (all) => all.length > 0 && all.every((text) => text === code),
    );

    const other = await context.newPage();
    await other.goto(page.url());
    await other.locator(".urls tbody tr").first().waitFor();
    assert.equal(await other.locator(".urls tbody tr").count(), 1);
    assert.deepEqual(await other.locator(".chip-text").allInnerTexts(), [`status ${code}`, url]);
    assert.deepEqual((await chartRows(other)).length > 0, true);
    await other.close();

    // The way back leads through the views.
    await page.goBack();
    await until(() => page.locator(".chip").count(), (count) => count === 1);
    await page.getByRole("button", { name: "Show all URLs again" }).first().click();
    await until(() => urls.count(), (count) => count > 1);
    assert.equal(page.url(), fake.url);
    // Who goes on by keyboard goes on from there, and not from the top.
    const focused = await page.evaluate("document.activeElement.className");
    assert.equal(focused, "filters");
  },
);

testPage("chooses a range by dragging, and keeps it in the address", {}, async ({ page, fake }) => {
  await page.locator(".urls tbody tr").first().waitFor();
  const box = (await page.locator(".u-over").first().boundingBox())!;
  const readout = page.locator(".readout-time");
  await page.mouse.move(box.x + box.width * 0.25, box.y + 60);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width * 0.4, box.y + 70, { steps: 5 });
  // What comes meanwhile is drawn, and leaves the drag alone: also a status that was not seen before.
  await fake.fail({ url: "/new/failure", status: 504 }, 90);
  await page.locator(".errors").getByText("/new/failure").first().waitFor();
  await page.mouse.move(box.x + box.width * 0.5, box.y + 70, { steps: 5 });
  const under = await readout.innerText();
  // All charts point at the same time.
  const cursors = await page.evaluate(
    "[...document.querySelectorAll('.u-cursor-x')].map((line) => getComputedStyle(line).transform)",
  ) as string[];
  assert.equal(new Set(cursors).size, 1);
  fake.requests.length = 0;
  await page.mouse.up();
  await until(() => Promise.resolve(page.url()), (url) => url.includes("from="));
  assert.match(under, /\d\d:\d\d(:30)? – /);
  const hash = new URLSearchParams(new URL(page.url()).hash.slice(1));
  const [from, to] = [Date.parse(hash.get("from")!), Date.parse(hash.get("to")!)];
  assert.ok(Math.abs((to - from) - 15 * 60_000) <= 60_000, `${to - from}`);
  assert.equal(from % 30_000, 0);
  const rows = await until(() => chartRows(page), (rows) => rows.length <= 32);
  // Three charts share the selection, and one asks.
  assert.equal(fake.requests.filter((path) => path === "/summary").length, 1);
  // A fixed range stands still, whatever comes.
  await fake.closeWindow();
  await fake.tellStatus();
  assert.deepEqual(await chartRows(page), rows);
  await page.getByRole("button", { name: "Go back to the last hour" }).click();
  await until(() => chartRows(page), (rows) => rows.length > 100);
});

testPage(
  "finds raw errors, freezes them, and opens one to its whole record",
  {},
  async ({ page, fake }) => {
    const rows = page.locator(".error");
    await rows.first().waitFor();
    const timeMs = fake.openStartMs + 1000;
    await fake.fail({ timeMs, url: "/needle", extra: { trace: "c0ffee" } });
    const search = page.getByLabel("Search in the raw errors");
    const historyLength = await page.evaluate("history.length");
    await search.fill("C0FFEE");
    await until(() => rows.count(), (count) => count === 1);
    assert.match(page.url(), /#search=C0FFEE$/);
    await rows.first().getByRole("button", { name: "/needle" }).click();
    assert.match(await page.locator(".record pre").innerText(), /"trace": "c0ffee"/);
    // Whoever reads a record does not want it to move.
    await page.getByRole("button", { name: "Frozen" }).waitFor();
    await fake.fail({ timeMs: timeMs + 1, url: "/needle/2", extra: { trace: "c0ffee" } });
    await fake.closeWindow();
    await page.getByRole("button", { name: "Frozen" }).click();
    await until(() => rows.count(), (count) => count === 2);
    assert.match(await rows.first().innerText(), /\/needle\/2/);

    // Who types on while the answer comes loses no letter, and goes back in one step.
    await search.fill("");
    await search.pressSequentially("c0ffee", { delay: 150 });
    assert.equal(await search.inputValue(), "c0ffee");
    await until(() => Promise.resolve(page.url()), (url) => url.endsWith("#search=c0ffee"));
    assert.equal(await page.evaluate("history.length"), historyLength);

    await search.fill("nobody wrote this");
    await page.getByText("No error holds what you look for").waitFor();
    await search.fill("");
    await until(() => rows.count(), (count) => count === 25);
    await page.getByRole("button", { name: "Show older" }).click();
    await until(() => rows.count(), (count) => count === 50);
  },
);

testPage(
  "comes back after a restart of the server, and fills the gap",
  {},
  async ({ page, fake, complaints }) => {
    const before = await chartRows(page);
    await fake.stop();
    await page.getByText("Connection lost, next try in").waitFor();
    await page.getByText("before the connection was lost").waitFor();
    assert.match(await page.locator(".connection-reason").innerText(), /^The server /);
    assert.equal(await page.title(), "No connection – vigie");
    await fake.fail({}, 5);
    const openCount = String(Number(before[0]![1]) + 5);
    for (let i = 0; i < 3; i++) await fake.closeWindow();
    fake.start();
    await page.getByText("Live", { exact: true }).first().waitFor();
    const after = await until(() => chartRows(page), (rows) => rows[3]?.[1] === openCount);
    assert.ok(after.slice(1, 4).every(([time]) => !time!.includes("still open")));
    const times = after.map(([time]) => time!.slice(0, 8));
    assert.equal(new Set(times).size, times.length);
    assert.equal(after.length, before.length);
    // The browser itself says so when a connection is cut.
    assert.ok(complaints.splice(0).every((text) => /ERR_|Failed to fetch|network/i.test(text)));
  },
);

testPage("says that now is where the log is, when that is long ago", {
  endMs: Date.parse("2025-05-30T18:53:00Z"),
}, async ({ page }) => {
  const asOf = page.locator(".as-of");
  await asOf.getByText("where the log").waitFor();
  assert.match(
    await asOf.innerText(),
    /“Now” is 2025-05-30 18:53:15 UTC, where the log is: .* ago/,
  );
  const rows = await chartRows(page);
  assert.equal(rows.length, 120);
  // UTC, and on hover where the reader lives.
  assert.match((await asOf.locator("time").getAttribute("title"))!, /20:53:15 CEST \(your time\)/);
});

testPage(
  "asks for the token where there is one, once",
  { token: "correct-horse-battery" },
  async ({ page, fake, context, complaints }) => {
    await page.getByText("This vigie is locked").waitFor();
    await page.getByLabel("Token").fill("wrong");
    await page.getByRole("button", { name: "Open" }).click();
    await page.getByText("That is not the token").waitFor();
    // Without a click: the field has the focus.
    await page.keyboard.type("correct-horse-battery");
    await page.keyboard.press("Enter");
    await page.locator(".urls tbody tr").first().waitFor();
    await page.getByText("Live", { exact: true }).first().waitFor();
    await page.reload();
    await page.locator(".urls tbody tr").first().waitFor();
    assert.ok(!page.url().includes("correct"));
    const other = await context.newPage();
    await other.goto(fake.url);
    await other.getByText("This vigie is locked").waitFor();
    assert.ok(complaints.splice(0).every((text) => text.includes("401")));
  },
);

testPage(
  "says that raw errors are not kept, and shows the rest",
  { isUnsaved: true },
  async ({ page, fake, complaints }) => {
    await page.getByText("Raw errors are not kept in this run").waitFor();
    await page.locator(".urls tbody tr").first().waitFor();
    // It is not asked again and again.
    fake.requests.length = 0;
    await fake.fail();
    await fake.closeWindow();
    await until(() => Promise.resolve(fake.requests), (paths) => paths.includes("/summary"));
    assert.ok(!fake.requests.includes("/errors"));
    assert.ok(complaints.splice(0).every((text) => text.includes("404")));
  },
);

testPage("says so where there is nothing yet", { windowCount: 0 }, async ({ page }) => {
  await page.getByText("No window has closed in it yet").waitFor();
});

testPage(
  "keeps what it shows where a request fails, and tries again on a click",
  {},
  async ({ page, context, complaints }) => {
    await page.locator(".urls tbody tr").first().waitFor();
    await context.route(/\/summary\?/, (route) => route.fulfill({ status: 500, body: "{}" }));
    await page.getByRole("button", { name: "15 min" }).click();
    const failure = page.locator(".failure");
    await failure.getByText("Failing URLs are not up to date. The server answers 500.").waitFor();
    assert.ok(await page.locator(".urls tbody tr").count() > 0);
    await context.unroute(/\/summary\?/);
    await failure.getByRole("button", { name: "Try again" }).click();
    await until(() => failure.count(), (count) => count === 0);
    assert.ok(complaints.splice(0).every((text) => text.includes("500")));
  },
);
