import assert from "node:assert/strict";
import {
  formatIpAddress,
  formatIpNetwork,
  isInNetwork,
  isLoopback,
  parseIpAddress,
  parseIpNetwork,
} from "../../../analyzer/source/ip_network.ts";
import { Mulberry32 } from "../../support/mulberry32.ts";

const isIn = (address: string, network: string) =>
  isInNetwork(parseIpAddress(address)!, parseIpNetwork(network));

Deno.test("parseIpAddress() reads what RFC 4291 writes", () => {
  for (
    const [text, canonical] of [
      ["0.0.0.0", "0.0.0.0"],
      ["255.255.255.255", "255.255.255.255"],
      ["192.0.2.7", "192.0.2.7"],
      ["::", "::"],
      ["::1", "::1"],
      ["1::", "1::"],
      ["2001:DB8:0:0:8:800:200C:417A", "2001:db8::8:800:200c:417a"],
      ["2001:0db8::0001", "2001:db8::1"],
      ["1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"],
      ["1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"],
      ["::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8"],
      ["1:0:0:2:0:0:0:3", "1:0:0:2::3"],
      ["64:ff9b::192.0.2.33", "64:ff9b::c000:221"],
      ["1:2:3:4:5:6:1.2.3.4", "1:2:3:4:5:6:102:304"],
      ["::ffff:192.0.2.7", "192.0.2.7"],
      ["::FFFF:c000:207", "192.0.2.7"],
      ["0:0:0:0:0:ffff:c000:207", "192.0.2.7"],
      ["::fffe:192.0.2.7", "::fffe:c000:207"],
      ["::1.2.3.4", "::102:304"],
    ] as const
  ) assert.equal(formatIpAddress(parseIpAddress(text)!), canonical, text);
});

Deno.test("parseIpAddress() refuses everything else", () => {
  for (
    const text of [
      ...["", " ", "1", "1.2.3", "1.2.3.4.5", "1.2.3.256", "1.2.3.04", "01.2.3.4", "1.2.3.-4"],
      ...["0x1.2.3.4", "1.2.3.4 ", " 1.2.3.4", "1.2.3.4\n", "1..3.4", "1.2.3.", "١.2.3.4"],
      ...[":", ":::", "1::2::3", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1:2:3:4:5:6:7:8::"],
      ...["1::2:3:4:5:6:7:8", ":1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8:", "12345::", "g::", "1:"],
      ...["fe80::1%eth0", "[::1]", "1.2.3.4::", "::1.2.3.4:5", "1:2:3:4:5:6:7:1.2.3.4"],
      ...["::1.2.3", "::1.2.3.04", "::1.2.3.4.5", "::ffff:1.2.3.256", "localhost", "::1\n"],
    ]
  ) assert.equal(parseIpAddress(text), undefined, JSON.stringify(text));
});

Deno.test("parseIpNetwork() reads networks and single addresses", () => {
  for (
    const [text, canonical] of [
      ["192.0.2.7", "192.0.2.7/32"],
      ["192.0.2.7/32", "192.0.2.7/32"],
      ["0.0.0.0/0", "0.0.0.0/0"],
      ["10.0.0.0/8", "10.0.0.0/8"],
      ["192.0.2.6/31", "192.0.2.6/31"],
      ["::1", "::1/128"],
      ["::/0", "::/0"],
      ["2001:db8::/32", "2001:db8::/32"],
      ["::ffff:10.0.0.0/104", "10.0.0.0/8"],
      ["::ffff:0:0/96", "0.0.0.0/0"],
      ["::ffff:192.0.2.7", "192.0.2.7/32"],
    ] as const
  ) assert.equal(formatIpNetwork(parseIpNetwork(text)), canonical, text);
});

Deno.test("parseIpNetwork() says what was meant where bits are set behind the prefix", () => {
  for (
    const [text, network, address] of [
      ["10.1.2.3/8", "10.0.0.0/8", "10.1.2.3"],
      ["192.0.2.7/31", "192.0.2.6/31", "192.0.2.7"],
      ["1.2.3.4/0", "0.0.0.0/0", "1.2.3.4"],
      ["2001:db8::1/64", "2001:db8::/64", "2001:db8::1"],
      ["::ffff:10.1.2.3/104", "10.0.0.0/8", "10.1.2.3"],
    ]
  ) {
    assert.throws(() => parseIpNetwork(text!), {
      name: "RangeError",
      message:
        `"${text}" has bits set behind its prefix: write ${network} for the whole network, ` +
        `or ${address} for the one address`,
    });
  }
});

Deno.test("parseIpNetwork() refuses what is no network", () => {
  for (
    const text of [
      ...["", "/", "/8", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/8/8", "10.0.0.0 /8"],
      ...["10.0.0.0/255.0.0.0", "10/8", "::/129", "::ffff:0.0.0.0/95", "::1/1e1", "example.org"],
      ...["10.0.0.0/8\n", "10.0.0.0/0x8", "*", "10.0.0.0-10.0.0.9", "10.0.0.0/1000"],
    ]
  ) {
    assert.throws(() => parseIpNetwork(text), {
      name: "RangeError",
      message: /is not an address or a network: write 192\.0\.2\.7, 10\.0\.0\.0\/8 or 2001:db8::/,
    }, JSON.stringify(text));
  }
});

Deno.test("isInNetwork() knows the first and the last address, and their neighbours", () => {
  for (
    const [network, within, without] of [
      ["10.0.0.0/8", ["10.0.0.0", "10.255.255.255"], ["9.255.255.255", "11.0.0.0"]],
      ["192.0.2.64/26", ["192.0.2.64", "192.0.2.127"], ["192.0.2.63", "192.0.2.128"]],
      ["192.0.2.7", ["192.0.2.7", "::ffff:192.0.2.7"], ["192.0.2.6", "192.0.2.8", "::c000:207"]],
      ["0.0.0.0/0", ["0.0.0.0", "255.255.255.255"], ["::", "::1"]],
      ["::/0", ["::", "ffff::"], ["0.0.0.0", "::ffff:192.0.2.7"]],
      ["2001:db8::/33", ["2001:db8::", "2001:db8:7fff::"], ["2001:db8:8000::", "2001:db7::"]],
      ["::ffff:10.0.0.0/104", ["10.1.2.3"], ["11.0.0.0", "::10.1.2.3"]],
    ] as const
  ) {
    for (const address of within) assert.ok(isIn(address, network), `${address} ${network}`);
    for (const address of without) assert.ok(!isIn(address, network), `${address} ${network}`);
  }
});

Deno.test("isLoopback() is true of what no other machine can reach", () => {
  for (
    const name of ["localhost", "LOCALHOST", "127.0.0.1", "127.8.9.1", "::1", "::ffff:127.0.0.1"]
  ) {
    assert.ok(isLoopback(name), name);
  }
  for (const name of ["0.0.0.0", "::", "10.0.0.1", "::2", "example.org", "localhost.example"]) {
    assert.ok(!isLoopback(name), name);
  }
});

/** An address as a string of bits, by way of one big number: slow, and without any of our masks. */
function bitsOf(bytes: Uint8Array): string {
  let value = 0n;
  for (const byte of bytes) value = value * 256n + BigInt(byte);
  return value.toString(2).padStart(8 * bytes.length, "0");
}

/** Writes an address in one of the ways that are allowed. */
function writeAddress(bytes: Uint8Array, random: Mulberry32): string {
  if (bytes.length === 4 && random.below(2) === 0) return bytes.join(".");
  const all = bytes.length === 16 ? [...bytes] : [...Array(10).fill(0), 255, 255, ...bytes];
  const groups = Array.from({ length: 8 }, (_, i) => {
    const hex = (256 * all[2 * i]! + all[2 * i + 1]!).toString(16);
    const padded = hex.padStart(1 + random.below(4), "0");
    return random.below(2) === 0 ? padded : padded.toUpperCase();
  });
  if (random.below(2) === 0) groups.splice(6, 2, all.slice(12).join("."));
  const zeros = groups.flatMap((group, i) => /^0+$/.test(group) ? [i] : []);
  if (zeros.length === 0 || random.below(2) === 0) return groups.join(":");
  const start = random.pick(zeros);
  let end = start + 1;
  while (zeros.includes(end) && random.below(4) > 0) end++;
  return `${groups.slice(0, start).join(":")}::${groups.slice(end).join(":")}`;
}

Deno.test("isInNetwork() agrees with strings of bits, however addresses are written", () => {
  const seed = Date.now();
  console.log(`ip_network seed ${seed}`);
  const random = new Mulberry32(seed);
  const counts = { within: 0, without: 0, refused: 0 };
  const byte = () => random.pick([0, 0, 0, 1, 127, 128, 255, random.below(256)]);
  for (let round = 0; round < 20_000; round++) {
    const facts = `seed ${seed}, round ${round}`;
    const address = Uint8Array.from({ length: random.pick([4, 16]) }, byte);
    const isV4Mapped = address.length === 16 && bitsOf(address).startsWith(
      "0".repeat(80) + "1".repeat(16),
    );
    if (isV4Mapped) continue;
    const text = writeAddress(address, random);
    assert.deepEqual(parseIpAddress(text), address, `${facts}: ${text}`);
    assert.deepEqual(parseIpAddress(formatIpAddress(address)), address, facts);

    const prefixLength = random.below(8 * address.length + 1);
    const bits = bitsOf(address);
    const lowest = address.map((value, i) => {
      const kept = bits.slice(8 * i, 8 * i + 8).split("")
        .map((bit, j) => 8 * i + j < prefixLength ? bit : "0").join("");
      return Math.min(value, parseInt(kept, 2));
    });
    const written = writeAddress(lowest, random);
    const isMapped = lowest.length === 4 && written.includes(":");
    const length = isMapped ? prefixLength + 96 : prefixLength;
    const network = parseIpNetwork(`${written}/${length}`);
    assert.deepEqual(network, { address: lowest, prefixLength }, facts);
    assert.ok(isInNetwork(address, network), facts);

    const other = Uint8Array.from(random.below(2) === 0 ? address : lowest);
    for (let flips = random.below(4); flips > 0; flips--) {
      const bit = random.below(8 * other.length);
      other[bit >> 3]! ^= 128 >> (bit & 7);
    }
    const expected = bitsOf(other).slice(0, prefixLength) === bits.slice(0, prefixLength);
    assert.equal(isInNetwork(other, network), expected, facts);
    counts[expected ? "within" : "without"]++;

    if (lowest.join() !== address.join()) {
      const hostBits = `${writeAddress(address, random)}`;
      const asWritten = address.length === 4 && hostBits.includes(":")
        ? prefixLength + 96
        : prefixLength;
      assert.throws(() => parseIpNetwork(`${hostBits}/${asWritten}`), /bits set behind/, facts);
      counts.refused++;
    }
  }
  assert.ok(Math.min(...Object.values(counts)) > 1000, JSON.stringify(counts));
});

Deno.test("parseIpAddress() takes nothing that the platform's own reader refuses", () => {
  const seed = Date.now();
  console.log(`ip_network texts seed ${seed}`);
  const random = new Mulberry32(seed);
  const pieces = [
    ":",
    "::",
    ".",
    "0",
    "1",
    "ff",
    "ffff",
    "255",
    "256",
    "1.2.3.4",
    "g",
    "00",
    "12345",
  ];
  let taken = 0;
  for (let round = 0; round < 50_000; round++) {
    const text = Array.from({ length: 1 + random.below(15) }, () => random.pick(pieces)).join("");
    const ours = parseIpAddress(text);
    const isIpv6 = URL.canParse(`http://[${text}]/`);
    // A URL also takes short and octal forms of IPv4, which we do not.
    const isIpv4 = /^\d+\.\d+\.\d+\.\d+$/.test(text) && !/(?:^|\.)0\d/.test(text) &&
      URL.canParse(`http://${text}/`);
    assert.equal(ours !== undefined, isIpv6 || isIpv4, `seed ${seed}: ${text}`);
    if (ours !== undefined) taken++;
  }
  assert.ok(taken > 100, `${taken} taken`);
});
