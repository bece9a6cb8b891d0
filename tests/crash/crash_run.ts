import { table } from "../../benches/harness/measure.ts";
import { type CampaignReport, runCampaign } from "./campaign.ts";
import { type Aim, IN_CHECKPOINT, type Moment, MOMENTS } from "./kill.ts";
import type { Transport } from "./workload.ts";

/** How much is killed. */
export interface CrashOptions {
  /** Kills in all, half of them over each transport. */
  readonly runs: number;
  readonly seed: number;
  /** Called after each campaign. */
  readonly onCampaign?: (transport: Transport, report: CampaignReport) => void;
}

/** What all campaigns have come to. */
export interface CrashReport {
  readonly options: CrashOptions;
  readonly campaigns: Readonly<Record<Transport, readonly CampaignReport[]>>;
  readonly seconds: number;
}

/**
 * Runs campaigns until there were as many kills as wanted.
 *
 * @throws {Error} at the first thing that differs from an undisturbed run
 */
export async function runCrashes(options: CrashOptions): Promise<CrashReport> {
  const startedAtMs = performance.now();
  const campaigns: Record<Transport, CampaignReport[]> = { file: [], tcp: [] };
  const shares = { file: Math.ceil(options.runs / 2), tcp: Math.floor(options.runs / 2) };
  for (const transport of TRANSPORTS) {
    for (let killsLeft = shares[transport]; killsLeft > 0;) {
      const seed = options.seed + campaigns.file.length + campaigns.tcp.length;
      const report = await runCampaign({ transport, seed, killsMax: killsLeft });
      options.onCampaign?.(transport, report);
      campaigns[transport].push(report);
      killsLeft -= report.kills.length;
    }
  }
  return { options, campaigns, seconds: (performance.now() - startedAtMs) / 1000 };
}

/** What a report has to hold for its silence to mean something; empty where it does. */
export function findUnreached({ options, campaigns }: CrashReport): string[] {
  // So few may miss by chance.
  if (options.runs < RUNS_THAT_REACH_ALL) return [];
  return TRANSPORTS.flatMap((transport) => {
    const count = (moments: readonly Moment[]) =>
      moments.reduce((sum, moment) => sum + countKills(campaigns[transport], { moment }), 0);
    return [
      ...count(["between two checkpoints, newer work lost"]) > 0
        ? []
        : [`no kill over ${transport} fell between two checkpoints`],
      ...count(IN_CHECKPOINT) > 0
        ? []
        : [`no kill over ${transport} fell in the middle of a checkpoint`],
    ];
  });
}

/** The report as tables for the screen and for documents. */
export function formatCrashes({ options, campaigns, seconds }: CrashReport): string {
  const all = [...campaigns.file, ...campaigns.tcp];
  const row = (name: string, of: (reports: readonly CampaignReport[]) => number) =>
    [name, of(campaigns.file), of(campaigns.tcp), of(all)].map(String);
  const sum = (count: (report: CampaignReport) => number) => (reports: readonly CampaignReport[]) =>
    reports.reduce((total, report) => total + count(report), 0);
  const hits = MOMENTS.map((moment) => row(moment, (reports) => countKills(reports, { moment })));
  const aims = AIMS.map((aim) => row(AIM_NAMES[aim], (reports) => countKills(reports, { aim })));
  return [
    table([
      ["", "file", "tcp", "all"],
      row("campaigns", (reports) => reports.length),
      row("lines", sum(({ lineCount }) => lineCount)),
      row("kills and restarts", sum(({ kills }) => kills.length)),
      row("errors set aside", sum(({ setAside }) => setAside.lines)),
      row("… in files", sum(({ setAside }) => setAside.files)),
    ]),
    table([["kills aimed at", "file", "tcp", "all"], ...aims]),
    table([["kills that hit", "file", "tcp", "all"], ...hits]),
    `Seed ${options.seed}, ${Math.round(seconds)} s.`,
  ].join("\n\n");
}

/** Both ways in which lines come, in the order in which they are tested. */
const TRANSPORTS: readonly Transport[] = ["file", "tcp"];

const RUNS_THAT_REACH_ALL = 50;

const AIM_NAMES: Readonly<Record<Aim, string>> = {
  start: "any time from the start of the process on",
  recovery: "recovery",
  work: "any time while it reads",
  checkpoint: "a step of a checkpoint",
};

const AIMS = Object.keys(AIM_NAMES) as readonly Aim[];

function countKills(
  reports: readonly CampaignReport[],
  wanted: { readonly moment?: Moment; readonly aim?: Aim },
): number {
  return reports.flatMap(({ kills }) => kills).filter(({ moment, aim }) =>
    moment === (wanted.moment ?? moment) && aim === (wanted.aim ?? aim)
  ).length;
}
