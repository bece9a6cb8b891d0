import { escapeText } from "./escape_text.ts";

/** One option of a command: how its text becomes a value, and what `--help` says about it. */
export interface Option<T> {
  /** Placeholder of the value in `--help`, such as `DURATION`; absent for a flag. */
  readonly value?: string;
  /**
   * Turns the text of one occurrence into the value.
   *
   * @throws {RangeError} if the text is refused; its message is shown to the user
   */
  readonly parse: (text: string) => T;
  /** The value where the option is not given. */
  readonly default: T;
  /** The default as a user would write it; needed where `default` is not plain text or a number. */
  readonly defaultText?: string;
  /** Whether it may be given more than once; then `parse` gives an array, and they are joined. */
  readonly repeatable?: boolean;
  /** What it does, in one or two sentences. */
  readonly help: string;
}

/** The options of a command, by camelCase key: `lineBytesMax` is `--line-bytes-max`. */
export type OptionTable = Readonly<Record<string, Option<unknown>>>;

/** The values that a table of options parses to, by the same keys. */
export type OptionValues<Table extends OptionTable> = {
  readonly [Key in keyof Table]: Table[Key] extends Option<infer T> ? T : never;
};

/** Wrong usage: the message says in one line what is wrong and what to do. Exit status 2. */
export class UsageException extends Error {
  /** Name of the class, as it appears in stack traces. */
  override readonly name = "UsageException";
}

/** An option with a value; with `default: undefined` its value may be `undefined`. */
export function option<const T>(
  definition: {
    readonly value: string;
    readonly parse: (text: string) => T;
    readonly default: T;
    readonly defaultText?: string;
    readonly help: string;
  },
): Option<T> {
  return definition;
}

/** An option without a value: `true` where it is given. */
export function flag(definition: { readonly help: string }): Option<boolean> {
  return { parse: () => true, default: false, help: definition.help };
}

/** An option that may be given several times: the values in order; any replace the default. */
export function repeated<T>(
  definition: {
    readonly value: string;
    /** Turns the text of one occurrence into one of the values. */
    readonly parse: (text: string) => T;
    readonly default: readonly T[];
    readonly defaultText?: string;
    readonly help: string;
  },
): Option<readonly T[]> {
  return { ...definition, parse: (text) => [definition.parse(text)], repeatable: true };
}

/** The name of an option on the command line: `lineBytesMax` gives `--line-bytes-max`. */
export function optionName(key: string): string {
  return `--${key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

/** What a user wrote, in quotes, safe to show and bounded: for messages. */
export function quoted(text: string): string {
  return `"${escapeText(text, { lengthMax: 60 })}"`;
}

/**
 * Any text but none at all.
 *
 * @throws {RangeError} if it is empty
 */
export function parseText(text: string): string {
  if (text === "") throw new RangeError("the value must not be empty");
  return text;
}

const MS_BY_UNIT: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/**
 * A duration such as `500ms`, `30s`, `1.5m`, `1h` or `1d`, in whole milliseconds (rounded), at
 * least 1.
 *
 * @throws {RangeError} if it is not one
 */
export function parseDuration(text: string): number {
  const match = /^(\d+(?:\.\d+)?)(ms|[smhd])$/.exec(text);
  const durationMs = match ? Math.round(Number(match[1]) * MS_BY_UNIT[match[2]!]!) : NaN;
  if (!(durationMs >= 1 && Number.isSafeInteger(durationMs))) {
    throw new RangeError(`${quoted(text)} is not a duration: write 500ms, 30s, 5m or 1h`);
  }
  return durationMs;
}

/** The shortest text that {@linkcode parseDuration} reads as this many whole milliseconds. */
export function formatDuration(durationMs: number): string {
  const [unit, unitMs] = Object.entries(MS_BY_UNIT)
    .filter(([, unitMs]) => durationMs % unitMs === 0)
    .reduce((longest, other) => other[1] > longest[1] ? other : longest);
  return `${durationMs / unitMs}${unit}`;
}

const BYTES_BY_UNIT: Readonly<Record<string, number>> = {
  B: 1,
  KiB: 1024,
  MiB: 1024 ** 2,
  GiB: 1024 ** 3,
  TiB: 1024 ** 4,
};

/**
 * A size such as `65536`, `64KiB` or `1.5GiB`, in whole bytes.
 *
 * @throws {RangeError} if it is not one
 */
export function parseBytes(text: string): number {
  const match = /^(\d+(?:\.\d+)?) ?([KMGT]i)?B$/.exec(text);
  const bytes = match
    ? Number(match[1]) * BYTES_BY_UNIT[`${match[2] ?? ""}B`]!
    : DECIMAL.test(text)
    ? Number(text.replaceAll("_", ""))
    : NaN;
  if (!Number.isSafeInteger(bytes)) {
    throw new RangeError(`${quoted(text)} is not a size: write bytes such as 65536, 64KiB or 1GiB`);
  }
  return bytes;
}

/** The shortest text that {@linkcode parseBytes} reads as this many whole bytes. */
export function formatBytes(bytes: number): string {
  const [unit, unitBytes] = Object.entries(BYTES_BY_UNIT)
    .filter(([, unitBytes]) => bytes % unitBytes === 0)
    .reduce((largest, other) => other[1] > largest[1] ? other : largest);
  return unit === "B" ? String(bytes) : `${bytes / unitBytes}${unit}`;
}

/** Decimal digits that may be grouped by underscores, a fraction, an exponent. */
const DECIMAL = /^\d+(?:_\d+)*(?:\.\d+)?(?:e[+-]?\d+)?$/i;

/**
 * A whole number from 0 to 2^53 - 1: `1000`, `1_000` or `1e3`.
 *
 * @throws {RangeError} if it is not one
 */
export function parseCount(text: string): number {
  const count = DECIMAL.test(text) ? Number(text.replaceAll("_", "")) : NaN;
  if (!Number.isSafeInteger(count)) {
    throw new RangeError(
      `${quoted(text)} is not a count: write a whole number such as 1000 or 1e6`,
    );
  }
  return count;
}

/**
 * A finite decimal number: `2`, `-0.5`, `1_000` or `1e3`.
 *
 * @throws {RangeError} if it is not one
 */
export function parseNumber(text: string): number {
  const unsigned = text.replace(/^[+-]/, "");
  const magnitude = DECIMAL.test(unsigned) ? Number(unsigned.replaceAll("_", "")) : NaN;
  if (!Number.isFinite(magnitude)) {
    throw new RangeError(`${quoted(text)} is not a number: write one such as 0.5, 10 or 1e6`);
  }
  return text.startsWith("-") ? -magnitude : magnitude;
}

/**
 * A share in per cent, `0%` to `100%`, as a number from 0 to 1.
 *
 * @throws {RangeError} if it is not one
 */
export function parseShare(text: string): number {
  const match = /^(\d+(?:\.\d+)?)%$/.exec(text);
  const share = match ? Number(match[1]) / 100 : NaN;
  if (!(share <= 1)) {
    throw new RangeError(`${quoted(text)} is not a share: write one from 0% to 100%, such as 0.1%`);
  }
  return share;
}

/**
 * A time in ISO 8601 with an offset, in milliseconds since the Unix epoch; finer digits are cut.
 *
 * @throws {RangeError} if it is not one, or a day that no calendar has
 */
export function parseInstant(text: string): number {
  const match =
    /^(\d{4}-\d\d-\d\d)T\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-](?:[01]\d|2[0-3]):[0-5]\d)$/.exec(
      text,
    );
  const timeMs = match && isCalendarDay(match[1]!) ? Date.parse(text) : NaN;
  if (Number.isNaN(timeMs)) {
    throw new RangeError(
      `${quoted(text)} is not a time: write ISO 8601 with an offset, such as 2025-05-30T18:52:30Z`,
    );
  }
  return timeMs;
}

/** `Date.parse` alone would take 30 February for 2 March. */
function isCalendarDay(day: string): boolean {
  const timeMs = Date.parse(day);
  return !Number.isNaN(timeMs) && new Date(timeMs).toISOString().startsWith(day);
}

/** A parser that takes exactly the given names, and throws RangeError for all else. */
export function oneOf<const Name extends string>(
  ...names: readonly Name[]
): (text: string) => Name {
  return (text) => {
    const name = names.find((candidate) => candidate === text);
    if (name === undefined) {
      throw new RangeError(`${quoted(text)} is unknown: write ${names.join(" or ")}`);
    }
    return name;
  };
}

/** Where to listen or connect. */
export interface HostPort {
  /** A name or an address; IPv6 without brackets. */
  readonly hostname: string;
  /** 0 to 65535; 0 asks the system for a free port when listening. */
  readonly port: number;
}

/**
 * `HOST:PORT`, `[IPV6]:PORT` or, with the default host, `PORT`.
 *
 * @throws {RangeError} if it is none of these
 */
export function parseHostPort(text: string, hostnameDefault = "127.0.0.1"): HostPort {
  const match = /^(?:(?:\[([\da-f:.]+)\]|([\w.-]+)):)?(\d{1,5})$/i.exec(text);
  const port = match ? Number(match[3]) : NaN;
  if (!(port <= 65_535)) {
    throw new RangeError(
      `${quoted(text)} is not HOST:PORT: write 127.0.0.1:8000, [::1]:8000 or 8000`,
    );
  }
  return { hostname: match?.[1] ?? match?.[2] ?? hostnameDefault, port };
}

/** The other way round: `HOST:PORT`, with brackets around IPv6. */
export function formatHostPort({ hostname, port }: HostPort): string {
  return `${hostname.includes(":") ? `[${hostname}]` : hostname}:${port}`;
}
