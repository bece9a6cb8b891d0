import { type ConversionConfig, toJsonSchema, toJsonSchemaDefs } from "@valibot/to-json-schema";
import * as v from "valibot";
import { COMPONENTS } from "./api/components.ts";
import { shownAs } from "./api/parameter_schemas.ts";
import { RefusalSchema } from "./api/program_schemas.ts";
import {
  type AnswerDescription,
  pathTemplate,
  refusalsByStatus,
  type RouteDescription,
  type RouteExample,
  TAGS,
} from "./api/route_description.ts";
import { JSON_TYPE } from "./json_answer.ts";
import { isRepeatable, unwrapped } from "./query_parameters.ts";
import { type RefusalCode, type RefusalEntry, REFUSALS } from "./refusal_codes.ts";

/** An OpenAPI 3.1 document, as far as it is used here. */
export interface OpenApiDocument {
  readonly openapi: "3.1.0";
  readonly info: { readonly title: string; readonly version: string; readonly description: string };
  readonly servers: readonly { readonly url: string }[];
  readonly security: readonly Readonly<Record<string, readonly string[]>>[];
  readonly tags: readonly { readonly name: string; readonly description: string }[];
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: {
    readonly schemas: Readonly<Record<string, JsonSchema>>;
    readonly securitySchemes: Readonly<Record<string, unknown>>;
  };
}

/** One route in the document. */
export interface Operation {
  readonly operationId: string;
  readonly tags: readonly string[];
  readonly summary: string;
  readonly description?: string;
  readonly parameters: readonly Parameter[];
  readonly requestBody?: {
    readonly required: boolean;
    readonly description: string;
    readonly content: Readonly<Record<string, MediaType>>;
  };
  readonly responses: Readonly<Record<string, Answer>>;
  /** Empty where no token is ever needed; that of the document unless told. */
  readonly security?: readonly Readonly<Record<string, readonly string[]>>[];
  /** Lines for a shell; a name that other programs which show documents know too. */
  readonly "x-codeSamples"?: readonly { readonly lang: string; readonly source: string }[];
}

/** What may come with a request. */
export interface Parameter {
  readonly name: string;
  readonly in: "query" | "path" | "header";
  readonly description: string;
  readonly required: boolean;
  readonly explode?: boolean;
  readonly schema: JsonSchema;
}

/** One status that a route answers with. */
export interface Answer {
  readonly description: string;
  readonly headers?: Readonly<
    Record<string, { readonly description: string; readonly schema: JsonSchema }>
  >;
  readonly content?: Readonly<Record<string, MediaType>>;
}

/** One form of a body. */
export interface MediaType {
  readonly schema: JsonSchema;
  readonly example?: unknown;
}

/** A JSON schema, as far as it is made here. */
export interface JsonSchema {
  readonly type?: string;
  readonly description?: string;
  readonly $ref?: string;
  readonly anyOf?: readonly JsonSchema[];
  readonly items?: JsonSchema;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly additionalProperties?: boolean | JsonSchema;
  readonly required?: readonly string[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly default?: unknown;
  readonly format?: string;
  readonly pattern?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly examples?: readonly unknown[];
  readonly isRepeatable?: boolean;
}

/** The document of these routes. Takes some milliseconds. */
export function openApiDocument(
  routes: readonly RouteDescription[],
  version: string,
): OpenApiDocument {
  const paths: Record<string, Record<string, Operation>> = {};
  for (const route of routes) {
    paths[pathTemplate(route)] = { [route.method.toLowerCase()]: operationOf(route) };
  }
  return {
    openapi: "3.1.0",
    info: { title: "vigie", version, description: ABOUT },
    servers: [{ url: "/" }],
    // A token is only asked for where vigie was started with one.
    security: [{}, { bearer: [] }],
    tags: Object.entries(TAGS).map(([name, description]) => ({ name, description })),
    paths,
    components: {
      schemas: toJsonSchemaDefs(COMPONENTS, CONVERSION) as Record<string, JsonSchema>,
      securitySchemes: {
        bearer: {
          type: "http",
          scheme: "bearer",
          description: "Only where vigie was started with a token.",
        },
      },
    },
  };
}

const ABOUT =
  "Counts of HTTP errors in access logs, as they come in: by window of time, status, client and URL." +
  "\n\n" +
  "Every route that answers GET answers HEAD too; any other method gets 405 with `Allow`, any other " +
  "path 404, both as a `Refusal`. Times are answered as ISO 8601 in UTC with milliseconds and `Z`. " +
  "As parameters they are ISO 8601 with an offset, or whole milliseconds since 1970, never seconds. " +
  "A `+` in a query should be written `%2B`.";

const CONVERSION = {
  target: "draft-2020-12",
  typeMode: "output",
  overrideRef: ({ referenceId }) => referenceTo(referenceId),
  // What becomes of a text is nothing that a client could see.
  ignoreActions: ["transform", "raw_transform", "raw_check", "readonly"],
} as const satisfies ConversionConfig;

function referenceTo(name: string): string {
  return `#/components/schemas/${name}`;
}

function operationOf(route: RouteDescription): Operation {
  const { operationId, tag, summary, description, query, isPublic, body, example } = route;
  return {
    operationId,
    tags: [tag],
    summary,
    ...(description === undefined ? {} : { description }),
    parameters: [
      ...parametersOf("path", route.pathParameters ?? {}),
      ...parametersOf("query", query.entries as Readonly<Record<string, v.GenericSchema>>),
      ...parametersOf("header", route.headers ?? {}),
    ],
    ...(body === undefined ? {} : {
      requestBody: {
        required: true,
        description: body.description,
        content: Object.fromEntries(
          body.types.map((type) => [type, {
            schema: { type: "string" },
            ...(example?.headers?.["Content-Type"] === type ? { example: example.body } : {}),
          }]),
        ),
      },
    }),
    responses: answersOf(route),
    ...(isPublic === true ? { security: [] } : {}),
    ...(example === undefined
      ? {}
      : { "x-codeSamples": [{ lang: "sh", source: curlLine(example, route) }] }),
  };
}

/** The line that sends an example. */
function curlLine(
  { request, headers = {}, body }: RouteExample,
  { answers }: RouteDescription,
): string {
  const isStream = answers[200]?.texts?.["text/event-stream"] !== undefined;
  const quotes = (text: string) => /^[\w/.:-]+$/.test(text) ? text : `'${text}'`;
  return [
    isStream ? "curl -sN" : "curl -s",
    ...Object.entries(headers).map(([name, value]) => `-H '${name}: ${value}'`),
    ...(body === undefined ? [] : [`--data-binary '${body}'`]),
    quotes(`localhost:8000${request}`),
  ].join(" ");
}

function parametersOf(
  place: Parameter["in"],
  schemas: Readonly<Record<string, v.GenericSchema>>,
): Parameter[] {
  return Object.entries(schemas).map(([name, schema]) => {
    const inner = unwrapped(schema);
    const fallback = v.safeParse(schema, undefined);
    const hasDefault = fallback.success && fallback.output !== undefined && !isRepeatable(schema);
    // What it means is said of the parameter, and marks of our own are nobody's business.
    const { description = "", isRepeatable: _, ...shape } = toSchema(inner);
    const shown = shownAs(inner);
    return {
      name,
      in: place,
      description,
      required: schema.type !== "optional",
      ...(isRepeatable(schema) ? { explode: true } : {}),
      schema: {
        ...(shown === undefined ? shape : toSchema(shown)),
        ...(hasDefault ? { default: fallback.output } : {}),
      },
    };
  });
}

function answersOf(route: RouteDescription): Record<string, Answer> {
  const answers = new Map<number, Answer>();
  for (const [status, answer] of Object.entries(route.answers)) {
    answers.set(Number(status), toAnswer(route, Number(status), answer));
  }
  for (const [status, codes] of refusalsByStatus(route)) {
    answers.set(status, withRefusals(answers.get(status), codes));
  }
  return Object.fromEntries(answers);
}

function toAnswer(
  { example }: RouteDescription,
  status: number,
  { description, json, texts = {}, headers }: AnswerDescription,
): Answer {
  const content = {
    ...(json === undefined ? {} : {
      [JSON_TYPE]: {
        schema: toSchema(json),
        ...(example?.answer === undefined || status !== 200 ? {} : { example: example.answer }),
      },
    }),
    ...Object.fromEntries(
      Object.entries(texts).map(([type, description]) => [
        type,
        { schema: { type: "string", description } },
      ]),
    ),
  };
  return {
    description,
    ...(headers === undefined ? {} : { headers: toHeaders(headers) }),
    ...(Object.keys(content).length === 0 ? {} : { content }),
  };
}

/** An answer of a status that also stands for refusals, by these codes. */
function withRefusals(answer: Answer | undefined, codes: readonly RefusalCode[]): Answer {
  const own = answer?.content?.[JSON_TYPE]?.schema;
  const schema = toSchema(RefusalSchema);
  const reasons = codes.map((code) => `\`${code}\`: ${REFUSALS[code].when}.`);
  const headers = {
    ...(codes.some((code) => (REFUSALS[code] as RefusalEntry).retries)
      ? { "Retry-After": "When to try again, in seconds." }
      : {}),
    ...(codes.includes("missing_token")
      ? { "WWW-Authenticate": "That it is a bearer token that is missing, or is wrong." }
      : {}),
  };
  return {
    description: [...(answer === undefined ? [] : [answer.description]), ...reasons].join("\n\n"),
    ...(Object.keys(headers).length === 0 ? {} : { headers: toHeaders(headers) }),
    content: { [JSON_TYPE]: { schema: own === undefined ? schema : { anyOf: [own, schema] } } },
  };
}

function toHeaders(headers: Readonly<Record<string, string>>): NonNullable<Answer["headers"]> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, description]) => [
      name,
      { description, schema: { type: "string" } },
    ]),
  );
}

function toSchema(schema: v.GenericSchema): JsonSchema {
  const name = Object.keys(COMPONENTS).find((name) =>
    COMPONENTS[name as keyof typeof COMPONENTS] === schema
  );
  if (name !== undefined) return { $ref: referenceTo(name) };
  const { $schema: _, ...shape } = toJsonSchema(schema, CONVERSION);
  return shape as JsonSchema;
}
