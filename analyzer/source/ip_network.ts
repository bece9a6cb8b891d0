import { quoted } from "../../command_line/options.ts";

/**
 * An IP address as its bytes: `[4]` or `[16]`, high byte first. One of IPv4 that is written as IPv6
 * (`::ffff:192.0.2.1`, as a socket for both kinds says it) is of IPv4, so it has 4.
 */
export type IpAddress = Uint8Array;

/** A range of addresses: all that begin with the same bits. */
export interface IpNetwork {
  /** Its lowest address: every bit behind the prefix is 0. */
  readonly address: IpAddress;
  /** How many bits are the same, 0 to 32 or 128. */
  readonly prefixLength: number;
}

/**
 * Reads an address as RFC 4291 writes it, `undefined` where it is none. Numbers of IPv4 have no
 * leading zeros: some programs take those for octal ones. There is no zone (`%eth0`).
 */
export function parseIpAddress(text: string): IpAddress | undefined {
  const bytes = text.includes(":") ? parseIpv6(text) : parseIpv4(text);
  if (bytes?.length !== 16) return bytes && Uint8Array.from(bytes);
  return Uint8Array.from(isMapped(bytes) ? bytes.slice(12) : bytes);
}

/**
 * Reads `ADDRESS/PREFIX_LENGTH`, or an address alone.
 *
 * @throws {RangeError} where it is neither, or has bits set behind the prefix: then it is not clear
 * what was meant
 */
export function parseIpNetwork(text: string): IpNetwork {
  const [, addressText = "", lengthText] = /^([^/]*)(?:\/(\d{1,3}))?$/.exec(text) ?? [];
  const address = parseIpAddress(addressText);
  if (address === undefined) throw notNetwork(text);
  const bits = 8 * address.length;
  // A range of IPv4 that is written as IPv6 counts its length from the first of 128 bits.
  const written = lengthText === undefined ? undefined : Number(lengthText);
  const prefixLength = written === undefined
    ? bits
    : addressText.includes(":") && bits === 32
    ? written - 96
    : written;
  if (prefixLength < 0 || prefixLength > bits) throw notNetwork(text);
  const lowest = address.map((byte, i) => byte & byteMask(prefixLength - 8 * i));
  if (lowest.some((byte, i) => byte !== address[i])) {
    const network = { address: lowest, prefixLength };
    throw new RangeError(
      `${quoted(text)} has bits set behind its prefix: write ${formatIpNetwork(network)} for the ` +
        `whole network, or ${formatIpAddress(address)} for the one address`,
    );
  }
  return { address, prefixLength };
}

/** Whether an address belongs to a network; one of the other kind never does. */
export function isInNetwork(address: IpAddress, network: IpNetwork): boolean {
  const { address: lowest, prefixLength } = network;
  return address.length === lowest.length &&
    lowest.every((byte, i) => byte === (address[i]! & byteMask(prefixLength - 8 * i)));
}

/** Whether only this machine can use an address of that name: what it binds to meets no stranger. */
export function isLoopback(hostname: string): boolean {
  if (hostname.toLowerCase() === "localhost") return true;
  const address = parseIpAddress(hostname);
  return address !== undefined && LOOPBACK.some((network) => isInNetwork(address, network));
}

/** An address as RFC 5952 writes it: in lower case, the longest run of zeros as `::`. */
export function formatIpAddress(address: IpAddress): string {
  if (address.length === 4) return address.join(".");
  const groups = Array.from({ length: 8 }, (_, i) => 256 * address[2 * i]! + address[2 * i + 1]!);
  let run = { start: 0, length: 0 };
  for (let start = 0; start < 8; start++) {
    let length = 0;
    while (groups[start + length] === 0) length++;
    if (length > run.length) run = { start, length };
  }
  const hex = groups.map((group) => group.toString(16));
  if (run.length < 2) return hex.join(":");
  const tail = hex.slice(run.start + run.length);
  return `${hex.slice(0, run.start).join(":")}::${tail.join(":")}`;
}

/** A network as {@linkcode parseIpNetwork} reads it. */
export function formatIpNetwork({ address, prefixLength }: IpNetwork): string {
  return `${formatIpAddress(address)}/${prefixLength}`;
}

function parseIpv4(text: string): number[] | undefined {
  const numbers = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text)?.slice(1);
  if (numbers === undefined || numbers.some((number) => /^0\d/.test(number))) return undefined;
  const bytes = numbers.map(Number);
  return bytes.every((byte) => byte <= 255) ? bytes : undefined;
}

function parseIpv6(text: string): number[] | undefined {
  const halves = text.split("::");
  if (halves.length > 2) return undefined;
  const [head, tail] = halves.map((half, i) => parseGroups(half, i === halves.length - 1));
  if (head === undefined) return undefined;
  if (halves.length === 1) return head.length === 16 ? head : undefined;
  // `::` stands for one group at least.
  if (tail === undefined || head.length + tail.length > 14) return undefined;
  return [...head, ...Array<number>(16 - head.length - tail.length).fill(0), ...tail];
}

/** The bytes of groups between colons; the last one may be an IPv4 address where the text ends. */
function parseGroups(text: string, endsAddress: boolean): number[] | undefined {
  if (text === "") return [];
  const bytes: number[] = [];
  const groups = text.split(":");
  for (const [i, group] of groups.entries()) {
    if (/^[\da-f]{1,4}$/i.test(group)) {
      const value = parseInt(group, 16);
      bytes.push(value >> 8, value & 255);
      continue;
    }
    const ipv4 = endsAddress && i === groups.length - 1 ? parseIpv4(group) : undefined;
    if (ipv4 === undefined) return undefined;
    bytes.push(...ipv4);
  }
  return bytes;
}

/** `::ffff:0:0/96` of RFC 4291, section 2.5.5.2. */
function isMapped(bytes: readonly number[]): boolean {
  return bytes.slice(0, 12).every((byte, i) => byte === (i < 10 ? 0 : 255));
}

/** The bits of a byte that belong to the prefix, of which so many are left where the byte begins. */
function byteMask(prefixBits: number): number {
  return prefixBits >= 8 ? 0xff : prefixBits <= 0 ? 0 : (0xff00 >> prefixBits) & 0xff;
}

function notNetwork(text: string): RangeError {
  return new RangeError(
    `${quoted(text)} is not an address or a network: write 192.0.2.7, 10.0.0.0/8 or 2001:db8::/32`,
  );
}

const LOOPBACK = [parseIpNetwork("127.0.0.0/8"), parseIpNetwork("::1")];
