import type * as v from "valibot";
import type { QuerySchema } from "../query_parameters.ts";
import { type RefusalCode, REFUSALS } from "../refusal_codes.ts";

/**
 * One address that can be read, or that takes something, as data: what comes in, by the schemas that
 * read it, and what goes out. The handler of the route gets its query from it, and the OpenAPI
 * document, the page made of that, the list at `/` and the typed client are made of it.
 */
export interface RouteDescription {
  /** The one method that it answers; GET stands for HEAD too. */
  readonly method: "GET" | "POST";
  /** Path as Hono writes it, such as `/windows/:start`. */
  readonly path: `/${string}`;
  /** Name of the operation, for programs that are generated from the document. */
  readonly operationId: string;
  /** What it is about. */
  readonly tag: Tag;
  /** What it answers, in a few words, for the list at `/`. */
  readonly summary: string;
  /** More about it, in paragraphs between which lines are empty. */
  readonly description?: string;
  /** The query parameters that it takes; any other one is refused. */
  readonly query: QuerySchema;
  /** The parameters of its path. */
  readonly pathParameters?: Readonly<Record<string, v.GenericSchema>>;
  /** The headers that it goes by, those apart that HTTP itself defines. */
  readonly headers?: Readonly<Record<string, v.GenericSchema>>;
  /** Whether it is answered without a token also where vigie was started with one. */
  readonly isPublic?: boolean;
  /** What is sent with it. */
  readonly body?: BodyDescription;
  /** What it answers where it serves the request, by HTTP status. */
  readonly answers: Readonly<Record<number, AnswerDescription>>;
  /** Why it may refuse a request, beside the reasons that any route has. */
  readonly refusals: readonly RefusalCode[];
  /** A request that a person may try, and what it gets. */
  readonly example?: RouteExample;
}

/** What a group of routes is about. */
export type Tag = keyof typeof TAGS;

/** All groups, in the order in which they are shown. */
export const TAGS = {
  "Now": "How everything stands at this moment, and as it goes on.",
  "History": "Closed windows, ranges of them, and the stored errors.",
  "Delivery": "Log lines that are sent here.",
  "Supervision": "For what starts, stops and watches the program.",
  "Documents": "What describes and shows all this. The same for everybody, and without a figure.",
} as const;

/** What is sent with a request. */
export interface BodyDescription {
  /** What it is. */
  readonly description: string;
  /** The media types that it may have. */
  readonly types: readonly string[];
}

/** One answer: as JSON, in other forms, or both, of which `Accept` or a parameter chooses. */
export interface AnswerDescription {
  /** What it says. */
  readonly description: string;
  /** The schema of its JSON. */
  readonly json?: v.GenericSchema;
  /** What its other forms are, by media type. */
  readonly texts?: Readonly<Record<string, string>>;
  /** Headers that only it has, and what they say. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** A request and its answer; a test holds it to what the program really answers. */
export interface RouteExample {
  /** Path and query. */
  readonly request: string;
  /** Headers that it needs. */
  readonly headers?: Readonly<Record<string, string>>;
  /** What is sent with it. */
  readonly body?: string;
  /** The JSON of the answer, where it is JSON that is the same each time. */
  readonly answer?: unknown;
}

/** A description as it is written, with the types of all its schemas. */
export function describeRoute<const Description extends RouteDescription>(
  description: Description,
): Description {
  return description;
}

/** Names of the query parameters of a route, in order. */
export function queryNames({ query }: RouteDescription): readonly string[] {
  return Object.keys(query.entries);
}

/** The path of a route as documents write it, such as `/windows/{start}`. */
export function pathTemplate({ path }: RouteDescription): string {
  return path.replace(/:(\w+)/g, "{$1}");
}

/** Every reason for which a route may refuse a request, by status. */
export function refusalsByStatus(
  description: RouteDescription,
): ReadonlyMap<number, RefusalCode[]> {
  const codes = new Map<number, RefusalCode[]>();
  const hasParameters = queryNames(description).length > 0;
  for (
    const code of [
      ...description.refusals,
      ...guardRefusals(description),
      "unknown_parameter" as const,
      ...(hasParameters ? ["repeated_parameter" as const] : []),
      "starting" as const,
    ]
  ) {
    const { status } = REFUSALS[code];
    codes.set(status, [...codes.get(status) ?? [], code]);
  }
  return codes;
}

/** Why a request may get no farther than the guard, which stands before every route. */
function guardRefusals({ path, isPublic = false }: RouteDescription): RefusalCode[] {
  return [
    ...["misdirected_request", "cross_site", "url_too_long"] as const,
    ...(isPublic ? [] : ["missing_token", "invalid_token"] as const),
    // Who supervises the program must not take it for dead where it is busy.
    ...(path === HEALTH_PATH ? [] : ["too_many_requests"] as const),
  ];
}

/** The one route that is answered however many requests there are. */
export const HEALTH_PATH = "/healthz";
