/** Directory of the error files, below the output directory. */
export const ERRORS_DIRECTORY = "errors";

/** Path of the error file of this number, for windows that start on this UTC day. */
export function partPath(date: string, part: number): string {
  return `${ERRORS_DIRECTORY}/date=${date}/part-${String(part).padStart(6, "0")}.jsonl`;
}

/** Number of an error file; `undefined` for what is none. */
export function partNumberOf(path: string): number | undefined {
  const digits = PART_PATH.exec(path)?.[1];
  return digits === undefined ? undefined : Number(digits);
}

/** UTC day of an error file. */
export function dateOf(path: string): string {
  return /date=([^/]+)\//.exec(path)?.[1] ?? "";
}

/** Whether a path is one that error files are given; such a path leads nowhere else. */
export function isErrorFilePath(path: string): boolean {
  return WHOLE_PART_PATH.test(path);
}

const PART_PATH = /\/part-(\d+)\.jsonl$/;
const WHOLE_PART_PATH = new RegExp(`^${ERRORS_DIRECTORY}/date=[-+\\d]+${PART_PATH.source}`);
