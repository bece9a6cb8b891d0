/** What a process holds and has used at one moment. */
export interface ProcessUsage {
  /** Resident memory. */
  readonly residentBytes: number;
  /** Largest resident memory so far. */
  readonly peakBytes: number;
  /** Open file descriptors, sockets included. */
  readonly descriptors: number;
  /** Processor time of all its threads, those that have ended included. */
  readonly cpuSeconds: number;
}

/**
 * Asks the system what a process holds; nothing on another system than Linux.
 *
 * @throws {Deno.errors.NotFound} if there is no such process any more
 */
export function processUsage(pid: number): ProcessUsage | undefined {
  if (Deno.build.os !== "linux") return undefined;
  const read = (name: string) => Deno.readTextFileSync(`/proc/${pid}/${name}`);
  const status = read("status");
  const kilobytes = (name: string) =>
    Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, "m").exec(status)?.[1]);
  // The name of the program is in parentheses and may hold anything, blanks too.
  const fields = read("stat").replace(/^.*\) /s, "").split(" ");
  return {
    residentBytes: 1024 * kilobytes("VmRSS"),
    peakBytes: 1024 * kilobytes("VmHWM"),
    descriptors: [...Deno.readDirSync(`/proc/${pid}/fd`)].length,
    cpuSeconds: (Number(fields[UTIME]) + Number(fields[STIME])) / TICKS_PER_SECOND,
  };
}

/** Where times stand in `/proc/PID/stat` behind the name (proc(5), fields 14 and 15). */
const [UTIME, STIME] = [11, 12];

/** `USER_HZ` of Linux, on every architecture that Deno runs on. */
const TICKS_PER_SECOND = 100;

// For tests: only who may do everything may look at other processes.
if (import.meta.main) console.log(JSON.stringify(processUsage(Number(Deno.args[0])) ?? null));
