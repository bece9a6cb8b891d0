import { IP_KEY_BYTES } from "../decode/ip_mask.ts";
import { StartException } from "../exceptions.ts";
import { sha256 } from "../sha256.ts";
import type { Storage } from "../sink/storage.ts";

/** The key that addresses are masked with, as a file of its own: who takes it away can keep it. */
export const IP_KEY_FILE = "ip_key";

/** The secret key of one output. */
export interface IpKey {
  readonly bytes: Uint8Array;
  /** Tells keys apart, and nothing else of them. */
  readonly id: string;
  /** Where it is kept, for messages. */
  readonly path: string;
  /** Whether there was none. */
  readonly isNew: boolean;
  /** Makes a new one durable; nothing may be masked before that. */
  save(): Promise<void>;
}

/**
 * Reads the key that lies beside the checkpoints, or makes one.
 *
 * @throws {StartException} where the file holds no key
 */
export async function loadIpKey(storage: Storage): Promise<IpKey> {
  const path = `${storage.root}/${IP_KEY_FILE}`;
  const file = await storage.read(IP_KEY_FILE);
  const bytes = file === undefined
    ? crypto.getRandomValues(new Uint8Array(IP_KEY_BYTES))
    : decodeKey(file, path);
  return {
    bytes,
    id: await sha256(new Uint8Array([...new TextEncoder().encode("vigie ip_key\n"), ...bytes])),
    path,
    isNew: file === undefined,
    async save() {
      if (file !== undefined) return;
      const text = new TextEncoder().encode(`${bytes.toHex()}\n`);
      await storage.replace(IP_KEY_FILE, text, { isSecret: true });
    },
  };
}

function decodeKey(file: Uint8Array, path: string): Uint8Array {
  const text = new TextDecoder().decode(file).trim();
  if (text.length === 2 * IP_KEY_BYTES && /^[0-9a-f]+$/.test(text)) return Uint8Array.fromHex(text);
  throw new StartException(
    `Cannot read the key ${path}: it is not ${2 * IP_KEY_BYTES} hexadecimal digits; ` +
      "bring it back, or --reset to begin anew",
    { exitStatus: 2 },
  );
}
