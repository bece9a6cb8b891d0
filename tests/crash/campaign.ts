import assert from "node:assert/strict";
import { type Program, start, TemporaryDirectory } from "../end_to_end/support.ts";
import { Mulberry32 } from "../support/mulberry32.ts";
import {
  checkBeginnings,
  checkConserved,
  checkResults,
  checkSetAside,
  checkSteps,
  type Results,
} from "./checks.ts";
import { EMPTY_DISK, readDisk, readWindows } from "./disk.ts";
import { type Feed, openFeed } from "./feed.ts";
import { type Aim, firstWindow, killAsPlanned, type Moment, momentOf, planKill } from "./kill.ts";
import { makeWorkload, type Transport, type Workload } from "./workload.ts";

/** What a campaign is told. */
export interface CampaignOptions {
  readonly transport: Transport;
  readonly seed: number;
  /** After so many kills the analyzer is left to come to its end. */
  readonly killsMax: number;
}

/** What a campaign has come to; it has found nothing wrong. */
export interface CampaignReport {
  /** Says what was read. */
  readonly name: string;
  readonly lineCount: number;
  /** Where each kill has hit, in order. */
  readonly kills: readonly { readonly aim: Aim; readonly moment: Moment }[];
  /** Error lines that were set aside, and in how many files. */
  readonly setAside: { readonly lines: number; readonly files: number };
}

/**
 * One output directory from the first line of its input to the last: the analyzer is killed and
 * started again until kills or lines are used up, and what it leaves is compared with what one that
 * nobody disturbed has left of the same lines.
 *
 * @throws {Error} where anything differs; the directory is kept, and named
 */
export async function runCampaign(options: CampaignOptions): Promise<CampaignReport> {
  const { transport, seed } = options;
  const random = new Mulberry32(seed);
  const workload = await makeWorkload(transport, seed);
  const directory = new TemporaryDirectory();
  try {
    await using feed = openFeed(transport, workload, { directory, seed });
    const campaign = new Campaign(options, { random, workload, directory, feed });
    const report = await campaign.run();
    directory[Symbol.dispose]();
    return report;
  } catch (exception) {
    throw new Error(
      `Campaign of seed ${seed} over ${transport} (${workload.name}) has failed; ` +
        `what it left is in ${directory.path}`,
      // What went wrong first, not what that has kept from being tidied up.
      { cause: exception instanceof SuppressedError ? exception.suppressed : exception },
    );
  }
}

/** What an undisturbed run has left. */
interface Reference extends Results {
  /** From the start of the process to its first window. */
  readonly startMs: number;
}

class Campaign {
  readonly #options: CampaignOptions;
  readonly #random: Mulberry32;
  readonly #workload: Workload;
  readonly #directory: TemporaryDirectory;
  readonly #feed: Feed;

  constructor(options: CampaignOptions, parts: {
    readonly random: Mulberry32;
    readonly workload: Workload;
    readonly directory: TemporaryDirectory;
    readonly feed: Feed;
  }) {
    this.#options = options;
    this.#random = parts.random;
    this.#workload = parts.workload;
    this.#directory = parts.directory;
    this.#feed = parts.feed;
  }

  async run(): Promise<CampaignReport> {
    const reference = await this.#runUndisturbed();
    const setAside = { lines: 0, files: 0 };
    const kills: { aim: Aim; moment: Moment }[] = [];
    let before = EMPTY_DISK;
    for (;;) {
      this.#feed.resumeAt(before.checkpoint?.totals.lines ?? 0);
      const plan = kills.length < this.#options.killsMax
        ? planKill(this.#random, { before, startMs: reference.startMs })
        : undefined;
      await using program = this.#start(KILLED);
      if (plan !== undefined) {
        const [, output, , checkpoint] = this.#directory.options(KILLED);
        await killAsPlanned(plan, program, { output: output!, checkpoint: checkpoint! });
      }
      const { status, stdout, stderr } = await program.ended();
      const isKilled = plan !== undefined && status === STATUS_KILLED;
      assert.ok(isKilled || status === 0, `It has ended with exit status ${status}:\n${stderr}`);

      const after = await readDisk(this.#directory, KILLED);
      checkSteps(before, after);
      if (this.#isOrderFixed) checkBeginnings(after, reference.disk);
      const aside = checkSetAside(before, after, {
        stderr,
        isLive: this.#options.transport === "tcp",
        hasWorked: !isKilled || stdout.includes("\n"),
      });
      setAside.lines += aside;
      if (aside > 0) setAside.files++;
      if (!isKilled) {
        const results = { disk: after, windows: readWindows(this.#directory, KILLED) };
        checkResults(results, reference, { isOrderFixed: this.#isOrderFixed });
        const { name, lineCount } = this.#workload;
        return { name, lineCount, kills, setAside };
      }
      kills.push({ aim: plan.aim, moment: momentOf(before, after, stdout) });
      before = after;
    }
  }

  #start(name: string): Program {
    // Whether it serves decides how often it lets other things happen beside reading.
    const http = this.#random.pick([["--no-http"], ["--http", "127.0.0.1:0"]]);
    return start("analyze", [
      ...[...this.#feed.options, ...this.#workload.options, ...this.#directory.options(name)],
      ...["--checkpoint-interval", "20ms", "--output-format", "json", "--once", ...http],
    ]);
  }

  async #runUndisturbed(): Promise<Reference> {
    const startedAtMs = performance.now();
    await using program = this.#start(UNDISTURBED);
    await firstWindow(program);
    const startMs = performance.now() - startedAtMs;
    const { status, stderr } = await program.ended();
    assert.equal(status, 0, stderr);
    const disk = await readDisk(this.#directory, UNDISTURBED);
    const windows = readWindows(this.#directory, UNDISTURBED);
    checkConserved({ disk, windows }, this.#workload.lineCount);
    return { disk, windows, startMs };
  }

  /** Of several files, lines come in the order in which the files are read side by side. */
  get #isOrderFixed(): boolean {
    return this.#workload.inputs.length === 1;
  }
}

/** Names of the runs, which are those of their directories. */
const UNDISTURBED = "undisturbed";
const KILLED = "killed";

/** What `SIGKILL` makes of an exit status: 128 and its number. */
const STATUS_KILLED = 137;
