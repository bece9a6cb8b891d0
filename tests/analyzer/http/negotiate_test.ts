import assert from "node:assert/strict";
import fc from "fast-check";
import { negotiate } from "../../../analyzer/http/negotiate.ts";

const OFFERED = ["application/json", "text/plain"] as const;

function assertChooses(expected: string | undefined, accepts: readonly (string | undefined)[]) {
  for (const accept of accepts) assert.equal(negotiate(accept, OFFERED), expected, accept);
}

Deno.test("negotiate() takes the favourite where the client does not mind", () => {
  assertChooses("application/json", [undefined, "", " ", "*/*", "application/*, text/*"]);
});

Deno.test("negotiate() takes the higher quality, and the favourite of equals", () => {
  assertChooses("text/plain", ["application/json;q=0.4, text/plain;q=0.5"]);
  assertChooses("application/json", ["text/plain;q=0.5, application/json;q=0.5"]);
});

Deno.test("negotiate() takes a type by its name before one that only a range covers", () => {
  assertChooses("text/plain", ["text/plain", "*/*, text/plain", "application/*, text/plain"]);
  assertChooses("text/plain", ["text/*, */*"]);
});

Deno.test("negotiate() lets the more exact range decide over the quality of a type", () => {
  assertChooses("text/plain", ["application/json;q=0.1, */*;q=0.2"]);
  assertChooses("application/json", ["text/*;q=0.9, text/plain;q=0.1, */*;q=0.5"]);
});

Deno.test("negotiate() never takes a type of quality 0", () => {
  assertChooses("text/plain", ["application/json;q=0, */*;q=0.1"]);
  assertChooses(undefined, ["*/*;q=0", "application/json;q=0", "text/html", "text/plain;q=0.000"]);
});

Deno.test("negotiate() reads case, spaces and other parameters away", () => {
  assertChooses("text/plain", [
    "TEXT/PLAIN",
    " text/plain ; version=0.0.4 ; Q=1.000 ",
    "text/plain;version=1.0.0;q=0.1,text/plain;version=0.0.4;q=0.9,application/json;q=0.5",
  ]);
});

Deno.test("negotiate() ignores ranges that it cannot read", () => {
  assertChooses("text/plain", [
    "application/json;q=2, text/plain;q=0.1",
    "application/json;q=, text/plain;q=0.1",
    "application/json;q=0.1234, text/plain;q=0.1",
    "*/json, *, /, ,text/plain;q=0.1",
  ]);
  assertChooses(undefined, ["*", "text", ",", "*/plain"]);
});

Deno.test("negotiate() survives any header", () => {
  const part = fc.constantFrom("text/plain", "*/*", "text/*", ";", ",", "q=", "0.5", "=", " ", "/");
  fc.assert(fc.property(fc.array(part), (parts) => {
    const chosen = negotiate(parts.join(""), OFFERED);
    assert.ok(chosen === undefined || OFFERED.includes(chosen));
  }));
});
