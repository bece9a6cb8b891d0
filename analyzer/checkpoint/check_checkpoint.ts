import { FIELD_NAMES, STATUS_MAX, STATUS_MIN } from "../../log_format/log_record.ts";
import { MALFORMED_REASONS } from "../decode/malformed_reason.ts";
import { decodeKeyRecord } from "../delivery/key_record.ts";
import { messageOf } from "../exceptions.ts";
import { DistinctCounter } from "../sketch/distinct_counter.ts";
import { HeavyHitters } from "../sketch/heavy_hitters.ts";
import { isErrorFilePath } from "../sink/error_file_path.ts";
import { emptyTotals } from "../sink/totals.ts";
import { TIME_MAX_MS } from "../time_max.ts";
import type { Checkpoint } from "./checkpoint.ts";

/**
 * Makes sure that a value is a checkpoint as this version may have written one: every field that is
 * used, its type and its range, and sketches that can be read. A digest tells that a file is as it
 * was written, not that it was written by us; what slipped through here would stop each start anew.
 *
 * A field that is added later is optional here, or belongs to a new `CHECKPOINT_VERSION`.
 *
 * @throws {SyntaxError} that names the first field that is wrong
 */
export function checkCheckpoint(value: unknown): asserts value is Checkpoint {
  const { epoch, identity, watermark, windows, totals, errorFiles, ...rest } = fieldsOf(
    value,
    "it",
  );
  checkInteger(epoch, "epoch", 0);
  const { outputId, windowLengthMs, minStatus } = fieldsOf(identity, "identity");
  checkText(outputId, "identity.outputId");
  checkInteger(windowLengthMs, "identity.windowLengthMs", 1);
  checkInteger(minStatus, "identity.minStatus", STATUS_MIN, STATUS_MAX);
  checkWatermark(watermark);
  checkWindows(windows, windowLengthMs as number);
  checkTotals(totals, "totals");
  checkErrorFiles(errorFiles);
  checkMap(rest["positions"], "positions", (position, name, where) => {
    checkText(name, where);
    checkPosition(position, where);
  });
  checkList(rest["sources"], "sources", checkSource);
  checkOptional(
    rest["deliveryKeys"],
    "deliveryKeys",
    (keys, where) => checkList(keys, where, checkKeyRecord),
  );
}

function checkWatermark(value: unknown): void {
  const { timeMs, eventTimeMaxMs, inputs } = fieldsOf(value, "watermark");
  checkTimeOrNone(timeMs, "watermark.timeMs");
  checkTimeOrNone(eventTimeMaxMs, "watermark.eventTimeMaxMs");
  checkList(inputs, "watermark.inputs", (input, where) => {
    const { inputId, isLive, isComplete, eventTimeMaxMs } = fieldsOf(input, where);
    checkText(inputId, `${where}.inputId`);
    check(typeof isLive === "boolean", `${where}.isLive`, isLive);
    check(typeof isComplete === "boolean", `${where}.isComplete`, isComplete);
    checkTimeOrNone(eventTimeMaxMs, `${where}.eventTimeMaxMs`);
  });
}

function checkWindows(value: unknown, windowLengthMs: number): void {
  const { closedUpToMs, windows } = fieldsOf(value, "windows");
  checkTimeOrNone(closedUpToMs, "windows.closedUpToMs");
  let previousMs = -Infinity;
  checkList(windows, "windows.windows", (window, where) => {
    const { startMs, totalCount, statuses } = fieldsOf(window, where);
    const isStart = isInteger(startMs, -TIME_MAX_MS, TIME_MAX_MS - windowLengthMs) &&
      startMs % windowLengthMs === 0 && startMs > previousMs;
    check(isStart, `${where}.startMs`, startMs);
    previousMs = startMs as number;
    checkInteger(totalCount, `${where}.totalCount`, 0);
    checkList(statuses, `${where}.statuses`, checkStatus);
  });
}

function checkStatus(value: unknown, where: string): void {
  const { status, errorCount, ips, urls, urlsTotal } = fieldsOf(value, where);
  checkInteger(status, `${where}.status`, STATUS_MIN, STATUS_MAX);
  checkInteger(errorCount, `${where}.errorCount`, 0);
  checkReadable(ips, `${where}.ips`, DistinctCounter.fromBytes);
  checkReadable(urls, `${where}.urls`, HeavyHitters.fromBytes);
  checkReadable(urlsTotal, `${where}.urlsTotal`, DistinctCounter.fromBytes);
}

function checkReadable(value: unknown, where: string, read: (bytes: Uint8Array) => unknown): void {
  if (!(value instanceof Uint8Array)) return check(false, where, value);
  attempt(where, () => read(value));
}

/** Does something that throws where what it reads is damaged. */
function attempt(where: string, read: () => unknown): void {
  try {
    read();
  } catch (exception) {
    throw new SyntaxError(`its ${where} is damaged: ${messageOf(exception)}`, { cause: exception });
  }
}

function checkTotals(value: unknown, where: string): void {
  const { malformed, errorsByStatus, ...counts } = fieldsOf(value, where);
  const { malformed: _, errorsByStatus: __, ...expected } = emptyTotals();
  for (const name of Object.keys(expected)) checkInteger(counts[name], `${where}.${name}`, 0);
  const byReason = fieldsOf(malformed, `${where}.malformed`);
  for (const reason of MALFORMED_REASONS) {
    checkInteger(byReason[reason], `${where}.malformed.${reason}`, 0);
  }
  checkMap(errorsByStatus, `${where}.errorsByStatus`, (count, status, place) => {
    checkInteger(status, place, STATUS_MIN, STATUS_MAX);
    checkInteger(count, place, 0);
  });
}

function checkErrorFiles(value: unknown): void {
  const { nextPart, open } = fieldsOf(value, "errorFiles");
  checkInteger(nextPart, "errorFiles.nextPart", 1);
  checkList(open, "errorFiles.open", (part, where) => {
    const { path, bytes } = fieldsOf(part, where);
    check(typeof path === "string" && isErrorFilePath(path), `${where}.path`, path);
    checkInteger(bytes, `${where}.bytes`, 0);
  });
}

function checkPosition(value: unknown, where: string): void {
  const { offsetBytes, file, passed, csvLayout } = fieldsOf(value, where);
  checkInteger(offsetBytes, `${where}.offsetBytes`, 0);
  checkOptional(file, `${where}.file`, checkFile);
  checkOptional(passed, `${where}.passed`, checkPassed);
  checkOptional(csvLayout, `${where}.csvLayout`, (layout, place) => {
    const { fieldCount, columns } = fieldsOf(layout, place);
    checkInteger(fieldCount, `${place}.fieldCount`, 1);
    checkList(columns, `${place}.columns`, (column, at) => {
      checkInteger(column, at, 0, (fieldCount as number) - 1);
    });
    check((columns as unknown[]).length === FIELD_NAMES.length, `${place}.columns`, columns);
  });
}

function checkSource(value: unknown, where: string): void {
  const { name, firstStartedAtMs, file, passed } = fieldsOf(value, where);
  checkText(name, `${where}.name`);
  check(isTime(firstStartedAtMs), `${where}.firstStartedAtMs`, firstStartedAtMs);
  checkOptional(file, `${where}.file`, checkFile);
  checkOptional(passed, `${where}.passed`, checkPassed);
}

function checkPassed(value: unknown, where: string): void {
  checkList(value, where, (passed, place) => {
    const { file, offsetBytes } = fieldsOf(passed, place);
    checkFile(file, `${place}.file`);
    const isOffset = offsetBytes === Infinity || isInteger(offsetBytes, 0);
    check(isOffset, `${place}.offsetBytes`, offsetBytes);
  });
}

function checkFile(value: unknown, where: string): void {
  const { device, inode, hashedBytes, hash, modifiedAtMs } = fieldsOf(value, where);
  check(Number.isFinite(device), `${where}.device`, device);
  check(Number.isFinite(inode), `${where}.inode`, inode);
  checkInteger(hashedBytes, `${where}.hashedBytes`, 0);
  checkText(hash, `${where}.hash`);
  checkOptional(modifiedAtMs, `${where}.modifiedAtMs`, (timeMs, place) => {
    check(Number.isFinite(timeMs), place, timeMs);
  });
}

function checkKeyRecord(value: unknown, where: string): void {
  if (typeof value !== "string") return check(false, where, value);
  attempt(where, () => {
    const { usedAtMs, headHash, csvLayout, totals } = decodeKeyRecord(value);
    check(isTime(usedAtMs), `${where}, its time`, usedAtMs);
    checkList(headHash, `${where}, its hash`, (word, place) => {
      checkInteger(word, place, 0, 2 ** 32 - 1);
    });
    checkPosition({ offsetBytes: totals.bytes, csvLayout }, where);
    checkTotals(totals, where);
  });
}

/** The fields of an object; anything else has none. */
function fieldsOf(value: unknown, where: string): Readonly<Record<string, unknown>> {
  const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
  check(isObject, where, value);
  return value as Readonly<Record<string, unknown>>;
}

function checkList(
  value: unknown,
  where: string,
  checkElement: (element: unknown, where: string) => void,
): void {
  if (!Array.isArray(value)) return check(false, where, value);
  value.forEach((element, i) => checkElement(element, `${where}[${i}]`));
}

function checkMap(
  value: unknown,
  where: string,
  checkEntry: (value: unknown, key: unknown, where: string) => void,
): void {
  if (!(value instanceof Map)) return check(false, where, value);
  for (const [key, element] of value) checkEntry(element, key, where);
}

/** What is missing is `undefined` here; an older version did not write it. */
function checkOptional(
  value: unknown,
  where: string,
  checkPresent: (value: unknown, where: string) => void,
): void {
  if (value !== undefined) checkPresent(value, where);
}

function checkText(value: unknown, where: string): void {
  check(typeof value === "string", where, value);
}

function checkInteger(value: unknown, where: string, min: number, max?: number): void {
  check(isInteger(value, min, max), where, value);
}

function isInteger(value: unknown, min: number, max = Number.MAX_SAFE_INTEGER): value is number {
  return Number.isSafeInteger(value) && (value as number) >= min && (value as number) <= max;
}

/** A time that a `Date` can hold, or `-Infinity` where there was none yet. */
function checkTimeOrNone(value: unknown, where: string): void {
  check(value === -Infinity || isTime(value), where, value);
}

function isTime(value: unknown): boolean {
  return typeof value === "number" && Math.abs(value) <= TIME_MAX_MS;
}

function check(isRight: boolean, where: string, value: unknown): void {
  if (isRight) return;
  const shown = typeof value === "object" && value !== null ? "an object" : String(value);
  throw new SyntaxError(`its ${where} cannot be ${shown.slice(0, SHOWN_LENGTH_MAX)}`);
}

/** Characters shown of a value that is wrong. */
const SHOWN_LENGTH_MAX = 60;
