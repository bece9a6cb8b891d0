import assert from "node:assert/strict";
import { LOOKS, prepareBrowser, testPage, violations } from "./support.ts";

prepareBrowser();

for (const [name, look] of Object.entries(LOOKS)) {
  testPage(`axe finds nothing in what describes the routes, ${name}`, {
    look,
    path: "docs",
  }, async ({ page }) => {
    await page.getByRole("heading", { name: "The HTTP interface of vigie" }).waitFor();
    assert.deepEqual(await violations(page), []);
    // A link leads to the shape that it names.
    await page.locator("#listWindows").getByRole("link", { name: "WindowPage" }).click();
    assert.equal(new URL(page.url()).hash, "#schema-WindowPage");
    const table = page.getByRole("table").and(page.locator("#schema-WindowPage table"));
    assert.equal(await table.getByRole("rowheader").count(), 2);
  });
}

for (const width of [320, 390, 768, 1280]) {
  testPage(`what describes the routes fits into ${width} pixels`, {
    look: { width },
    path: "docs",
  }, async ({ page }) => {
    const [scrollWidth, clientWidth] = await page.evaluate(
      "[document.documentElement.scrollWidth, document.documentElement.clientWidth]",
    ) as [number, number];
    assert.ok(scrollWidth <= clientWidth, `${scrollWidth} > ${clientWidth}`);
    if (width < 640) {
      const wide = await page.evaluate(
        "[...document.querySelectorAll('.docs-table')].filter((table) => table.scrollWidth > table.clientWidth).length",
      );
      assert.equal(wide, 0, "nobody has to scroll a table on a phone");
    }
  });
}

testPage(
  "the dashboard leads to what describes the routes, and that back",
  {},
  async ({ page, fake }) => {
    await page.getByRole("link", { name: "HTTP interface" }).click();
    await page.waitForURL(`${fake.url}docs`);
    await page.getByRole("link", { name: "vigie" }).click();
    await page.locator(".urls tbody tr").first().waitFor();
    assert.equal(page.url().replace(/#.*/, ""), fake.url);
  },
);
