import axe from "axe-core";
import assert from "node:assert/strict";
import { type Browser, type BrowserContext, chromium, type Page } from "playwright-core";
import { findProgram } from "../end_to_end/support.ts";
import { FakeAnalyzer, type FakeOptions } from "../support/fake_analyzer.ts";

/** How the browser of a test looks at the page. */
export interface Look {
  readonly width?: number;
  readonly height?: number;
  readonly colorScheme?: "light" | "dark";
  readonly locale?: string;
  readonly timezoneId?: string;
}

/** A page in a browser, and the analyzer that it belongs to. */
export interface Scene {
  readonly page: Page;
  readonly fake: FakeAnalyzer;
  readonly context: BrowserContext;
  /** What the page complained of on its console so far: nothing, unless a test lets it. */
  readonly complaints: string[];
  /** Addresses that the page asked for elsewhere than at its server. */
  readonly strayRequests: string[];
}

/** Sets how long a test waits for what it wants to see; nothing takes so long. */
const DEADLINE_MS = 15_000;

const executablePath = findProgram("chromium");
const isLeftOut = executablePath === undefined && Deno.env.get("CI") !== "true";

let browser: Promise<Browser> | undefined;

/**
 * One browser for all tests of a file. It must not look like a leak of the test that came first, so
 * it is started before it and closed after the last one.
 */
export function prepareBrowser(): void {
  if (isLeftOut) console.log("Left out, since chromium is not installed: tests of the dashboard");
  Deno.test.beforeAll(async () => {
    if (executablePath === undefined) return;
    // Without a sandbox, as it has to be for root and in containers: it only sees our own page.
    browser = chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-gpu"] });
    await browser;
  });
  Deno.test.afterAll(async () => {
    await (await browser)?.close();
  });
}

/** Registers a test in a real browser; where there is none it is left out, but not in CI. */
export function testInBrowser(behaviour: string, test: () => Promise<void>): void {
  Deno.test({
    name: `dashboard: ${behaviour}`,
    ignore: isLeftOut,
    // The browser's process and pipes belong to no one test.
    sanitizeOps: false,
    sanitizeResources: false,
    async fn() {
      assert.ok(executablePath, "chromium is not installed, and CI has to have it");
      await test();
    },
  });
}

/** The same for a test of the page alone, beside an analyzer that does as it is told. */
export function testPage(
  behaviour: string,
  options: FakeOptions & { readonly look?: Look; readonly path?: string },
  test: (scene: Scene) => Promise<void>,
): void {
  testInBrowser(behaviour, async () => {
    await using fake = new FakeAnalyzer(options);
    await withPage(fake.url, options.look ?? {}, async (opened) => {
      await opened.page.goto(`${fake.url}${options.path ?? ""}`);
      await test({ ...opened, fake });
      assert.deepEqual(opened.strayRequests, []);
      assert.deepEqual(opened.complaints, []);
    });
  });
}

/** Opens a page of its own for a server, and closes it afterwards. */
export async function withPage(
  url: string,
  { width = 1280, height = 900, colorScheme = "light", ...look }: Look,
  use: (opened: Omit<Scene, "fake">) => Promise<void>,
): Promise<void> {
  const context = await (await browser)!.newContext({
    viewport: { width, height },
    colorScheme,
    locale: "en-GB",
    timezoneId: "Europe/Paris",
    ...look,
  });
  const complaints: string[] = [];
  const strayRequests: string[] = [];
  try {
    context.setDefaultTimeout(DEADLINE_MS);
    await context.route("**", async (route) => {
      const address = route.request().url();
      if (address.startsWith(url)) return await route.continue();
      strayRequests.push(address);
      await route.abort();
    });
    const page = await context.newPage();
    page.on("pageerror", (exception) => complaints.push(`${exception.stack}`));
    page.on("console", (message) => {
      if (message.type() === "error") complaints.push(message.text());
    });
    await use({ page, context, complaints, strayRequests });
  } finally {
    await context.close();
  }
}

/** Numbers that the charts show, as the table beside them tells: newest first. */
export async function chartRows(page: Page): Promise<string[][]> {
  const table = page.locator(".chart-table");
  if (await table.getAttribute("open") === null) await table.locator("summary").click();
  await table.locator("tbody tr").first().waitFor();
  const rows = await table.locator("tbody tr").allInnerTexts();
  return rows.map((row) => row.split("\t").map((cell) => cell.trim()));
}

/** Waits until something that is read again and again is as wanted. */
export async function until<T>(
  read: () => Promise<T>,
  isReached: (value: T) => boolean,
): Promise<T> {
  const startedAtMs = performance.now();
  for (;;) {
    const value = await read();
    if (isReached(value)) return value;
    if (performance.now() - startedAtMs > DEADLINE_MS) {
      throw new Error(`Not reached: ${isReached}: ${JSON.stringify(value)}`);
    }
    // Leaves the processor to the browser for a moment.
    await new Promise((resolve) => setTimeout(resolve, 30));
  }
}

/** What axe finds wrong, as `rule: element` lines; nothing that is left out here is let through. */
export async function violations(page: Page): Promise<string[]> {
  // By the browser's own console, since the page's policy lets no other script in.
  await page.evaluate(axe.source);
  const { violations } = await page.evaluate("axe.run()") as axe.AxeResults;
  return violations.flatMap(({ id, impact, nodes }) =>
    nodes.map(({ html, failureSummary }) => `${id} (${impact}): ${html}: ${failureSummary}`)
  );
}

/** How most people look at a page. */
export const LOOKS: Readonly<Record<string, Look>> = {
  "light": { colorScheme: "light" },
  "dark": { colorScheme: "dark" },
  "on a phone": { colorScheme: "light", width: 360, height: 740 },
};
