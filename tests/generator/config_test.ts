import assert from "node:assert/strict";
import { UsageException } from "../../command_line/options.ts";
import { parseOptions } from "../../command_line/deno/parse_options.ts";
import { generatorConfig, generatorOptions } from "../../generator/config.ts";
import { IP_COUNT_MAX } from "../../generator/traffic_model.ts";
import { configOf } from "./test_config.ts";

Deno.test("generatorConfig() has the documented defaults", () => {
  assert.deepEqual(configOf("--seed 7"), {
    traffic: {
      seed: 7,
      urlCount: 10,
      ipCount: IP_COUNT_MAX,
      statusShares: [0.9, 0.05, 0.05],
      bursts: [],
      late: { share: 0, byMs: 0 },
      malformedShare: 0,
    },
    format: "json",
    header: false,
    recordsPerSecond: 1,
    recordCountMax: Infinity,
    durationMs: Infinity,
    startMs: undefined,
    eventRecordsPerSecond: 1000,
    backfillMs: 0,
    listen: undefined,
  });
});

Deno.test("generatorConfig() takes every option", () => {
  const config = configOf(
    "--rate max --urls 1000 --format csv --header --status-dist 95,2.5,2.5 --ips 50 --count 1e6 " +
      "--duration 10s --seed 3 --start 2025-05-30T18:52:30Z --event-rate 2000 --backfill 10m " +
      "--listen 9999 --late 1%@45s --malformed 0.1% --burst 500:x10@2m/20s --burst 404:x1.5@1m/1m",
  );
  assert.deepEqual(config, {
    traffic: {
      seed: 3,
      urlCount: 1000,
      ipCount: 50,
      statusShares: [0.95, 0.025, 0.025],
      bursts: [
        { status: 500, factor: 10, periodMs: 120_000, lengthMs: 20_000 },
        { status: 404, factor: 1.5, periodMs: 60_000, lengthMs: 60_000 },
      ],
      late: { share: 0.01, byMs: 45_000 },
      malformedShare: 0.001,
    },
    format: "csv",
    header: true,
    recordsPerSecond: Infinity,
    recordCountMax: 1e6,
    durationMs: 10_000,
    startMs: Date.UTC(2025, 4, 30, 18, 52, 30),
    eventRecordsPerSecond: 2000,
    backfillMs: 600_000,
    listen: { hostname: "127.0.0.1", port: 9999 },
  });
});

Deno.test("generatorConfig() takes another seed each time unless one is given", () => {
  const values = parseOptions(generatorOptions, []);
  const seeds = Array.from({ length: 4 }, () => generatorConfig(values).traffic.seed);
  assert(new Set(seeds).size > 1);
});

for (
  const commandLine of [
    "--rate 0",
    "--rate -1",
    "--rate fast",
    "--urls 0",
    "--urls 1000000000",
    "--ips 0",
    `--ips ${IP_COUNT_MAX + 1}`,
    "--status-dist 90,5",
    "--status-dist 90,5,6",
    "--status-dist 90,5,five",
    "--status-dist 100,,0",
    "--count 1.5",
    "--late 1%",
    "--late 1%@45s@2",
    "--late 101%@45s",
    "--malformed 1",
    "--burst 500:x10@20s/2m",
    "--burst 503:x10@2m/20s",
    "--burst 500:x0.5@2m/20s",
    "--burst 500:10@2m/20s",
    "--burst 500:x1.2.3@2m/20s",
    "--header",
    "--event-rate 1000",
    "--rate max --event-rate 1000",
    "--burst 500:x10@2m/20s --status-dist 95,5,0",
    "--start 1970-01-01T00:00:44Z --late 1%@45s",
    "--event-rate 0 --rate max --backfill 1s",
  ]
) {
  Deno.test(`generatorConfig() refuses ${commandLine}`, () => {
    assert.throws(() => configOf(commandLine), UsageException);
  });
}

Deno.test("generatorConfig() takes the last allowed values", () => {
  assert.equal(configOf("--urls 999_999_999").traffic.urlCount, 999_999_999);
  assert.equal(configOf(`--ips ${IP_COUNT_MAX}`).traffic.ipCount, IP_COUNT_MAX);
  assert.equal(configOf("--start 1970-01-01T00:00:45Z --late 1%@45s").startMs, 45_000);
  assert.equal(configOf("--rate max --backfill 1m --event-rate 5").eventRecordsPerSecond, 5);
});
