import {
  flag,
  type HostPort,
  oneOf,
  option,
  type OptionValues,
  parseCount,
  parseDuration,
  parseHostPort,
  parseInstant,
  parseNumber,
  parseShare,
  quoted,
  repeated,
  UsageException,
} from "../command_line/options.ts";
import type { LineFormat } from "./line_templates.ts";
import { type Burst, STATUSES, type StatusShares } from "./status_shares.ts";
import { IP_COUNT_MAX, type Traffic, URL_COUNT_MAX } from "./traffic_model.ts";

/** What a run of the generator does; checked, relations between the fields included. */
export interface GeneratorConfig {
  /** What the records say. */
  readonly traffic: Traffic;
  /** How a record is written. */
  readonly format: LineFormat;
  /** Whether a header line comes first; CSV only. */
  readonly header: boolean;
  /** Above 0; `Infinity` is as fast as the reader takes it. */
  readonly recordsPerSecond: number;
  /** How many records in all, history included; `Infinity` for no end. */
  readonly recordCountMax: number;
  /** How long the live part lasts; `Infinity` for no end. */
  readonly durationMs: number;
  /** Event time of the first record; `undefined` where event time is the wall clock. */
  readonly startMs: number | undefined;
  /** How many records one second of event time has where the rate is not a number. */
  readonly eventRecordsPerSecond: number;
  /** How much history is sent at once before the live part. */
  readonly backfillMs: number;
  /** Where to serve the stream; `undefined` for standard output. */
  readonly listen: HostPort | undefined;
}

/** The options of the command `gen`. */
export const generatorOptions = {
  rate: option({
    value: "N|max",
    parse: (text) => text === "max" ? Infinity : parsePositive(text),
    default: 1,
    help: "Lines a second, fractions too; max: as fast as the reader takes them",
  }),
  urls: option({
    value: "N",
    parse: (text) => parseCountUpTo(text, URL_COUNT_MAX),
    default: 10,
    help: "URLs: /resource/1 to /resource/N",
  }),
  format: option({
    value: "json|csv",
    parse: oneOf("json", "csv"),
    default: "json",
    help: "Layout of a line",
  }),
  header: flag({ help: "Write a header line first (csv)" }),
  statusDist: option({
    value: "A,B,C",
    parse: parseStatusShares,
    default: [0.9, 0.05, 0.05],
    defaultText: "90,5,5",
    help: "Per cent of status 200, 404 and 500",
  }),
  ips: option({
    value: "N",
    parse: (text) => parseCountUpTo(text, IP_COUNT_MAX),
    default: IP_COUNT_MAX,
    defaultText: "unlimited",
    help: "Size of the pool of client addresses",
  }),
  count: option({
    value: "N",
    parse: parseCount,
    default: Infinity,
    defaultText: "no end",
    help: "Stop after so many lines, history included",
  }),
  duration: option({
    value: "DURATION",
    parse: parseDuration,
    default: Infinity,
    defaultText: "no end",
    help: "Stop after so long",
  }),
  seed: option({
    value: "N",
    parse: parseCount,
    default: undefined,
    defaultText: "another one each time",
    help: "The same seed gives the same records",
  }),
  start: option({
    value: "TIME",
    parse: parseInstant,
    default: undefined,
    defaultText: "event time is the wall clock",
    help: "Event time of the first record; it advances by 1/rate a record",
  }),
  eventRate: option({
    value: "N",
    parse: parsePositive,
    default: undefined,
    defaultText: "1000",
    help: "With --rate max and --start or --backfill: records a second of event time",
  }),
  backfill: option({
    value: "DURATION",
    parse: parseDuration,
    default: 0,
    defaultText: "none",
    help: "First send that much history at once, then go on live",
  }),
  listen: option({
    value: "[HOST:]PORT",
    parse: (text) => parseHostPort(text),
    default: undefined,
    defaultText: "standard output",
    help: "Serve the stream to any number of clients, each from the present on",
  }),
  late: option({
    value: "SHARE@DURATION",
    parse: parseLate,
    default: { share: 0, byMs: 0 },
    defaultText: "none",
    help: "That share of records carries an event time so far back, such as 1%@45s",
  }),
  malformed: option({
    value: "SHARE",
    parse: parseShare,
    default: 0,
    defaultText: "0%",
    help: "That share of lines is no record, such as 0.1%",
  }),
  burst: repeated({
    value: "STATUS:xN@PERIOD/LENGTH",
    parse: parseBurst,
    default: [],
    help:
      "A status is N times as frequent for LENGTH at the start of every PERIOD of event time, " +
      "such as 500:x10@2m/20s",
  }),
};

/**
 * Turns the values of the options into the configuration of a run.
 *
 * @throws {UsageException} if options contradict each other, or one would have no effect
 */
export function generatorConfig(values: OptionValues<typeof generatorOptions>): GeneratorConfig {
  const { statusDist: statusShares, late } = values;
  if (values.header && values.format !== "csv") {
    throw new UsageException("--header: JSON has no header line; it goes with --format csv");
  }
  if (values.eventRate !== undefined) {
    if (values.rate !== Infinity) {
      throw new UsageException("--event-rate: event time follows --rate unless that is max");
    }
    if (values.start === undefined && values.backfill === 0) {
      throw new UsageException("--event-rate: event time is the wall clock without --start");
    }
  }
  if (values.start !== undefined && values.start < late.byMs) {
    throw new UsageException("--start: event times before 1970 are not supported");
  }
  for (const { status } of values.burst) {
    if (statusShares[STATUSES.indexOf(status)] === 0) {
      throw new UsageException(`--burst: status ${status} has a share of 0 in --status-dist`);
    }
  }
  return {
    traffic: {
      seed: values.seed ?? crypto.getRandomValues(new Uint32Array(1))[0]!,
      urlCount: values.urls,
      ipCount: values.ips,
      statusShares,
      bursts: values.burst,
      late,
      malformedShare: values.malformed,
    },
    format: values.format,
    header: values.header,
    recordsPerSecond: values.rate,
    recordCountMax: values.count,
    durationMs: values.duration,
    startMs: values.start,
    eventRecordsPerSecond: values.eventRate ?? 1000,
    backfillMs: values.backfill,
    listen: values.listen,
  };
}

function parsePositive(text: string): number {
  const value = parseNumber(text);
  if (value <= 0) throw new RangeError(`${quoted(text)} is not above 0`);
  return value;
}

function parseCountUpTo(text: string, countMax: number): number {
  const count = parseCount(text);
  if (count < 1 || count > countMax) {
    throw new RangeError(`${quoted(text)} is not from 1 to ${countMax}`);
  }
  return count;
}

function parseStatusShares(text: string): StatusShares {
  const refuse = () => {
    throw new RangeError(
      `${quoted(text)} is not three shares: write the per cent of status 200, 404 and 500, ` +
        "100 in all, such as 90,5,5",
    );
  };
  const parts = text.split(",");
  if (parts.length !== 3 || parts.some((part) => !/^\d+(\.\d+)?$/.test(part))) return refuse();
  const [share200, share404, share500] = parts.map((part) => Number(part) / 100);
  // Decimal fractions do not add up exactly in binary.
  if (Math.abs(share200! + share404! + share500! - 1) > 1e-9) return refuse();
  return [share200!, share404!, share500!];
}

function parseLate(text: string): Traffic["late"] {
  const [share, duration, ...rest] = text.split("@");
  if (duration === undefined || rest.length > 0) {
    throw new RangeError(`${quoted(text)} is not SHARE@DURATION: write one such as 1%@45s`);
  }
  return { share: parseShare(share!), byMs: parseDuration(duration) };
}

function parseBurst(text: string): Burst {
  const match = /^(\d+):x([\d.]+)@(\w[\w.]*)\/(\w[\w.]*)$/.exec(text);
  const status = STATUSES.find((candidate) => String(candidate) === match?.[1]);
  if (!match || status === undefined) {
    throw new RangeError(
      `${quoted(text)} is not a burst: write one of status ${STATUSES.join(", ")} ` +
        "such as 500:x10@2m/20s",
    );
  }
  const factor = parseNumber(match[2]!);
  const periodMs = parseDuration(match[3]!);
  const lengthMs = parseDuration(match[4]!);
  if (factor < 1) throw new RangeError(`${quoted(text)}: the factor is below 1`);
  if (lengthMs > periodMs) throw new RangeError(`${quoted(text)}: longer than its period`);
  return { status, factor, periodMs, lengthMs };
}
