import type { Program } from "../end_to_end/support.ts";
import type { Mulberry32 } from "../support/mulberry32.ts";
import { type Disk, tailsOf } from "./disk.ts";

/** What a kill aims at. Where it hits is for the disk to say: see {@linkcode momentOf}. */
export type Aim = "start" | "recovery" | "work" | "checkpoint";

/** When an analyzer is to be killed. */
export interface KillPlan {
  readonly aim: Aim;
  /** How long after what it waits for. */
  readonly delayMs: number;
  /** The checkpoint it waits for, counted from its first window on. */
  readonly checkpointCount: number;
  /** The step of that checkpoint, or of recovery, which it waits for. */
  readonly step: "windows" | "file";
}

/**
 * Plans a random kill. Of ten
 *
 * - one comes at any time from the start of the process to its first window,
 * - three within 150 ms after the first window that is printed, early ones more often,
 * - five at or soon after a step of a checkpoint on the disk: a tenth of the time only is spent in
 *   the middle of checkpoints, and much less in each of their steps,
 * - one, or five of fourteen where there is something to take back, at or soon after a step of
 *   recovery on the disk, which takes some milliseconds only.
 *
 * @param before what the run begins with
 * @param startMs how long the analyzer takes from its start to its first window
 */
export function planKill(
  random: Mulberry32,
  { before, startMs }: { readonly before: Disk; readonly startMs: number },
): KillPlan {
  const hasRest = before.laterRows !== undefined || tailBytesOf(before) > 0;
  const aim = random.pick([
    ...before.checkpoint === undefined ? FIRST_AIMS : AIMS,
    ...hasRest ? RECOVERY_AIMS : [],
  ]);
  const delaysMs: Readonly<Record<Aim, number>> = {
    start: random.next() * startMs,
    work: random.next() ** 2 * WORK_MS_MAX,
    // Most of them at once.
    recovery: random.pick([0, 0, random.below(5)]),
    checkpoint: random.pick([0, 0, random.below(5)]),
  };
  return {
    aim,
    delayMs: delaysMs[aim],
    checkpointCount: 1 + random.below(4),
    step: random.pick(["windows", "file"]),
  };
}

const AIMS: readonly Aim[] = [
  ...["start", "recovery"] as const,
  ...["work", "work", "work"] as const,
  ...["checkpoint", "checkpoint", "checkpoint", "checkpoint", "checkpoint"] as const,
];

const FIRST_AIMS: readonly Aim[] = ["start", "work"];

const RECOVERY_AIMS: readonly Aim[] = Array(4).fill("recovery");

const WORK_MS_MAX = 150;

/** Kills a program that has just been started, as planned, unless it ends before. */
export async function killAsPlanned(
  { aim, delayMs, checkpointCount, step }: KillPlan,
  program: Program,
  directories: { readonly output: string; readonly checkpoint: string },
): Promise<void> {
  if (aim === "recovery") {
    // First the database is rolled back, then error files are set aside and cut.
    const isStep = step === "windows" ? () => true : isAboutErrors;
    await seen(program, [directories.output], isStep);
  } else if (aim !== "start") {
    await firstWindow(program);
    if (aim === "checkpoint") await checkpointStep(program, directories, { step, checkpointCount });
  }
  // A timer of 0 ms takes one or two, and then the step has passed.
  if (delayMs > 0) await Promise.race([sleep(delayMs), program.ended()]);
  program.kill("SIGKILL");
}

/** Resolves once the program has printed a window or ended. */
export async function firstWindow(program: Program): Promise<void> {
  // Not lines(), whose pattern takes long over long lines. Rejects where there is none.
  await Promise.race([program.stdout.match(/\n/).catch(() => {}), program.ended()]);
}

/** Resolves once a step of a checkpoint has been seen, or the program has ended. */
async function checkpointStep(
  program: Program,
  { output, checkpoint }: { readonly output: string; readonly checkpoint: string },
  { step, checkpointCount }: Pick<KillPlan, "step" | "checkpointCount">,
): Promise<void> {
  // The windows of one checkpoint are several writes; where its file takes its name it is over.
  let filesLeft = checkpointCount;
  const ending = step === "windows" ? "-wal" : ".new";
  await seen(program, [output, `${checkpoint}/errors`], ({ kind, paths }) => {
    if (filesLeft === 0 && paths.some((path) => path.endsWith(ending))) return true;
    if (kind === "rename" && paths.length === 2) filesLeft--;
    return false;
  });
}

function isAboutErrors({ paths }: Deno.FsEvent): boolean {
  return paths.some((path) => /\/(?:errors|set_aside)(?:\/|$)/.test(path));
}

/** Resolves once such a change in the directories is seen, or the program has ended. */
async function seen(
  program: Program,
  directories: string[],
  isWanted: (event: Deno.FsEvent) => boolean,
): Promise<void> {
  const watcher = Deno.watchFs(directories);
  const events = watcher[Symbol.asyncIterator]();
  const ended = program.ended().then(() => ({ done: true, value: undefined }) as const);
  try {
    for (;;) {
      const { done, value } = await Promise.race([events.next(), ended]);
      if (done || isWanted(value)) return;
    }
  } finally {
    watcher.close();
  }
}

function sleep(durationMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, durationMs));
}

/** Where a kill has hit, as far as the disk can tell. */
export const MOMENTS = [
  "before the first checkpoint",
  "while starting",
  "in recovery or right behind it",
  "between two checkpoints, no sign of newer work",
  "between two checkpoints, newer work lost",
  "in the middle of one, windows committed",
  "in the middle of one, its file begun",
] as const;

/** One of {@linkcode MOMENTS}. */
export type Moment = typeof MOMENTS[number];

/** Moments in the middle of a checkpoint. */
export const IN_CHECKPOINT: readonly Moment[] = [
  "in the middle of one, windows committed",
  "in the middle of one, its file begun",
];

/**
 * Tells where a kill has hit, from what was on the disk before and after that run and from the
 * windows that it printed. Traces that an earlier kill left do not count again. A checkpoint that
 * has made error files durable and nothing else cannot be told from the time before it. Work shows
 * late, since the analyzer collects what it writes: "no sign" of work is not "no work".
 */
export function momentOf(before: Disk, after: Disk, printed: string): Moment {
  if (after.checkpoint === undefined) return "before the first checkpoint";
  if (after.begun.some((writing) => !before.begun.includes(writing))) {
    return "in the middle of one, its file begun";
  }
  if (after.laterRows !== undefined && after.laterRows !== before.laterRows) {
    return "in the middle of one, windows committed";
  }
  const { epoch } = after.checkpoint;
  const isSame = epoch === (before.checkpoint?.epoch ?? 0);
  const [tailBefore, tailAfter] = [before, after].map(tailBytesOf) as [number, number];
  const printedUpToMs = lastWindowEndMs(printed);
  if (printedUpToMs === undefined && isSame && tailAfter <= tailBefore) {
    const isTakenBack = tailAfter < tailBefore || after.laterRows !== before.laterRows ||
      after.setAside.length > before.setAside.length;
    return isTakenBack ? "in recovery or right behind it" : "while starting";
  }
  return tailAfter > 0 || (printedUpToMs ?? -Infinity) > after.checkpoint.windows.closedUpToMs
    ? "between two checkpoints, newer work lost"
    : "between two checkpoints, no sign of newer work";
}

function tailBytesOf(disk: Disk): number {
  return tailsOf(disk).reduce((sum, { length }) => sum + length, 0);
}

/** The end of the last window among lines of JSON, of which the last may be cut. */
function lastWindowEndMs(printed: string): number | undefined {
  const end = printed.lastIndexOf("\n");
  if (end < 0) return undefined;
  const line = printed.slice(printed.lastIndexOf("\n", end - 1) + 1, end);
  return Date.parse((JSON.parse(line) as { readonly end: string }).end);
}
