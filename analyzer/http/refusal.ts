import { type RefusalCode, REFUSALS, type RefusalStatus } from "./refusal_codes.ts";

/**
 * An answer that says why a request is not served. Thrown by handlers, and turned into JSON in one
 * place, so that every refusal looks the same.
 */
export class Refusal extends Error {
  /** Name of the class. */
  override readonly name = "Refusal";
  /** HTTP status. */
  readonly status: RefusalStatus;
  /** What is wrong, for programs; stable. */
  readonly code: RefusalCode;
  /** When it is worth another try, in seconds from now; `undefined` where it is not. */
  readonly retryAfterSeconds: number | undefined;
  readonly #details: RefusalDetails;

  /** `message` is for people, and holds nothing that the client sent. */
  constructor(code: RefusalCode, message: string, details: RefusalDetails = {}) {
    super(message);
    this.code = code;
    this.status = REFUSALS[code].status;
    this.retryAfterSeconds = details.retryAfterSeconds;
    this.#details = details;
  }

  /** The body of the answer. What the client sent is cut where it is long. */
  toJson(): RefusalJson {
    const { parameter, value, allowed } = this.#details;
    return {
      error: {
        code: this.code,
        message: this.message,
        ...(parameter === undefined ? {} : { parameter: cut(parameter) }),
        ...(value === undefined ? {} : { value: cut(value) }),
        ...(allowed === undefined ? {} : { allowed }),
      },
    };
  }
}

/** What a refusal is about, where it is about one thing. */
export interface RefusalDetails {
  /** Name of the parameter, as the client sent it. */
  readonly parameter?: string;
  /** Its value, as the client sent it. */
  readonly value?: string;
  /** What would have been accepted, for people. */
  readonly allowed?: string;
  /** Goes into a header, `Retry-After`. */
  readonly retryAfterSeconds?: number;
}

/** The JSON of a refusal; details that do not apply are left out. */
export interface RefusalJson {
  /** Why the request is not served. */
  readonly error: {
    readonly code: RefusalCode;
    readonly message: string;
    readonly parameter?: string;
    readonly value?: string;
    readonly allowed?: string;
  };
}

/** Longest piece of a request that is echoed, in UTF-16 code units. */
const ECHO_LENGTH_MAX = 100;

function cut(text: string): string {
  return text.length <= ECHO_LENGTH_MAX
    ? text
    : `${text.slice(0, ECHO_LENGTH_MAX - 1).toWellFormed()}…`;
}
