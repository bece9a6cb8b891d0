import assert from "node:assert/strict";
import { IP_KEY_BYTES, IpMask, MASKED_IP_BYTES } from "../../../analyzer/decode/ip_mask.ts";
import { parseLine } from "../../../analyzer/decode/parse_line.ts";
import { sipHash128 } from "../../../analyzer/sketch/sip_hash.ts";
import { padBytes } from "../../../analyzer/padded_bytes.ts";

const KEY = Uint8Array.from({ length: IP_KEY_BYTES }, (_, i) => i);

function masked(ip: string, mask = new IpMask(KEY)): string {
  const bytes = new TextEncoder().encode(ip);
  mask.mask(padBytes(bytes), 0, bytes.length);
  return new TextDecoder().decode(
    new Uint8Array(mask.text.buffer, mask.textStart, MASKED_IP_BYTES),
  );
}

Deno.test("IpMask.mask() writes the keyed hash of the address, and counts by its first half", () => {
  // The reference implementation's hash of one byte, 0, under this key.
  const mask = new IpMask(KEY);
  assert.equal(masked("\0", mask), "ip-da87c1d86b99af44347659119b22fc45");
  assert.deepEqual([...mask.hash], [0x44af996b, 0xd8c187da]);
});

Deno.test("IpMask.mask() gives the same for the same address and key, and for nothing else", () => {
  const mask = new IpMask(KEY);
  const ips = ["192.0.2.1", "192.0.2.10", "2001:db8::1", "2001:db8::2", "a".repeat(64)];
  const first = ips.map((ip) => masked(ip, mask));
  assert.equal(new Set(first).size, ips.length);
  assert.deepEqual(ips.map((ip) => masked(ip)), first);
  const otherKey = new IpMask(KEY.map((byte) => byte ^ 1));
  for (const [i, ip] of ips.entries()) assert.notEqual(masked(ip, otherKey), first[i]);
});

Deno.test("IpMask.mask() gives the same however many addresses came before, and whatever they were", () => {
  const mask = new IpMask(KEY);
  const ips = Array.from(
    { length: 20_000 },
    (_, i) =>
      i % 2 === 0 ? `10.0.${i >> 8}.${i & 255}` : `2001:db8::${i.toString(16)}`.padEnd(i % 65, "f"),
  );
  // So many have to share places; each is asked for twice, near and far apart.
  for (const ip of [...ips, ...ips.toReversed(), ...ips.flatMap((ip) => [ip, ip])]) {
    assert.equal(masked(ip, mask), expected(ip), ip);
  }
  // One that begins like another, or goes on with zeros.
  for (const ip of ["a", "a\0", "a\0\0\0", "a\0\0\0\0", "ab", "abc", "abcd", "abcde"]) {
    assert.equal(masked(ip, mask), expected(ip));
  }
});

/** Without anything that is remembered. */
function expected(ip: string): string {
  const bytes = new TextEncoder().encode(ip);
  const hash = new Uint32Array(4);
  sipHash128(new Uint32Array(KEY.slice(0, 16).buffer), padBytes(bytes), 0, bytes.length, hash);
  return `ip-${new Uint8Array(hash.buffer).toHex()}`;
}

Deno.test("IpMask takes a key from the middle of a buffer, and does not keep it", () => {
  const buffer = new Uint8Array(40).fill(0xff);
  buffer.set(KEY, 7);
  const mask = new IpMask(buffer.subarray(7, 7 + IP_KEY_BYTES));
  buffer.fill(0);
  assert.equal(masked("192.0.2.1", mask), masked("192.0.2.1"));
});

Deno.test("a masked address is a valid address, so that error files can be read again", () => {
  const line = `2025-05-30T18:52:47Z,${masked("192.0.2.1")},GET,/,404`;
  assert.equal(parseLine(new TextEncoder().encode(line), "auto", undefined).kind, "record");
});

Deno.test("IpMask.digest() depends on all bytes and on the key, and is not the hash of an address", () => {
  const bytes = new TextEncoder().encode("192.0.2.1");
  const mask = new IpMask(KEY);
  const digest = [...mask.digest(bytes)];
  assert.deepEqual([...mask.digest(bytes)], digest);
  masked("192.0.2.1", mask);
  assert.notDeepEqual([mask.hash[1], mask.hash[0]], digest.slice(0, 2));
  assert.notDeepEqual([...mask.digest(bytes.subarray(1))], digest);
  assert.notDeepEqual([...new IpMask(KEY.map((byte) => byte ^ 1)).digest(bytes)], digest);
});
