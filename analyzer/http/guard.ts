import type { LimitCounter, Limits } from "../limits.ts";
import type { BearerToken } from "./bearer_token.ts";
import type { HostList } from "./host_list.ts";
import { refusalResponse } from "./json_answer.ts";
import { Refusal } from "./refusal.ts";

/** What a {@linkcode Guard} goes by. */
export interface GuardOptions {
  /** `undefined` where everybody may ask who gets here. */
  readonly token: BearerToken | undefined;
  readonly hosts: HostList;
  readonly limits: Pick<Limits, "httpRequests" | "httpUrlBytes">;
  readonly limitCounter: LimitCounter;
}

/** Why a request gets no farther than the guard; a label of metrics. */
export type GuardReason = "host" | "cross_site" | "url" | "token" | "requests";

/**
 * Stands before everything that is answered over HTTP, also before there is anything to answer
 * from. Whoever is refused here learns nothing of what is there, not even which paths exist, and
 * nothing of what they send is read.
 */
export class Guard {
  readonly #options: GuardOptions;
  readonly #refused: Record<GuardReason, number> = noRefusals();
  #openRequests = 0;

  constructor(options: GuardOptions) {
    this.#options = options;
  }

  /** How many requests were refused, by why. */
  get refused(): Readonly<Record<GuardReason, number>> {
    return this.#refused;
  }

  /**
   * Lets a request pass to `next`, or answers it itself.
   *
   * @param sent resolves once the answer is sent, or nobody takes it any more; never rejects
   */
  async answer(
    request: Request,
    sent: Promise<void>,
    next: (request: Request) => Response | Promise<Response>,
  ): Promise<Response> {
    const isOpen = isOpenPath(request.url);
    const refused = this.#lookAtRequest(request) ??
      (isOpen ? undefined : await this.#lookAtToken(request) ?? this.#lookAtRequests());
    if (refused !== undefined) {
      const { reason, refusal, headers } = refused;
      this.#refused[reason]++;
      return refusalResponse(refusal, headers);
    }
    if (!isOpen) {
      this.#openRequests++;
      void sent.then(() => this.#openRequests--);
    }
    return await next(request);
  }

  #lookAtRequest({ url, method, headers }: Request): Refused | undefined {
    const { hosts, limits, limitCounter } = this.#options;
    if (!hosts.allows(url, headers.get("host"))) {
      return {
        reason: "host",
        refusal: new Refusal(
          421,
          "misdirected_request",
          "This host is not known here: start vigie with --http-host NAME to add one",
        ),
      };
    }
    if (isCrossSite(method, headers)) {
      return {
        reason: "cross_site",
        refusal: new Refusal(403, "cross_site", "Pages of other sites may only link here"),
      };
    }
    if (targetOf(url).length > limits.httpUrlBytes) {
      limitCounter.reach("httpUrlBytes");
      return {
        reason: "url",
        refusal: new Refusal(414, "url_too_long", "The path and query are too long", {
          allowed: `${limits.httpUrlBytes} bytes`,
        }),
      };
    }
    return undefined;
  }

  async #lookAtToken({ headers }: Request): Promise<Refused | undefined> {
    const { token } = this.#options;
    if (token === undefined) return undefined;
    const check = await token.check(headers.get("authorization"));
    if (check === "right") return undefined;
    const isWrong = check === "wrong";
    return {
      reason: "token",
      refusal: isWrong
        ? new Refusal(401, "invalid_token", "The token is not the one in the --token-file")
        : new Refusal(401, "missing_token", "A token is needed: send Authorization: Bearer TOKEN"),
      headers: {
        "WWW-Authenticate": `Bearer realm="vigie"${isWrong ? ', error="invalid_token"' : ""}`,
      },
    };
  }

  #lookAtRequests(): Refused | undefined {
    const { limits, limitCounter } = this.#options;
    if (this.#openRequests < limits.httpRequests) return undefined;
    limitCounter.reach("httpRequests");
    return {
      reason: "requests",
      refusal: new Refusal(503, "too_many_requests", "Too many requests are being answered", {
        retryAfterSeconds: 1,
      }),
    };
  }
}

/** How many requests were refused before the first one. */
export function noRefusals(): Record<GuardReason, number> {
  return { host: 0, cross_site: 0, url: 0, token: 0, requests: 0 };
}

interface Refused {
  readonly reason: GuardReason;
  readonly refusal: Refusal;
  readonly headers?: Readonly<Record<string, string>>;
}

/**
 * Whether it is for whom supervises the program, has no token, and must not take it for dead where
 * it is busy: `/healthz` says how the program does, and no more. As text: what is open has one
 * spelling, and no other one leads to it.
 */
function isOpenPath(url: string): boolean {
  return targetOf(url).replace(/\?.*/s, "") === "/healthz";
}

/**
 * Whether a browser asks for a page of another origin, and not because somebody follows a link.
 * Such a page can read nothing anyway; this keeps it from making vigie work, and from measuring how
 * long that takes. Pages of other ports of this machine are "same-site" to a browser, and no more
 * to be trusted. Who is no browser does not say where it comes from.
 */
function isCrossSite(method: string, headers: Headers): boolean {
  const site = headers.get("sec-fetch-site") ?? "none";
  if (site === "none" || site === "same-origin") return false;
  const isLink = (method === "GET" || method === "HEAD") &&
    headers.get("sec-fetch-mode") === "navigate" && headers.get("sec-fetch-dest") === "document";
  return !isLink;
}

/** Path and query of a URL, as they were sent. */
function targetOf(url: string): string {
  return url.replace(/^[a-z]+:\/\/[^/?#]*/i, "");
}
