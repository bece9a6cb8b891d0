import assert from "node:assert/strict";
import type { Rates, StatusEvent } from "../../../../analyzer/http/dashboard/types.ts";
import {
  compare,
  judge,
  judgeRates,
  missingSources,
  titleOf,
} from "../../../../analyzer/http/dashboard/verdict.js";
import { source } from "../../../support/fake_analyzer.ts";

/** A verdict on so many errors of so many requests a minute, now and in the hour before. */
function verdict(now: [number, number] | null, before: [number, number] | null): string {
  const { level, sentence } = judgeRates(rates(now, before));
  // Numbers as they are written in English, whoever runs the tests.
  return `${level}: ${sentence.replace(/(\d),(\d)/, "$1.$2").replace(/\s%/, "%")}`;
}

function rates(now: [number, number] | null, before: [number, number] | null): Rates {
  return {
    errors_per_minute: now && now[0],
    error_rate: now && now[0] / now[1],
    errors_per_minute_hour_before: before && before[0],
    error_rate_hour_before: before && before[0] / before[1],
  };
}

Deno.test("judgeRates() says in words what a person would", () => {
  assert.equal(verdict([12, 600], [12, 600]), "usual: Quiet: 12 errors a minute, as usual");
  assert.equal(verdict([120, 600], [120, 600]), "usual: As usual: 120 errors a minute");
  assert.equal(
    verdict([64, 600], [20, 600]),
    "bad: Errors are 3.2 times what they were in the hour before",
  );
  assert.equal(
    verdict([40, 600], [20, 600]),
    "raised: Errors are 2 times what they were in the hour before",
  );
  assert.equal(
    verdict([60, 1800], [20, 600]),
    "usual: More errors with more traffic: 60 errors a minute, at the usual rate",
  );
  assert.equal(
    verdict([20, 60], [20, 600]),
    "raised: Fewer requests, and 10 times as many of them fail",
  );
  assert.equal(verdict([2, 600], [40, 600]), "usual: Fewer errors than usual: 2 a minute");
});

Deno.test("judgeRates() takes chance for chance, and the first error for news", () => {
  // One error a minute may well be three.
  assert.match(verdict([3, 600], [1, 600]), /^usual: /);
  assert.match(verdict([5, 600], [1, 600]), /^bad: /);
  assert.equal(verdict([0, 600], [0, 600]), "usual: Quiet: no errors, as in the hour before");
  assert.match(verdict([3, 600], [0, 600]), /^raised: A few errors/);
  assert.equal(verdict([4, 600], [0, 600]), "bad: Errors have begun: 4 a minute after none");
});

Deno.test("judgeRates() does not call it usual that most requests fail", () => {
  assert.equal(
    verdict([300, 600], [300, 600]),
    "bad: 50.0% of all requests fail: 300 errors a minute",
  );
  assert.match(verdict([299, 600], [300, 600]), /^usual: /);
  assert.equal(verdict([400, 600], null), "bad: 66.7% of all requests fail");
});

Deno.test("judgeRates() knows what it does not know", () => {
  assert.match(verdict(null, null), /^unknown: No records yet/);
  assert.equal(
    verdict([1, 600], null),
    "usual: 1 error a minute; there is no hour before to compare with",
  );
  assert.equal(compare(1, null, String), "no hour before to compare with");
  assert.equal(compare(1, 2, String), "2 in the hour before");
});

Deno.test("judge() calls no news no good news where nothing is read", () => {
  assert.equal(judge(undefined).level, "unknown");
  const [lost, connected, ended] = [
    source("tcp://a", { phase: "waiting" }),
    source("tcp://b"),
    source("file:c", { phase: "ended" }),
  ];
  const judged = (sources: StatusEvent["sources"]) =>
    judge({ sources, rates: rates([12, 600], [12, 600]) } as StatusEvent);
  assert.equal(judged([connected]).level, "usual");
  assert.equal(judged([lost, connected]).level, "usual");
  assert.equal(judged([lost]).sentence, "Nothing is being read: the source is not connected");
  assert.equal(
    judged([lost, lost]).sentence,
    "Nothing is being read: all 2 sources are not connected",
  );
  // A log that was read to its end is no trouble.
  assert.equal(judged([ended]).level, "usual");
});

Deno.test("missingSources() tells of sources that are lost, and not of listeners that wait", () => {
  const [lost, connected, listening] = [
    source("tcp://a", { phase: "waiting", reason: "connection refused" }),
    source("tcp://b"),
    source("tcp-listen://c", { phase: "waiting", reason: "" }),
  ];
  const missing = (sources: StatusEvent["sources"]) => missingSources({ sources } as StatusEvent);
  assert.equal(missing([connected, listening]), "");
  assert.equal(missing([lost, connected]), "1 of 2 sources is not connected");
  assert.equal(missing([lost, lost, listening]), "2 of 3 sources are not connected");
});

Deno.test("titleOf() tells of trouble, and only of that", () => {
  const status = (now: [number, number]) =>
    ({ sources: [source("tcp://a")], rates: rates(now, [20, 600]) }) as unknown as StatusEvent;
  const isLost = false;
  assert.equal(titleOf(undefined, { isLost }), "vigie");
  assert.equal(titleOf(status([20, 600]), { isLost }), "vigie");
  assert.equal(
    titleOf(status([80, 600]), { isLost }),
    "Errors are 4 times what they were in the hour before – vigie",
  );
  assert.equal(titleOf(status([80, 600]), { isLost: true }), "No connection – vigie");
});
