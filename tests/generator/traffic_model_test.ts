import assert from "node:assert/strict";
import fc from "fast-check";
import {
  IP_COUNT_MAX,
  MALFORMATIONS,
  poolAddress,
  RecordColumns,
  type RecordRange,
  TrafficModel,
} from "../../generator/traffic_model.ts";
import { STATUSES } from "../../generator/status_shares.ts";
import { configOf } from "./test_config.ts";

const START_US = Date.UTC(2025, 4, 30, 18, 52) * 1000;

function modelOf(commandLine: string): TrafficModel {
  return new TrafficModel(configOf(commandLine).traffic);
}

function fill(commandLine: string, range: Partial<RecordRange>): RecordColumns {
  const rowCount = range.rowCount ?? 1;
  const columns = new RecordColumns(rowCount);
  modelOf(commandLine).fill(columns, {
    firstIndex: 0,
    originUs: START_US,
    recordsPerSecond: 1000,
    ...range,
    rowCount,
  });
  return columns;
}

/** How often each value occurs, by value from 0. */
function tally(values: Iterable<number>, length: number): number[] {
  const counts = new Array<number>(length).fill(0);
  for (const value of values) counts[value]!++;
  return counts;
}

/** Five standard deviations of a count with a binomial distribution. */
function assertShare(count: number, total: number, share: number): void {
  const deviation = Math.abs(count - total * share);
  assert(
    deviation <= 5 * Math.sqrt(total * share * (1 - share)),
    `${count} of ${total} is far from ${share}`,
  );
}

Deno.test("TrafficModel.fill() gives the same records however a range is cut, and record by record", () => {
  const commandLine = "--late 20%@45s --malformed 10% --burst 500:x5@2s/1s --ips 50 --urls 2000";
  const firstIndex = 2 ** 32 - 300; // across the border of a key
  const whole = fill(commandLine, { firstIndex, rowCount: 600, recordsPerSecond: 3 });
  const model = modelOf(commandLine);
  const lengths = fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 1, maxLength: 5 });
  fc.assert(
    fc.property(lengths, (cuts) => {
      let row = 0;
      for (const cut of [...cuts, 600]) {
        const rowCount = Math.min(cut, 600 - row);
        const part = new RecordColumns(600);
        model.fill(part, {
          firstIndex: firstIndex + row,
          rowCount,
          originUs: START_US,
          recordsPerSecond: 3,
        });
        for (
          const name of [
            "timeUs",
            "address",
            "urlNumber",
            "methodIndex",
            "statusIndex",
            "malformation",
          ] as const
        ) {
          assert.deepEqual(part[name].slice(0, rowCount), whole[name].slice(row, row + rowCount));
        }
        row += rowCount;
      }
    }),
    { numRuns: 20 },
  );
  for (const row of [0, 299, 300, 599]) {
    const time = { originUs: START_US, recordsPerSecond: 3 };
    const record = model.recordAt(firstIndex + row, time);
    assert.equal(record.timestampMs, whole.timeUs[row]! / 1000);
    assert.equal(record.status, STATUSES[whole.statusIndex[row]!]);
    assert.equal(record.url, `/resource/${whole.urlNumber[row]}`);
  }
});

Deno.test("TrafficModel.fill() gives other records for another seed", () => {
  const a = fill("--seed 1", { rowCount: 100 });
  const b = fill("--seed 2", { rowCount: 100 });
  assert.notDeepEqual(a.address, b.address);
  assert.notDeepEqual(a.urlNumber, b.urlNumber);
});

Deno.test("TrafficModel.fill() spaces event times by the rate without drifting", () => {
  for (
    const [recordsPerSecond, index, expectedUs] of [
      [3, 3_000_000_000, 1e15],
      [3, 1, 333_333],
      [0.5, 7, 14_000_000],
      [1e6, 123_456_789, 123_456_789],
      [Infinity, 5, 0],
    ] as const
  ) {
    const { timeUs } = fill("", { firstIndex: index, recordsPerSecond });
    assert.equal(timeUs[0], START_US + expectedUs);
  }
});

Deno.test("TrafficModel.fill() keeps the shares of statuses, methods and URLs", () => {
  const rowCount = 400_000;
  const { statusIndex, methodIndex, urlNumber } = fill("--urls 10 --status-dist 80.5,12,7.5", {
    rowCount,
  });
  const statuses = tally(statusIndex, 3);
  [0.805, 0.12, 0.075].forEach((share, i) => assertShare(statuses[i]!, rowCount, share));
  tally(methodIndex, 4).forEach((count) => assertShare(count, rowCount, 1 / 4));
  const urls = tally(urlNumber, 11);
  assert.equal(urls[0], 0);
  urls.slice(1).forEach((count) => assertShare(count, rowCount, 1 / 10));
});

Deno.test("TrafficModel.fill() draws status, method, URL and address independently", () => {
  const rowCount = 400_000;
  const { statusIndex, methodIndex, urlNumber, address } = fill("--urls 4 --status-dist 50,25,25", {
    rowCount,
  });
  const combined = Array.from({ length: rowCount }, (_, row) => {
    const addressBit = address[row]! & 1;
    return ((statusIndex[row]! * 4 + methodIndex[row]!) * 4 + urlNumber[row]! - 1) * 2 + addressBit;
  });
  tally(combined, 96).forEach((count, i) => {
    assertShare(count, rowCount, [0.5, 0.25, 0.25][i >> 5]! / 32);
  });
});

Deno.test("TrafficModel.fill() never gives a status with a share of 0", () => {
  for (const [dist, status] of [["100,0,0", 0], ["0,100,0", 1], ["0,0,100", 2]] as const) {
    const { statusIndex } = fill(`--status-dist ${dist}`, { rowCount: 50_000 });
    assert(statusIndex.every((index) => index === status));
  }
});

Deno.test("TrafficModel.fill() draws from a pool of exactly --ips addresses", () => {
  for (const count of [1, 2, 100]) {
    const { address } = fill(`--ips ${count}`, { rowCount: 20_000 });
    assert.equal(new Set(address).size, count);
  }
  const { address } = fill("--ips 8", { rowCount: 80_000 });
  const addresses = [...new Set(address)];
  const counts = tally(Array.from(address, (value) => addresses.indexOf(value)), 8);
  counts.forEach((count) => assertShare(count, 80_000, 1 / 8));
});

Deno.test("TrafficModel.fill() has unlimited addresses without --ips, with repeats as by chance", () => {
  const rowCount = 400_000;
  const { address } = fill("", { rowCount });
  const repeats = rowCount - new Set(address).size;
  assert(repeats > 2 && repeats < 60, `${repeats} repeats, 21 expected`);
  const firstOctets = tally(Array.from(address, (value) => value >>> 24), 256);
  firstOctets.forEach((count, octet) => {
    const isClient = octet >= 1 && octet <= 223 && octet !== 127;
    assertShare(count, rowCount, isClient ? 1 / 222 : 0);
  });
});

Deno.test("poolAddress() gives distinct client addresses to distinct numbers", () => {
  const numbers = [
    ...Array.from({ length: 300_000 }, (_, i) => i),
    ...Array.from({ length: 300_000 }, (_, i) => IP_COUNT_MAX - 1 - i),
    ...Array.from({ length: 220 }, (_, i) => (i + 1) * 2 ** 24),
  ];
  const addresses = numbers.map((n) => poolAddress(n, 12345));
  assert.equal(new Set(addresses).size, numbers.length);
  for (const address of addresses) {
    const first = address >>> 24;
    assert(first >= 1 && first <= 223 && first !== 127, `${first}`);
  }
});

Deno.test("TrafficModel.fill() sets the event time of the late share back, and nothing else", () => {
  const rowCount = 100_000;
  const onTime = fill("", { rowCount });
  const late = fill("--late 5%@45s", { rowCount });
  let lateCount = 0;
  for (let row = 0; row < rowCount; row++) {
    const backUs = onTime.timeUs[row]! - late.timeUs[row]!;
    assert(backUs === 0 || backUs === 45e6);
    if (backUs > 0) lateCount++;
  }
  assertShare(lateCount, rowCount, 0.05);
  assert.deepEqual(late.address, onTime.address);
  assert.deepEqual(late.statusIndex, onTime.statusIndex);
});

Deno.test("TrafficModel.fill() makes a status more frequent during bursts, by event time", () => {
  const rowCount = 240_000; // four minutes
  const { statusIndex, timeUs } = fill("--burst 500:x10@2m/20s --late 10%@45s", { rowCount });
  const counts = { on: 0, on500: 0, off: 0, off500: 0 };
  for (let row = 0; row < rowCount; row++) {
    const isOn = (timeUs[row]! - START_US + 240e6) % 120e6 < 20e6;
    counts[isOn ? "on" : "off"]++;
    if (statusIndex[row] === 2) counts[isOn ? "on500" : "off500"]++;
  }
  assert(counts.on > 35_000);
  assertShare(counts.on500, counts.on, 0.5);
  assertShare(counts.off500, counts.off, 0.05);
});

Deno.test("TrafficModel.fill() marks the malformed share, all kinds alike", () => {
  const rowCount = 300_000;
  const kinds = tally(fill("--malformed 6%", { rowCount }).malformation, 1 + MALFORMATIONS.length);
  assertShare(kinds[0]!, rowCount, 0.94);
  kinds.slice(1).forEach((count) => assertShare(count, rowCount, 0.06 / MALFORMATIONS.length));
  assert(fill("", { rowCount }).malformation.every((kind) => kind === 0));
});

Deno.test("TrafficModel.fill() clears the marks of rows used before", () => {
  const columns = new RecordColumns(10);
  columns.malformation.fill(1);
  const range = { firstIndex: 0, rowCount: 10, originUs: START_US, recordsPerSecond: 1 };
  modelOf("").fill(columns, range);
  assert(columns.malformation.every((kind) => kind === 0));
});
