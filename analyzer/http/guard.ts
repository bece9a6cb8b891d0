import type { LimitCounter, Limits } from "../limits.ts";
import { ALL_ROUTES } from "./api/all_routes.ts";
import { HEALTH_PATH, type RouteDescription } from "./api/route_description.ts";
import type { BearerToken } from "./bearer_token.ts";
import { wantsPage } from "./dashboard_routes.ts";
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
    const path = targetOf(request.url).replace(/\?.*/s, "");
    const isHealth = path === HEALTH_PATH;
    const refused = this.#lookAtRequest(request) ??
      (isPublic(path, request.headers.get("accept"))
        ? undefined
        : await this.#lookAtToken(request)) ??
      (isHealth ? undefined : this.#lookAtRequests());
    if (refused !== undefined) {
      const { reason, refusal, headers } = refused;
      this.#refused[reason]++;
      return refusalResponse(refusal, headers);
    }
    if (isHealth) return await next(request);
    const leave = this.#enter();
    void sent.then(leave);
    const response = await next(request);
    // A stream of events goes on for days; how many there may be is a limit of its own.
    if (response.headers.get("Content-Type")?.startsWith("text/event-stream") === true) leave();
    return response;
  }

  /** Takes one of the places for requests; what it returns gives it back, however often called. */
  #enter(): () => void {
    this.#openRequests++;
    let isIn = true;
    return () => {
      if (isIn) this.#openRequests--;
      isIn = false;
    };
  }

  #lookAtRequest({ url, method, headers }: Request): Refused | undefined {
    const { hosts, limits, limitCounter } = this.#options;
    if (!hosts.allows(url, headers.get("host"))) {
      return {
        reason: "host",
        refusal: new Refusal(
          "misdirected_request",
          "This host is not known here: start vigie with --http-host NAME to add one",
        ),
      };
    }
    if (isCrossSite(method, headers)) {
      return {
        reason: "cross_site",
        refusal: new Refusal("cross_site", "Pages of other sites may only link here"),
      };
    }
    if (targetOf(url).length > limits.httpUrlBytes) {
      limitCounter.reach("httpUrlBytes");
      return {
        reason: "url",
        refusal: new Refusal("url_too_long", "The path and query are too long", {
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
        ? new Refusal("invalid_token", "The token is not the one in the --token-file")
        : new Refusal("missing_token", "A token is needed: send Authorization: Bearer TOKEN"),
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
      refusal: new Refusal("too_many_requests", "Too many requests are being answered", {
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
 * Whether a request gets nothing but what is the same for everybody: how the program does, the page,
 * what it is made of, what describes the interface. As text: what is public has one spelling, and
 * no other one leads to it.
 *
 * @param path as it was sent, without the query
 * @param accept its `Accept` header
 */
export function isPublic(path: string, accept: string | null): boolean {
  if (path === "/") return wantsPage(accept ?? undefined);
  return PUBLIC_PATHS.some((pattern) => pattern.test(path));
}

const ROUTES: readonly RouteDescription[] = ALL_ROUTES;

const PUBLIC_PATHS = ROUTES.filter(({ isPublic = false }) => isPublic).map(({ path }) =>
  new RegExp(`^${path.replaceAll(".", "\\.").replace(/:\w+/g, "[\\w.]+")}$`)
);

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
