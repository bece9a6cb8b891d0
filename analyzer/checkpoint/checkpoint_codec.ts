import { sha256 } from "../sha256.ts";
import { messageOf } from "../exceptions.ts";
import { checkCheckpoint } from "./check_checkpoint.ts";
import type { Checkpoint } from "./checkpoint.ts";

/** Version of the format; a file with another one is refused and left alone. */
export const CHECKPOINT_VERSION = 2;

/**
 * A checkpoint as a file: one line of JSON that tells format, version, and the size and SHA-256 of
 * what follows it, then the state as JSON, where bytes, maps and infinite numbers are tagged
 * objects. The digest covers the version too: a flipped bit must not look like another vigie's.
 */
export async function encodeCheckpoint(checkpoint: Checkpoint): Promise<Uint8Array> {
  const payload = encoder.encode(JSON.stringify(checkpoint, tag));
  const header = encoder.encode(
    JSON.stringify({
      format: FORMAT,
      version: CHECKPOINT_VERSION,
      bytes: payload.length,
      sha256: await sha256(covered(CHECKPOINT_VERSION, payload)),
    }) + "\n",
  );
  const file = new Uint8Array(header.length + payload.length);
  file.set(header);
  file.set(payload, header.length);
  return file;
}

/**
 * Reads what {@linkcode encodeCheckpoint} wrote.
 *
 * @throws {SyntaxError} where the file is damaged, or holds what this program cannot have written
 * @throws {RangeError} where it is whole but of another version
 */
export async function decodeCheckpoint(file: Uint8Array): Promise<Checkpoint> {
  const headerEnd = file.indexOf(0x0a);
  if (headerEnd < 0) throw new SyntaxError("it has no header line");
  // Not fatal: bytes that are no UTF-8 have to fail as JSON or as values, with the right exception.
  const header = JSON.parse(new TextDecoder().decode(file.subarray(0, headerEnd)));
  if (header?.format !== FORMAT) throw new SyntaxError("it is no checkpoint of vigie");
  const payload = file.subarray(headerEnd + 1);
  if (payload.length !== header.bytes) {
    throw new SyntaxError(`it holds ${payload.length} bytes, not ${header.bytes}`);
  }
  const isWhole = await sha256(covered(header.version, payload)) === header.sha256 ||
    // The first version's digest covered nothing but what follows the header.
    header.version === 1 && await sha256(payload) === header.sha256;
  if (!isWhole) throw new SyntaxError("its checksum does not match");
  if (header.version !== CHECKPOINT_VERSION) {
    throw new RangeError(`version is ${header.version}, supported is ${CHECKPOINT_VERSION}`);
  }
  let checkpoint: unknown;
  try {
    checkpoint = JSON.parse(decoder.decode(payload), untag);
  } catch (exception) {
    // Whatever it is, such as a TypeError for bytes that are none: the file is not one of ours.
    throw new SyntaxError(messageOf(exception), { cause: exception });
  }
  checkCheckpoint(checkpoint);
  return checkpoint;
}

const FORMAT = "vigie checkpoint";
const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true });

function covered(version: unknown, payload: Uint8Array): Uint8Array {
  const prefix = encoder.encode(`${FORMAT} ${version}\n`);
  const bytes = new Uint8Array(prefix.length + payload.length);
  bytes.set(prefix);
  bytes.set(payload, prefix.length);
  return bytes;
}

function tag(_key: string, value: unknown): unknown {
  if (value instanceof Uint8Array) return { $bytes: value.toBase64() };
  if (value instanceof Map) return { $map: [...value] };
  if (value === -Infinity || value === Infinity) return { $number: String(value) };
  return value;
}

function untag(_key: string, value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if ("$bytes" in value) return Uint8Array.fromBase64(value.$bytes as string);
  if ("$map" in value) return new Map(value.$map as [unknown, unknown][]);
  if ("$number" in value) return Number(value.$number);
  return value;
}
