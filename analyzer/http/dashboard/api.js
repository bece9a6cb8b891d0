/** A request that the server refused, or that did not reach it. */
export class ApiException extends Error {
  /**
   * @param {string} message
   * @param {{ status?: number, code?: string | undefined, cause?: unknown }} details
   */
  constructor(message, { status, code, cause } = {}) {
    super(message, { cause });
    /** HTTP status; `undefined` where there was no answer. */
    this.status = status;
    /** The refusal's code, where it had one. */
    this.code = code;
  }
}

/** An answer that takes longer does not come any more. */
const TIMEOUT_MS = 60_000;

/** The routes of the server that the page comes from. */
export class Api {
  /** Sent with every request; empty for none. */
  token = "";
  #base;
  #fetch;
  #timeoutMs;

  /**
   * @param {string} base address of the page
   * @param {typeof globalThis.fetch} fetch
   * @param {number} timeoutMs
   */
  constructor(base, fetch, timeoutMs = TIMEOUT_MS) {
    this.#base = base;
    this.#fetch = fetch;
    this.#timeoutMs = timeoutMs;
  }

  /**
   * @param {string} path below the page, such as `windows`
   * @param {Record<string, string | number | readonly string[] | undefined>} query left out where
   *   undefined
   * @param {AbortSignal} signal
   * @returns {Promise<any>} the JSON of the answer
   * @throws {ApiException}
   */
  async get(path, query, signal) {
    const timeout = AbortSignal.timeout(this.#timeoutMs);
    try {
      const either = AbortSignal.any([signal, timeout]);
      const response = await this.open(path, query, { Accept: "application/json" }, either);
      return await response.json();
    } catch (cause) {
      if (signal.aborted || cause instanceof ApiException) throw cause;
      const isLate = timeout.aborted;
      throw new ApiException(isLate ? "The server is too slow" : "The answer broke off", { cause });
    }
  }

  /**
   * The answer itself, for who reads it as a stream.
   *
   * @param {string} path
   * @param {Record<string, string | number | readonly string[] | undefined>} query
   * @param {Record<string, string>} headers
   * @param {AbortSignal} signal
   * @throws {ApiException} for any status but 200
   */
  async open(path, query, headers, signal) {
    // Relative to the page, which a proxy may serve below a path of its own.
    const url = new URL(path, this.#base);
    for (const [name, value] of Object.entries(query)) {
      if (value === undefined) continue;
      for (const each of Array.isArray(value) ? value : [value]) {
        url.searchParams.append(name, String(each));
      }
    }
    const authorization = this.token === "" ? {} : { Authorization: `Bearer ${this.token}` };
    /** @type {Response} */
    let response;
    try {
      response = await this.#fetch(url, { headers: { ...headers, ...authorization }, signal });
    } catch (cause) {
      if (signal.aborted) throw cause;
      throw new ApiException("The server does not answer", { cause });
    }
    if (response.ok) return response;
    throw await toException(response);
  }
}

/** @param {Response} response */
async function toException(response) {
  const { status } = response;
  // A proxy in between answers in other forms.
  const body = await response.json().catch(() => undefined);
  const { message, code } = body?.error ?? {};
  return new ApiException(typeof message === "string" ? message : `The server answers ${status}`, {
    status,
    code: typeof code === "string" ? code : undefined,
  });
}
