import type { Hono } from "hono";
import { hc } from "hono/client";
import type * as v from "valibot";
import type { ALL_ROUTES } from "./api/all_routes.ts";
import type { AnswerDescription, RouteDescription } from "./api/route_description.ts";
import type { RefusalJson } from "./refusal.ts";
import type { RefusalCode, REFUSALS } from "./refusal_codes.ts";

/** How a {@linkcode Client} asks. */
export interface ClientOptions {
  /** Sent with every request, where vigie was started with a token. */
  readonly token?: string;
  /** Takes the place of the global `fetch`, such as `app.request` in a test. */
  readonly fetch?: (input: RequestInfo | URL, init?: RequestInit) => Promise<Response>;
}

/**
 * A client of the HTTP interface whose requests and answers are typed by the schemas that the server
 * itself reads and describes them by: `client.windows.$get({ query: { limit: 10 } })` for
 * `GET /windows?limit=10`. A path is a chain of properties, a part in braces is
 * `[":start"]`, and `index` is `/`. An answer is a `Response` whose `status` and `ok` tell the types
 * of its `json()`: what the route answers, or a {@linkcode RefusalJson}.
 *
 * @example
 * ```ts ignore
 * import { createClient } from "@vigie/vigie/client";
 *
 * const client = createClient("http://127.0.0.1:8000");
 * const response = await client.summary.$get({ query: { urls: 5 } });
 * if (!response.ok) throw new Error((await response.json()).error.message);
 * for (const { url, count } of (await response.json()).urls) console.log(count, url);
 * ```
 *
 * @param url where vigie answers; a path in it stays before those of the routes
 */
export function createClient(url: string | URL, options: ClientOptions = {}): Client {
  return connect(String(url), options);
}

/** What {@linkcode createClient} makes: a property for each part of a path, and one for the method. */
export type Client = ReturnType<typeof connect>;

/** @internal Its type is that of a client: a name for the whole of it would hold hundreds. */
function connect(url: string, { token, fetch }: ClientOptions) {
  return hc<Hono<Record<never, never>, Routes>>(url, {
    headers: token === undefined ? {} : { Authorization: `Bearer ${token}` },
    ...(fetch === undefined ? {} : { fetch: fetch as typeof globalThis.fetch }),
  });
}

/** Input and answers of every route, by path and method, as Hono wants them. */
type Routes = {
  [Path in AnyRoute["path"]]: {
    [Method in MethodOf<RouteAt<Path>>]: EndpointsOf<RouteAt<Path>>;
  };
};

type AnyRoute = (typeof ALL_ROUTES)[number];

type RouteAt<Path> = Extract<AnyRoute, { readonly path: Path }>;

type MethodOf<Route extends RouteDescription> = `$${Lowercase<Route["method"]>}`;

/** One for each status and form of the answer, as a union. */
type EndpointsOf<Route extends RouteDescription> =
  | {
    [Status in keyof Route["answers"] & number]: FormsOf<
      Route,
      Status,
      Route["answers"][Status] & AnswerDescription
    >;
  }[keyof Route["answers"] & number]
  | Endpoint<Route, RefusalStatusOf<Route>, RefusalJson, "json">;

type FormsOf<Route extends RouteDescription, Status extends number, Answer> =
  | (Answer extends { readonly json: infer Schema extends v.GenericSchema }
    ? Endpoint<Route, Status, v.InferOutput<Schema>, "json">
    : never)
  | (Answer extends { readonly texts: object } ? Endpoint<Route, Status, string, "text"> : never)
  | (Answer extends { readonly json: object } | { readonly texts: object } ? never
    : Endpoint<Route, Status, null, "body">);

/** The name and keys that Hono gives to what a route takes and answers. */
type Endpoint<
  Route extends RouteDescription,
  Status extends number,
  Output,
  Format extends string,
> = {
  readonly input: InputOf<Route>;
  readonly output: Output;
  readonly outputFormat: Format;
  readonly status: Status;
};

type RefusalStatusOf<Route extends RouteDescription> = (typeof REFUSALS)[
  | Extract<Route["refusals"][number], RefusalCode>
  | "unknown_parameter"
  | "starting"
]["status"];

type InputOf<Route extends RouteDescription> =
  & QueryInput<v.InferInput<Route["query"]>>
  & (Route extends { readonly pathParameters: infer Parameters extends object }
    ? { readonly param: { readonly [Name in keyof Parameters]: string } }
    : unknown)
  & (Route extends
    { readonly headers: infer Headers extends Readonly<Record<string, v.GenericSchema>> } ? {
      readonly header?: { readonly [Name in keyof Headers]?: v.InferInput<Headers[Name]> } & {
        readonly "Content-Type"?: Route["body"] extends { readonly types: readonly (infer Type)[] }
          ? Type
          : never;
      };
    }
    : unknown);

/** Required only where one of the parameters is. */
type QueryInput<Query> = Record<never, never> extends Query ? { readonly query?: Query }
  : { readonly query: Query };
