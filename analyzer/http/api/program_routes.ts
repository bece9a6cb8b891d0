import * as v from "valibot";
import { DELIVERY_EXAMPLE, HEALTH_EXAMPLE, READINESS_EXAMPLE } from "./examples.ts";
import { described } from "./parameter_schemas.ts";
import {
  DeliverySchema,
  HealthSchema,
  ReadinessSchema,
  RouteListSchema,
} from "./program_schemas.ts";
import { describeRoute, HEALTH_PATH } from "./route_description.ts";

/** Media types of the bodies that `POST /logs` takes, and how their lines are read. */
export const BODY_TYPES = {
  "application/x-ndjson": "json",
  "application/jsonl": "json",
  "text/csv": "csv",
} as const;

/** `POST /logs`. */
export const LOGS_ROUTE = describeRoute({
  method: "POST",
  path: "/logs",
  operationId: "deliverLogs",
  tag: "Delivery",
  summary: "Takes log lines, and answers with their counts once they are durable",
  description:
    "Without an `Idempotency-Key`, a body that is sent again is counted again; with one, what was " +
    "counted of it is not. Lines that are no records are counted, and no reason to refuse the others.",
  query: v.strictObject({}),
  headers: {
    "Content-Encoding": v.optional(described(
      v.picklist(["gzip", "x-gzip", "identity"]),
      "How the body is compressed.",
    )),
    "Idempotency-Key": v.optional(described(
      v.string(),
      "A name for this body, of 1 to 255 visible ASCII characters, with or without quotes around it.",
    )),
  },
  body: {
    description: "One record a line, of any number of lines: JSON objects, or CSV.",
    types: Object.keys(BODY_TYPES) as (keyof typeof BODY_TYPES)[],
  },
  answers: { 200: { description: "All of it is counted, and durable.", json: DeliverySchema } },
  refusals: [
    ...["invalid_key", "broken_encoding", "broken_body", "silent", "too_slow"] as const,
    ...["key_in_use", "body_too_long"] as const,
    ...["unsupported_type", "unsupported_encoding", "other_body", "too_many_deliveries"] as const,
    ...["internal", "stopping", "writer_fault", "not_accepting"] as const,
  ],
  example: {
    request: "/logs",
    headers: { "Content-Type": "application/x-ndjson" },
    body: '{"timestamp":"2025-05-30T18:52:31Z","ip":"192.0.2.1","method":"GET",' +
      '"url":"/resource/42","status":404}',
    answer: DELIVERY_EXAMPLE,
  },
});

/** `GET /healthz`. */
export const HEALTH_ROUTE = describeRoute({
  method: "GET",
  path: HEALTH_PATH,
  operationId: "getHealth",
  tag: "Supervision",
  isPublic: true,
  summary: "200 while the program moves, 503 when it is stuck",
  query: v.strictObject({}),
  answers: {
    200: { description: "It moves.", json: HealthSchema },
    503: { description: "It is stuck.", json: HealthSchema },
  },
  refusals: ["internal"],
  example: { request: "/healthz", answer: HEALTH_EXAMPLE },
});

/** `GET /readyz`. */
export const READINESS_ROUTE = describeRoute({
  method: "GET",
  path: "/readyz",
  operationId: "getReadiness",
  tag: "Supervision",
  summary: "200 once the state is restored and while the writer works, else 503",
  query: v.strictObject({}),
  answers: {
    200: { description: "It works.", json: ReadinessSchema },
    503: { description: "It does not work, or not yet.", json: ReadinessSchema },
  },
  refusals: ["internal"],
  example: { request: "/readyz", answer: READINESS_EXAMPLE },
});

/** `GET /openapi.json`. */
export const OPENAPI_ROUTE = describeRoute({
  method: "GET",
  path: "/openapi.json",
  operationId: "getOpenApi",
  tag: "Documents",
  isPublic: true,
  summary: "All this as an OpenAPI 3.1 document",
  query: v.strictObject({}),
  answers: {
    200: {
      description: "The document.",
      json: v.looseObject({ openapi: v.string() }),
      headers: { ETag: "Changes with the document." },
    },
    304: unchanged(),
  },
  refusals: [],
});

/** `GET /docs`. */
export const DOCS_ROUTE = describeRoute({
  method: "GET",
  path: "/docs",
  operationId: "getDocs",
  tag: "Documents",
  isPublic: true,
  summary: "The same for people to read",
  query: v.strictObject({}),
  answers: {
    200: {
      description: "The page.",
      texts: { "text/html": "A page without scripts." },
      headers: { ETag: "Changes with the page." },
    },
    304: unchanged(),
  },
  refusals: [],
});

/** `GET /`. */
export const INDEX_ROUTE = describeRoute({
  method: "GET",
  path: "/",
  operationId: "getIndex",
  tag: "Documents",
  summary: "The dashboard for a browser; this list for anybody else",
  query: v.strictObject({}),
  answers: {
    200: {
      description: "The list, or the dashboard where `Accept` prefers `text/html`.",
      json: RouteListSchema,
      texts: { "text/html": "The dashboard." },
      headers: { ETag: "Of the dashboard: changes with it." },
    },
    304: unchanged(),
  },
  refusals: [],
});

/** `GET /assets/{name}`. */
export const ASSETS_ROUTE = describeRoute({
  method: "GET",
  path: "/assets/:name",
  operationId: "getAsset",
  tag: "Documents",
  isPublic: true,
  summary: "What the dashboard is made of",
  description: "May change with any version.",
  query: v.strictObject({}),
  pathParameters: { name: described(v.string(), "Name of the file.") },
  answers: {
    200: {
      description: "The file.",
      texts: { "text/javascript": "A module.", "text/css": "A style sheet." },
      headers: { ETag: "Changes with the file." },
    },
    304: unchanged(),
  },
  refusals: ["unknown_path"],
});

function unchanged() {
  return {
    description: "Nothing has changed since the `ETag` that `If-None-Match` names.",
    headers: { ETag: "The same." },
  } as const;
}
