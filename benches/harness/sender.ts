/**
 * Sends a file, or the beginning of one, to the first client, in writes of 256 KiB, and closes:
 * `sender.ts FILE [SHARE]`. Prints its port first, and at the end what it did, each as a line of
 * JSON.
 *
 * @module
 */
import { nowMs } from "./process.ts";

const [path, share = "1"] = Deno.args;
const file = Deno.openSync(path!);
const bytesMax = Math.floor(Number(share) * file.statSync().size);
const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
console.log(JSON.stringify({ port: listener.addr.port }));

const connection = await listener.accept();
listener.close();
const acceptedAtMs = nowMs();
const buffer = new Uint8Array(256 * 1024);
let bytes = 0;
for (;;) {
  const read = file.readSync(buffer.subarray(0, Math.min(buffer.length, bytesMax - bytes)));
  if (read === null || read === 0) break;
  for (let offset = 0; offset < read;) {
    offset += await connection.write(buffer.subarray(offset, read));
  }
  bytes += read;
}
connection.close();
console.log(JSON.stringify({ acceptedAtMs, bytes }));
