import assert from "node:assert/strict";
import { LineDecoder } from "../../../analyzer/decode/line_decoder.ts";
import { ConnectionPlaces, type Place } from "../../../analyzer/source/connection_places.ts";
import { Mulberry32 } from "../../support/mulberry32.ts";
import { sourceContext } from "./byte_streams.ts";

const LIMITS = {
  connections: 4,
  connectionsPerAddress: 2,
  partialLineTime: 1000,
  connectionIdle: 5000,
};

const ignore = () => {};

/** Puts the connection into the middle of a line, as reading it would. */
function beginLine(place: Place, nowMs: number): void {
  const decoder = new LineDecoder("x", sourceContext().context.decoder);
  decoder.push(new Uint8Array([120]), { receivedAtMs: nowMs, futureLimitMs: Infinity }, ignore);
  place.activity.watch(decoder);
}

function waiting(places: ConnectionPlaces, address: string, nowMs: number): Place {
  const place = places.take(address, nowMs, ignore);
  place.activity.isWaiting = true;
  return place;
}

Deno.test("ConnectionPlaces is full at its limit, and not one before", () => {
  const places = new ConnectionPlaces(LIMITS);
  const taken = ["10.0.0.1", "10.0.0.2", "10.0.0.3"].map((address) =>
    places.take(address, 0, ignore)
  );
  assert.deepEqual([places.size, places.isFull], [3, false]);
  places.take("10.0.0.4", 0, ignore);
  assert.deepEqual([places.size, places.isFull], [4, true]);
  places.release(taken[0]!);
  assert.equal(places.isFull, false);
});

Deno.test("ConnectionPlaces counts IPv4 by address and IPv6 by network of 64 bits", () => {
  for (
    const [one, same, other] of [
      ["192.0.2.1", "::ffff:192.0.2.1", "192.0.2.2"],
      ["2001:db8::1", "2001:0DB8:0:0:ffff::9", "2001:db8:0:1::1"],
      ["no address", "no address", "another"],
    ] as const
  ) {
    const places = new ConnectionPlaces(LIMITS);
    const first = places.take(one, 0, ignore);
    assert.equal(places.isCrowded(same), false);
    places.take(same, 0, ignore);
    assert.deepEqual([places.isCrowded(one), places.isCrowded(same)], [true, true]);
    assert.equal(places.isCrowded(other), false);
    places.release(first);
    assert.equal(places.isCrowded(one), false);
  }
});

// S-75
Deno.test("ConnectionPlaces.overdue() names who has been in the middle of a line for longest", () => {
  const places = new ConnectionPlaces(LIMITS);
  const [first, second, silent] = [0, 0, 0].map((nowMs, i) =>
    waiting(places, `10.0.0.${i}`, nowMs)
  );
  beginLine(second!, 100);
  beginLine(first!, 101);
  assert.equal(places.overdue(1100), undefined);
  assert.deepEqual(places.overdue(1101), { place: second, limit: "partialLineTime", forMs: 1001 });
  // However long another has been silent.
  assert.equal(places.overdue(9000)?.place, second);
  places.release(second!);
  assert.equal(places.overdue(9000)?.place, first);
  places.release(first!);
  assert.deepEqual(places.overdue(9000), { place: silent, limit: "connectionIdle", forMs: 9000 });
});

Deno.test("ConnectionPlaces.overdue() counts silence from the last row, or else the beginning", () => {
  const places = new ConnectionPlaces(LIMITS);
  const [early, late] = [waiting(places, "10.0.0.1", 0), waiting(places, "10.0.0.2", 10)];
  early.activity.lastRowAtMs = 20;
  assert.equal(places.overdue(5010), undefined);
  assert.deepEqual(places.overdue(5011), { place: late, limit: "connectionIdle", forMs: 5001 });
  late.activity.lastRowAtMs = 5000;
  assert.equal(places.overdue(5021)?.place, early);
});

Deno.test("ConnectionPlaces.overdue() leaves out whose bytes wait to be read", () => {
  const places = new ConnectionPlaces(LIMITS);
  const place = waiting(places, "10.0.0.1", 0);
  beginLine(place, 0);
  place.activity.isWaiting = false;
  assert.equal(places.overdue(1e9), undefined);
  place.activity.isWaiting = true;
  assert.equal(places.overdue(1e9)?.place, place);
});

Deno.test("ConnectionPlaces remembers nothing of who has gone", () => {
  const seed = Date.now();
  console.log(`connection_places seed ${seed}`);
  const random = new Mulberry32(seed);
  const places = new ConnectionPlaces({ ...LIMITS, connections: 1000, connectionsPerAddress: 3 });
  const open: Place[] = [];
  const addresses = Array.from({ length: 20 }, (_, i) => `10.0.0.${i}`);
  for (let step = 0; step < 5000; step++) {
    const address = random.pick(addresses);
    const count = open.filter((place) => place.address === address).length;
    assert.equal(places.isCrowded(address), count >= 3, `seed ${seed}, step ${step}`);
    if (count < 3 && random.below(2) === 0) open.push(places.take(address, step, ignore));
    else if (open.length > 0) places.release(open.splice(random.below(open.length), 1)[0]!);
    assert.equal(places.size, open.length);
  }
});
