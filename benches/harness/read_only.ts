/**
 * The peer that everything is measured against: reads a socket and does nothing, `read_only.ts
 * PORT`. Prints bytes and seconds as JSON. Waits for the port for a while.
 *
 * @module
 */
const connection = await connect(Number(Deno.args[0]));
const startedAtMs = performance.now();
const buffer = new Uint8Array(256 * 1024);
let bytes = 0;
for (;;) {
  const read = await connection.read(buffer);
  if (read === null) break;
  bytes += read;
}
console.log(JSON.stringify({ bytes, seconds: (performance.now() - startedAtMs) / 1000 }));

async function connect(port: number): Promise<Deno.TcpConn> {
  for (let i = 0;; i++) {
    try {
      return await Deno.connect({ hostname: "127.0.0.1", port });
    } catch (exception) {
      if (i === 100 || !(exception instanceof Deno.errors.ConnectionRefused)) throw exception;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}
