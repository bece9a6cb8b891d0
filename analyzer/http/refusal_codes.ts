/**
 * Every reason for which a request is not served: its name for programs, its HTTP status, and when
 * it applies. The document of the interface shows them, and no other one can be thrown.
 *
 * @internal
 */
export const REFUSALS = {
  invalid_parameter: { status: 400, when: "a value that is not allowed" },
  unknown_parameter: { status: 400, when: "a query parameter that the route does not have" },
  repeated_parameter: { status: 400, when: "a query parameter given twice" },
  invalid_key: { status: 400, when: "an Idempotency-Key that is none" },
  broken_encoding: { status: 400, when: "a delivered body that is no whole gzip" },
  broken_body: { status: 400, when: "a delivered body that broke off" },
  missing_token: { status: 401, when: "no token, where vigie was started with one" },
  invalid_token: { status: 401, when: "another token than the one that vigie was started with" },
  cross_site: { status: 403, when: "what a browser asks for a page of another origin" },
  unknown_window: { status: 404, when: "no window starts at this time" },
  unknown_path: { status: 404, when: "no such route" },
  not_saved: { status: 404, when: "a run that saves nothing (--no-save)" },
  method_not_allowed: { status: 405, when: "a method that the route does not have" },
  not_acceptable: { status: 406, when: "a format that the route does not have" },
  silent: { status: 408, when: "nothing came of a delivered body for 30 seconds" },
  too_slow: {
    status: 408,
    when: "a delivered body that came slowly while others waited for its place",
    retries: true,
  },
  key_in_use: {
    status: 409,
    when: "another request with this Idempotency-Key is on its way",
    retries: true,
  },
  body_too_long: { status: 413, when: "a delivered body that is longer than it may be" },
  url_too_long: { status: 414, when: "a path and query that are longer than they may be" },
  unsupported_type: { status: 415, when: "a delivered body of another type, or of none" },
  unsupported_encoding: { status: 415, when: "a delivered body that is compressed in another way" },
  misdirected_request: { status: 421, when: "a host that is not known as one of vigie's" },
  other_body: { status: 422, when: "another body was delivered under this Idempotency-Key" },
  too_many_deliveries: {
    status: 429,
    when: "too many deliveries are on their way",
    retries: true,
  },
  internal: { status: 500, when: "an exception inside the program" },
  starting: {
    status: 503,
    when: "the state of the run before is being restored",
    retries: true,
  },
  stopping: { status: 503, when: "the program is stopping", retries: true },
  too_many_requests: {
    status: 503,
    when: "as many requests as may be are being answered",
    retries: true,
  },
  too_many_event_clients: {
    status: 503,
    when: "as many clients of events as are taken are connected",
    retries: true,
  },
  writer_fault: { status: 503, when: "nothing can be written", retries: true },
  not_accepting: { status: 503, when: "a run that ends with its sources (--once)" },
} as const satisfies Readonly<Record<string, RefusalEntry>>;

/** A reason for which a request is not served. */
export interface RefusalEntry {
  /** HTTP status of the answer. */
  readonly status: number;
  /** When it is given. */
  readonly when: string;
  /** Whether it is worth another try: a header `Retry-After` says when. */
  readonly retries?: boolean;
}

/** What is wrong with a request, for programs. */
export type RefusalCode = keyof typeof REFUSALS;

/** Every HTTP status that a request is refused with. */
export type RefusalStatus = (typeof REFUSALS)[RefusalCode]["status"];

/** All of them. */
export const REFUSAL_CODES = Object.keys(REFUSALS) as RefusalCode[];
