import { nearest } from "../command_line/nearest.ts";
import {
  formatBytes,
  formatDuration,
  optionName,
  parseBytes,
  parseCount,
  parseDuration,
  quoted,
  UsageException,
} from "../command_line/options.ts";
import {
  DEFAULT_LIMITS,
  LIMIT_NAMES,
  LIMIT_TABLE,
  type LimitDefinition,
  type LimitName,
  type Limits,
} from "./limits.ts";

/** One limit that was set: `--limit name=value`. */
export interface LimitSetting {
  readonly name: LimitName;
  readonly value: number;
}

/**
 * A setting such as `line-bytes=1MiB`, `connections=50` or `delivery-silence=10s`.
 *
 * @throws {RangeError} if there is no such limit, or its value is not one that it can have
 */
export function parseLimit(text: string): LimitSetting {
  const equals = text.indexOf("=");
  const written = equals < 0 ? text : text.slice(0, equals);
  const name = LIMIT_NAMES.find((name) => limitLabel(name) === written);
  if (name === undefined) {
    const near = nearest(written, LIMIT_NAMES.map(limitLabel));
    throw new RangeError(
      `there is no limit ${quoted(written)}: ` +
        (near === undefined ? "--help limits lists them" : `did you mean ${near}?`),
    );
  }
  const definition: LimitDefinition = LIMIT_TABLE[name];
  const { min, max } = definition;
  if (min === max) {
    throw new RangeError(`${written} is ${formatLimit(definition, min)} and cannot be changed`);
  }
  const bounds = `${formatLimit(definition, min)} to ${formatLimit(definition, max)}`;
  if (equals < 0) throw new RangeError(`write ${written}=VALUE, from ${bounds}`);
  const value = PARSERS[definition.unit](text.slice(equals + 1));
  if (value < min || value > max) {
    throw new RangeError(`${quoted(text.slice(equals + 1))} is not from ${bounds}`);
  }
  return { name, value };
}

/**
 * The limits of a run.
 *
 * @throws {UsageException} where one is set twice
 */
export function limitsOf(settings: readonly LimitSetting[]): Limits {
  const limits: Record<LimitName, number> = { ...DEFAULT_LIMITS };
  const given = new Set<LimitName>();
  for (const { name, value } of settings) {
    if (given.has(name)) {
      throw new UsageException(
        `--limit ${limitLabel(name)} is given more than once: write it once`,
      );
    }
    given.add(name);
    limits[name] = value;
  }
  return limits;
}

/** The name of a limit as it is typed, and as a label of metrics: `lineBytes` gives `line-bytes`. */
export function limitLabel(name: LimitName): string {
  return optionName(name).slice(2);
}

/** What `--help limits` lists: a term and a text for each. */
export function limitRows(): (readonly [term: string, text: string])[] {
  return LIMIT_NAMES.map((name) => {
    const definition: LimitDefinition = LIMIT_TABLE[name];
    const { min, max, help } = definition;
    const [value, ...bounds] = [definition.default, min, max]
      .map((value) => formatLimit(definition, value));
    const note = min === max ? `${value}, fixed` : `default: ${value}; ${bounds.join(" to ")}`;
    return [`${limitLabel(name)}${PLACEHOLDERS[definition.unit]}`, `${help} (${note})`] as const;
  });
}

function formatLimit({ unit }: LimitDefinition, value: number): string {
  switch (unit) {
    case "count":
      return String(value);
    case "bytes":
      return formatBytes(value);
    case "bytes/s":
      return `${formatBytes(value)} a second`;
    case "ms":
      return formatDuration(value);
  }
}

const PARSERS = {
  count: parseCount,
  bytes: parseBytes,
  "bytes/s": parseBytes,
  ms: parseDuration,
} as const;

const PLACEHOLDERS = {
  count: "=N",
  bytes: "=BYTES",
  "bytes/s": "=BYTES",
  ms: "=DURATION",
} as const;
