import type { Context } from "hono";
import type { DeliveryAnswer, DeliveryRequest } from "../delivery/delivery.ts";
import { counted } from "../counted.ts";
import type { Json } from "./api/json_schemas.ts";
import { BODY_TYPES, LOGS_ROUTE } from "./api/program_routes.ts";
import type { DeliverySchema } from "./api/program_schemas.ts";
import type { AppDeps } from "./app_deps.ts";
import { answerJson } from "./json_answer.ts";
import { toTotalsJson } from "./live_json.ts";
import { Refusal } from "./refusal.ts";
import { type Route, route } from "./route.ts";

/** `POST /logs`: takes lines, and answers once they are durable. */
export function logsRoutes(deps: AppDeps, onAnswered: (status: number) => void): Route[] {
  return [
    route(LOGS_ROUTE, async (context) => {
      const request = readRequest(context);
      refuseLongBody(context, deps);
      const { deliveries } = deps;
      if (deliveries === undefined) {
        throw new Refusal(
          "not_accepting",
          "This run ends with its sources (--once), and takes no deliveries",
        );
      }
      if (deps.health().writerFault !== "") {
        throw new Refusal("writer_fault", "Nothing can be written for now; see /readyz", {
          retryAfterSeconds: FAULT_RETRY_SECONDS,
        });
      }
      return toResponse(context, await deliveries.receive(request), deps);
    }, { onAnswered }),
  ];
}

/** @throws {Refusal} where the headers do not say what the body is, or say what cannot be read */
function readRequest(context: Context): DeliveryRequest {
  const format = readFormat(context.req.header("content-type"));
  const encoding = context.req.header("content-encoding")?.trim().toLowerCase() ?? "identity";
  if (encoding !== "gzip" && encoding !== "x-gzip" && encoding !== "identity") {
    throw new Refusal("unsupported_encoding", "The body is compressed in an unknown way", {
      parameter: "Content-Encoding",
      value: encoding,
      allowed: "gzip, identity",
    });
  }
  const { body } = context.req.raw;
  return {
    body,
    isGzip: encoding !== "identity",
    format,
    key: readKey(context.req.header("idempotency-key")),
  };
}

/**
 * Nothing is read of a body that says itself that it is too long. Compressed, it may say so too:
 * it hardly becomes shorter.
 */
function refuseLongBody(context: Context, { limits, limitCounter }: AppDeps): void {
  if (Number(context.req.header("content-length") ?? 0) <= limits.httpBodyBytes) return;
  limitCounter.reach("httpBodyBytes");
  throw new Refusal("body_too_long", "The body is too long; nothing of it is counted", {
    allowed: `${limits.httpBodyBytes} bytes`,
  });
}

/**
 * The type has to be told. That a form, plain text and no type at all are refused also keeps web
 * pages from delivering: a browser sends those across sites without asking first, and the others
 * only after a permission that is never given.
 */
function readFormat(header: string | undefined): DeliveryRequest["format"] {
  const type = header?.replace(/;.*/, "").trim().toLowerCase();
  const format = type === undefined ? undefined : FORMATS.get(type);
  if (format !== undefined) return format;
  throw new Refusal("unsupported_type", "The type of the body has to say what its lines are", {
    parameter: "Content-Type",
    ...(header === undefined ? {} : { value: header }),
    allowed: [...FORMATS.keys()].join(", "),
  });
}

const FORMATS: ReadonlyMap<string, DeliveryRequest["format"]> = new Map(Object.entries(BODY_TYPES));

/** A key as it is, or as the string that the draft of the IETF makes of it: `"…"`. */
function readKey(header: string | undefined): string | undefined {
  if (header === undefined) return undefined;
  const text = header.trim();
  const key = /^"(.*)"$/.exec(text)?.[1]?.replaceAll(/\\(["\\])/g, "$1") ?? text;
  if (/^[!-~]{1,255}$/.test(key)) return key;
  const allowed = "1 to 255 visible ASCII characters";
  throw new Refusal("invalid_key", `Idempotency-Key must be ${allowed}`, {
    parameter: "Idempotency-Key",
    value: header,
    allowed,
  });
}

/** @throws {Refusal} for everything but a body that was counted to its end */
function toResponse(
  context: Context,
  answer: DeliveryAnswer,
  { limits }: AppDeps,
): Response {
  switch (answer.kind) {
    case "delivered": {
      const delivery: Json<typeof DeliverySchema> = {
        durable: answer.isDurable,
        repeated: answer.isRepeated,
        totals: toTotalsJson(answer.totals),
      };
      return answerJson(context, delivery);
    }
    case "broken": {
      const before = `${counted(answer.lines, "line")} before that ${
        answer.lines === 1 ? "is" : "are"
      } counted`;
      switch (answer.why) {
        case "silent":
          throw new Refusal("silent", `Nothing came for too long; ${before}`);
        case "too-slow":
          throw new Refusal("too_slow", `Others wait for this place; ${before}`, {
            retryAfterSeconds: RETRY_SECONDS,
          });
        case "too-long":
          throw new Refusal("body_too_long", `The body is too long; ${before}`, {
            allowed: `${limits.httpBodyBytes} bytes`,
          });
        case "encoding":
          throw new Refusal("broken_encoding", `The body is no whole gzip; ${before}`);
        case "lost":
          throw new Refusal("broken_body", `The body broke off; ${before}`);
      }
      break;
    }
    case "other-body":
      throw new Refusal(
        "other_body",
        "Another body was delivered under this Idempotency-Key; nothing of this one is counted",
        { parameter: "Idempotency-Key" },
      );
    case "key-in-use":
      throw new Refusal("key_in_use", "A request with this Idempotency-Key is on its way", {
        parameter: "Idempotency-Key",
        retryAfterSeconds: RETRY_SECONDS,
      });
    case "overloaded":
      throw new Refusal("too_many_deliveries", "Too many deliveries at a time", {
        retryAfterSeconds: RETRY_SECONDS,
      });
    case "stopped":
      throw new Refusal("stopping", "The program stops: it cannot say what will be kept", {
        retryAfterSeconds: RETRY_SECONDS,
      });
  }
}

const RETRY_SECONDS = 1;
const FAULT_RETRY_SECONDS = 5;
