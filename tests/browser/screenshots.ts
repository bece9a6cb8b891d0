/**
 * Takes the pictures of the dashboard that the README shows: `deno task screenshots`. They are made
 * of the traffic of the demo, whose seed is fixed, over a bit more than an hour, so that there is an
 * hour before to compare with; only the times in them are those of the day.
 *
 * Wants Chromium, and the font Inter (Debian's fonts-inter): the page takes that of the reader's
 * system, and Chromium's own in a bare container is not what readers have.
 *
 * @module
 */
import { chromium, devices } from "playwright-core";
import {
  Analyzer,
  findProgram,
  freePort,
  Program,
  taskArguments,
  TemporaryDirectory,
} from "../end_to_end/support.ts";

const IMAGES = new URL("../../docs/images/", import.meta.url);

/** Pictures that take longer to load than the page itself help nobody. */
const BYTES_MAX = 200_000;

/** Traffic with everything in it that the page has a place for. */
const TRAFFIC = [
  ...["--seed", "7", "--rate", "30", "--urls", "100", "--ips", "500", "--backfill", "125m"],
  ...[
    "--status-dist",
    "97,2,1",
    "--burst",
    `500:x12@${burstSeconds()}s/150s`,
    "--late",
    "0.1%@45s",
  ],
  ...["--malformed", "0.02%"],
];

const VIEWS = {
  "dashboard-light": { viewport: { width: 1280, height: 1280 }, colorScheme: "light" },
  "dashboard-dark": { viewport: { width: 1280, height: 1280 }, colorScheme: "dark" },
  "dashboard-phone": {
    ...devices["Pixel 7"],
    viewport: { width: 390, height: 1330 },
    deviceScaleFactor: 1.5,
    colorScheme: "light",
  },
} as const;

const executablePath = findProgram("chromium");
if (executablePath === undefined) throw new Error("Cannot take pictures: install chromium");

using directory = new TemporaryDirectory();
const port = freePort();
await using _generator = new Program(Deno.execPath(), [
  ...taskArguments("gen"),
  ...TRAFFIC,
  "--listen",
  String(port),
]);
await _generator.stderr.match(/./);
await using analyzer = await Analyzer.start([
  ...["--source", `tcp://127.0.0.1:${port}`, "--quiet"],
  ...directory.options(),
]);
const browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
try {
  // The history comes at once, and the page is worth a look when it has all been read.
  await analyzer.until(({ closed }) => closed.length > 0 && isNow(closed[0]!.end));
  for (const [name, view] of Object.entries(VIEWS)) {
    const context = await browser.newContext({ ...view, locale: "en-GB" });
    const page = await context.newPage();
    await page.goto(`${analyzer.url}/`);
    await page.locator(".urls tbody tr").nth(5).waitFor();
    await page.locator('.verdict:not([data-level="unknown"])').waitFor();
    await page.locator(".error").first().waitFor();
    await page.waitForTimeout(2500);
    const image = await page.screenshot();
    if (image.length > BYTES_MAX) throw new Error(`${name} takes ${image.length} bytes`);
    await Deno.writeFile(new URL(`${name}.png`, IMAGES), image);
    console.log(`docs/images/${name}.png  ${(image.length / 1000).toFixed(0)} kB`);
    await context.close();
  }
} finally {
  await browser.close();
}

/**
 * A period of troubles that begin anew about two minutes before now, so that there is something to
 * see: they begin at multiples of the period since 1970.
 */
function burstSeconds(): number {
  const readySeconds = Date.now() / 1000 + 15;
  for (let seconds = 1500; seconds < 3600; seconds++) {
    const since = readySeconds % seconds;
    if (since > 90 && since < 110) return seconds;
  }
  throw new Error("There is always one: 1 in 100 has such a rest");
}

function isNow(end: string): boolean {
  return Date.now() - Date.parse(end) < 60_000;
}
