import assert from "node:assert/strict";
import type { SampleKind } from "../../analyzer/decode/line_sample.ts";
import { ATTACKS, UNSAFE_TO_SHOW } from "../hostile/attacks.ts";
import { source } from "../support/fake_analyzer.ts";
import { chartRows, LOOKS, prepareBrowser, testPage, until, violations } from "./support.ts";

prepareBrowser();

for (const [name, look] of Object.entries(LOOKS)) {
  testPage(`axe finds nothing, ${name}`, { look }, async ({ page, fake }) => {
    fake.sources.push(source("tcp://10.0.0.7:9999", { phase: "waiting", reason: "refused" }));
    await page.locator(".urls tbody tr").first().waitFor();
    assert.deepEqual(await violations(page), []);

    // Everything that can be opened, and a verdict of each colour.
    await chartRows(page);
    await page.locator(".left-out-kind").nth(1).click();
    await page.locator(".error-request").first().click();
    // Also what is shown until the answer is there.
    const answers = Promise.withResolvers<void>();
    await page.route("**/windows?*", async (route) => {
      await answers.promise;
      await route.fallback();
    });
    await page.locator(".urls .status").first().click();
    await page.locator(".chart-column[data-dim=true]").waitFor();
    assert.deepEqual(await violations(page), []);
    answers.resolve();
    await page.locator(".chip").waitFor();
    const rates = { ...fake.rates, errors_per_minute: 30, error_rate: 0.05 };
    fake.rates = rates;
    await fake.tellStatus();
    await page.locator(".verdict[data-level=raised]").waitFor();
    assert.deepEqual(await violations(page), []);
    fake.rates = { ...rates, errors_per_minute: 100, error_rate: 0.5 };
    await fake.tellStatus();
    await page.locator(".verdict[data-level=bad]").waitFor();
    assert.deepEqual(await violations(page), []);
  });

  testPage(`axe finds nothing where the server is gone, ${name}`, { look }, async (scene) => {
    const { page, fake, complaints } = scene;
    await page.locator(".urls tbody tr").first().waitFor();
    await fake.stop();
    await page.getByText("Connection lost").waitFor();
    await page.getByRole("button", { name: "15 min" }).click();
    await page.locator(".failure").first().waitFor();
    assert.deepEqual(await violations(page), []);
    complaints.length = 0;
  });

  testPage(`axe finds nothing where a token is asked for, ${name}`, {
    look,
    token: "a-long-token-of-ours",
  }, async (scene) => {
    await scene.page.getByText("This vigie is locked").waitFor();
    assert.deepEqual(await violations(scene.page), []);
    await scene.page.getByLabel("Token").fill("wrong");
    await scene.page.keyboard.press("Enter");
    await scene.page.getByText("That is not the token").waitFor();
    assert.deepEqual(await violations(scene.page), []);
    scene.complaints.length = 0;
  });
}

const HOSTILE_TEXTS = ATTACKS.map(({ text }) => text);

testPage(
  "hostile log lines stay text",
  { urls: HOSTILE_TEXTS, windowCount: 300 },
  async (scene) => {
    const { page, fake } = scene;
    const dialogs: string[] = [];
    page.on("dialog", (dialog) => {
      dialogs.push(dialog.message());
      return dialog.dismiss();
    });
    const elements = await page.evaluate("document.querySelectorAll('body *').length") as number;
    assert.ok(elements > 0);
    fake.sources = HOSTILE_TEXTS.map((text) =>
      source(`tcp://${text}`, { phase: "waiting", reason: text })
    );
    fake.samples = HOSTILE_TEXTS.map((text, i) => ({
      kind: (i % 2 === 0 ? "not_json" : text) as SampleKind,
      text,
    }));
    for (const text of HOSTILE_TEXTS) {
      await fake.fail({ url: text, method: text, ip: text.slice(0, 64), extra: { [text]: text } });
    }
    await fake.closeWindow();
    await fake.tellStatus();
    await page.locator(".source[data-phase=waiting]").nth(HOSTILE_TEXTS.length - 1).waitFor();
    await page.locator(".left-out-kind").nth(1).click();
    await page.getByRole("button", { name: /^Show all/ }).click();
    await page.getByRole("button", { name: "Show older" }).click();
    await until(() => page.locator(".error").count(), (count) => count === 50);
    for (let i = 0; i < 50; i += 7) await page.locator(".error-request").nth(i).click();

    const shown = await page.locator(".log-text, .record pre").allInnerTexts();
    assert.ok(shown.length > 2 * HOSTILE_TEXTS.length, `${shown.length}`);
    for (const text of shown) assert.doesNotMatch(text.replaceAll("\n", ""), UNSAFE_TO_SHOW);
    const titles = await page.evaluate(
      "[...document.querySelectorAll('[title]')].map((element) => element.title)",
    ) as string[];
    for (const title of titles) assert.doesNotMatch(title, UNSAFE_TO_SHOW);
    // No text has become an element, an attribute or an address.
    const made = await page.evaluate(`[...document.querySelectorAll(
    '#app :is(script, img, iframe, style, base, link, object, form, a:not(.skip, .docs-link)), #app [onerror], #app [onload], #app [onmouseover]'
  )].map((element) => element.outerHTML)`);
    assert.deepEqual(made, []);
    const isolated = await page.evaluate(
      "[...document.querySelectorAll('.log-text')].every((text) => text.tagName === 'BDI')",
    );
    assert.equal(isolated, true);

    // As a filter it goes through the address and back.
    for (
      const text of [
        "<script>alert(1)</script>",
        "../../../../etc/passwd",
        "%s%n%x%p%d",
        "__proto__",
      ]
    ) {
      await page.goto(`${fake.url}#${new URLSearchParams({ url: text, search: text })}`);
      await page.reload();
      await page.locator(".chip .log-text").getByText(text).waitFor();
      await until(() => page.locator(".urls tbody tr").count(), (count) => count === 1);
      assert.equal(await page.locator(".search").inputValue(), text);
    }
    assert.deepEqual(dialogs, []);
  },
);

testPage("takes at most 150 KB over the wire", {}, async ({ page, context, fake }) => {
  const session = await context.newCDPSession(page);
  await session.send("Network.enable");
  const bytes = new Map<string, number>();
  const urls = new Map<string, string>();
  session.on(
    "Network.responseReceived",
    ({ requestId, response }) => urls.set(requestId, response.url),
  );
  session.on("Network.loadingFinished", ({ requestId, encodedDataLength }) => {
    bytes.set(requestId, encodedDataLength);
  });
  await context.clearCookies();
  await session.send("Network.setCacheDisabled", { cacheDisabled: true });
  await page.reload();
  await page.locator(".urls tbody tr").first().waitFor();
  const isPage = (url: string) => url === fake.url || url.includes("/assets/");
  const sum = [...bytes].filter(([id]) => isPage(urls.get(id) ?? "")).reduce(
    (sum, [, size]) => sum + size,
    0,
  );
  console.log(`${(sum / 1000).toFixed(1)} kB in ${bytes.size} answers`);
  assert.ok(sum > 30_000 && sum <= 150_000, `${sum}`);

  // What has not changed is not sent again.
  bytes.clear();
  await session.send("Network.setCacheDisabled", { cacheDisabled: false });
  const statuses: number[] = [];
  page.on("response", (response) => {
    if (isPage(response.url())) statuses.push(response.status());
  });
  await page.reload();
  await page.reload();
  await page.locator(".urls tbody tr").first().waitFor();
  const again = await context.request.get(`${fake.url}assets/main.js`);
  const revalidated = await context.request.get(`${fake.url}assets/main.js`, {
    headers: { "If-None-Match": again.headers()["etag"]! },
  });
  assert.equal(revalidated.status(), 304);
});

testPage("can be used by keyboard alone", {}, async ({ page, fake }) => {
  await page.locator(".urls tbody tr").first().waitFor();
  const focused = () =>
    page.evaluate(
      "(document.activeElement?.getAttribute('aria-label') ?? document.activeElement?.textContent)?.trim()",
    ) as Promise<string>;
  const tabTo = async (isThere: (text: string) => boolean) => {
    for (let i = 0; i < 80; i++) {
      await page.keyboard.press("Tab");
      if (isThere(await focused() ?? "")) {
        const outline = await page.evaluate(
          "getComputedStyle(document.activeElement).outlineStyle",
        );
        assert.notEqual(outline, "none");
        return;
      }
    }
    assert.fail(`Tab never gets there: ${isThere}, now at ${await focused()}`);
  };
  // A range.
  await tabTo((text) => text === "15 min");
  await page.keyboard.press("Enter");
  const span = page.locator(".filters-span");
  await until(() => span.innerText(), (text) => spanMinutes(text) === 15);
  // A line that was left out.
  await tabTo((text) => /malformed$/.test(text));
  await page.keyboard.press("Enter");
  await page.getByText("Latest not json").waitFor();
  // A part of it, in the charts.
  await tabTo((text) => text.startsWith("Charts of errors"));
  const readout = page.locator(".readout-time");
  await page.keyboard.press("ArrowLeft");
  const first = await readout.innerText();
  await page.keyboard.press("ArrowLeft");
  assert.notEqual(await readout.innerText(), first);
  for (let i = 0; i < 5; i++) await page.keyboard.press("Shift+ArrowLeft");
  await page.keyboard.press("Enter");
  await until(() => span.innerText(), (text) => spanMinutes(text) === 3);
  assert.match(page.url(), /from=.*&to=/);
  // A URL, and a record, once the answers of this range are there.
  await page.locator("[aria-labelledby=urls-title][aria-busy=false] tbody tr").first().waitFor();
  await tabTo((text) => text.startsWith("/"));
  await page.keyboard.press("Enter");
  await page.locator(".chip .log-text").waitFor();
  await page.locator(".error-request").first().waitFor();
  await tabTo((text) => /^(?:GET|POST|HEAD)\s*\//.test(text));
  await page.keyboard.press("Enter");
  await page.locator(".record pre").waitFor();
  // And the way to the table without all the buttons before it.
  await page.goto(fake.url);
  await page.locator(".urls tbody tr").first().waitFor();
  await page.keyboard.press("Tab");
  assert.equal(await focused(), "To the failing URLs");
  await page.keyboard.press("Enter");
  assert.equal(await page.evaluate("document.activeElement.closest('.urls') !== null"), true);
});

/** Length of a time as the page writes it, such as `2025-05-30 18:50 – 18:52:30 UTC`. */
function spanMinutes(text: string): number {
  const [from, to] = [...text.matchAll(/(\d\d):(\d\d)(?::(\d\d))?/g)].map(([, h, m, s = "0"]) =>
    Number(h) * 60 + Number(m) + Number(s) / 60
  );
  return (to! - from! + 1440) % 1440;
}

testPage("fits into every width from a small phone to a wide screen", {}, async (scene) => {
  const { page, fake } = scene;
  await page.locator(".urls tbody tr").first().waitFor();
  const long = `/${"a".repeat(3000)}`;
  await fake.fail({ url: long, status: 500, extra: { [long]: long } }, 90);
  await fake.closeWindow();
  await page.locator(".urls").getByText(/^\/aaaa/).first().waitFor();
  await page.locator(".error-request").getByText(/^\/aaaa/).first().click();
  await page.locator(".record pre").waitFor();
  for (const width of [320, 390, 768, 1024, 1280, 2560]) {
    await page.setViewportSize({ width, height: 900 });
    // Charts are drawn anew in their new width.
    const fits = await until(
      () =>
        page.evaluate(
          "[document.documentElement.scrollWidth, document.documentElement.clientWidth]",
        ) as Promise<[number, number]>,
      ([scrollWidth, clientWidth]) => scrollWidth <= clientWidth,
    );
    assert.equal(fits[1], width);
  }
});

testPage("follows the reader's locale, and the theme that was chosen", {
  look: { locale: "de-DE" },
}, async ({ page, fake }) => {
  fake.rates = { ...fake.rates, error_rate: 0.125, errors_per_minute: 1234 };
  await page.locator(".figure-value").first().waitFor();
  await fake.tellStatus();
  await page.locator(".figure-value").getByText("1.234").waitFor();
  assert.match(await page.locator(".figure-value").nth(1).innerText(), /^12,5\s%$/);
  assert.match((await page.locator(".as-of time").getAttribute("title"))!, /MEZ|MESZ/);

  const ground = () => page.evaluate("getComputedStyle(document.body).backgroundColor");
  const light = await ground();
  await page.getByRole("button", { name: "Switch to dark" }).click();
  assert.notEqual(await ground(), light);
  await page.reload();
  await page.getByRole("button", { name: "Switch to light" }).waitFor();
  assert.notEqual(await ground(), light);
});
