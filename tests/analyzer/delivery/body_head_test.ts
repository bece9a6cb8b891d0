import assert from "node:assert/strict";
import { IP_KEY_BYTES, IpMask } from "../../../analyzer/decode/ip_mask.ts";
import { BodyHead, HEAD_BYTES_MAX } from "../../../analyzer/delivery/body_head.ts";

const BYTES = Uint8Array.from({ length: 3000 }, (_, i) => i * 7);

function headOf(...sizes: number[]): BodyHead {
  const head = new BodyHead();
  let start = 0;
  for (const size of sizes) head.add(BYTES.subarray(start, start += size));
  return head;
}

Deno.test("BodyHead.hash() does not depend on how the body was cut", () => {
  const whole = headOf(3000).hash(3000);
  assert.deepEqual(headOf(1, 1, 1000, 21, 1, 1976).hash(3000), whole);
  assert.deepEqual(headOf(1024).hash(1024), whole);
});

Deno.test("BodyHead.hash() tells bodies apart by their first KiB and their length up to there", () => {
  const head = headOf(HEAD_BYTES_MAX);
  assert.notDeepEqual(head.hash(100), head.hash(101));
  assert.deepEqual(headOf(50, 200).hash(100), head.hash(100));
  assert.deepEqual(head.hash(0), [0, 0]);
  const other = new BodyHead();
  other.add(Uint8Array.of(1, ...BYTES.subarray(1, HEAD_BYTES_MAX)));
  assert.notDeepEqual(other.hash(HEAD_BYTES_MAX), head.hash(HEAD_BYTES_MAX));
});

Deno.test("BodyHead.hash() refuses to hash what has not come yet", () => {
  assert.throws(() => headOf(10).hash(11), RangeError);
  assert.throws(() => headOf(1023).hash(5000), RangeError);
});

Deno.test("BodyHead.hash() is a keyed one where addresses are masked", () => {
  const hash = (key: number, ...sizes: number[]) => {
    const head = new BodyHead(new IpMask(new Uint8Array(IP_KEY_BYTES).fill(key)));
    for (const size of sizes) head.add(BYTES.subarray(0, size));
    return head.hash(100);
  };
  assert.deepEqual(hash(1, 100), hash(1, 200));
  assert.equal(hash(1, 100).length, 2);
  assert.notDeepEqual(hash(1, 100), hash(2, 100));
  assert.notDeepEqual(hash(1, 100), headOf(100).hash(100));
});
