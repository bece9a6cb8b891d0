/**
 * Tries, one after another, what a program may do only where it was permitted, and prints as JSON
 * what came of each: `permission_probe.ts ELSEWHERE OUTPUT`, two directories of the test's own.
 * Nothing here does any harm where all of it is permitted.
 *
 * @module
 */
import { execFileSync } from "node:child_process";
import { createSocket } from "node:dgram";
import { hostname } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { DatabaseSync } from "node:sqlite";

const [elsewhere, output] = Deno.args as [string, string];

/** Serves at an address that no task may use; where it may not, at one that every task may. */
function serve(): Deno.HttpServer<Deno.NetAddr> {
  const options = { port: 0, onListen: () => {}, handler: () => new Response("export {};") };
  try {
    return Deno.serve({ ...options, hostname: STRANGER });
  } catch (exception) {
    if (!(exception instanceof Deno.errors.NotCapable)) throw exception;
    return Deno.serve({ ...options, hostname: "127.0.0.1" });
  }
}

/** An address of this machine, but none that the tasks name. */
const STRANGER = "127.0.0.2";

const server = serve();
const strangerUrl = `http://${STRANGER}:${server.addr.port}/module.js`;

function attach(path: string): void {
  using database = new DatabaseSync(":memory:");
  database.exec(`ATTACH DATABASE '${path}' AS other; CREATE TABLE other.t (x)`);
}

function vacuum(path: string): void {
  using database = new DatabaseSync(":memory:");
  database.exec(`CREATE TABLE t (x); VACUUM INTO '${path}'`);
}

function sendDatagram(): Promise<void> {
  const socket = createSocket("udp4");
  return new Promise<void>((resolve, reject) => {
    socket.on("error", reject);
    // Bound where every task may: else that is what is denied, and nobody can catch it.
    socket.bind(0, "127.0.0.1", () =>
      socket.send("x", server.addr.port, STRANGER, (exception) => {
        if (exception) reject(exception);
        else resolve();
      }));
  }).finally(() => socket.close());
}

async function request(name: "env" | "ffi" | "run" | "sys"): Promise<void> {
  const { state } = await Deno.permissions.request({ name });
  if (state !== "granted") throw new Deno.errors.NotCapable(state);
}

const ATTEMPTS: Readonly<Record<string, () => unknown>> = {
  // Things a task may do are here too, so that the table of the test tells all there is to know.
  "read the project": () => Deno.readTextFileSync("deno.json"),
  "read results": () => [...Deno.readDirSync(output)],
  "write results": () => Deno.writeTextFileSync(join(output, "probe"), ""),
  "keep a database": () => new DatabaseSync(join(output, "probe.db")).close(),
  "listen on loopback": () => Deno.listen({ hostname: "127.0.0.1", port: 0 }).close(),

  "write elsewhere": () => Deno.writeTextFileSync(join(elsewhere, "probe"), ""),
  "write to its own code": () => Deno.openSync("main.ts", { append: true }).close(),
  "write to a module": () => Deno.openSync("analyzer/pipeline.ts", { append: true }).close(),
  "write to its tasks": () => Deno.openSync("deno.json", { append: true }).close(),
  "make a file in the project": () => Deno.removeSync(Deno.makeTempFileSync({ dir: "." })),
  "make a temporary file": () => Deno.removeSync(Deno.makeTempFileSync()),
  "move results elsewhere": () => {
    Deno.writeTextFileSync(join(output, "moved"), "");
    Deno.renameSync(join(output, "moved"), join(elsewhere, "moved"));
  },
  "link results to elsewhere": () => Deno.symlinkSync(elsewhere, join(output, "link")),
  "link its code into results": () => Deno.linkSync("main.ts", join(output, "hard-link")),
  "keep a database elsewhere": () => new DatabaseSync(join(elsewhere, "probe.db")).close(),
  "attach a database elsewhere": () => attach(join(elsewhere, "attached.db")),
  "copy a database elsewhere": () => vacuum(join(elsewhere, "vacuumed.db")),
  "read elsewhere": () => Deno.readTextFileSync("/etc/hosts"),
  "list elsewhere": () => [...Deno.readDirSync(elsewhere)],
  "look elsewhere": () => Deno.statSync("/etc/hosts"),
  "connect elsewhere": async () =>
    (await Deno.connect({ hostname: STRANGER, port: server.addr.port })).close(),
  "fetch elsewhere": async () => await (await fetch(strangerUrl)).text(),
  "send elsewhere": () => sendDatagram(),
  "listen elsewhere": () => Deno.listen({ hostname: STRANGER, port: 0 }).close(),
  "listen everywhere": () => Deno.listen({ hostname: "0.0.0.0", port: 0 }).close(),
  "listen on a socket file": () =>
    Deno.listen({ transport: "unix", path: join(elsewhere, "socket") }).close(),
  "import from elsewhere": () => import(strangerUrl),
  "run a program": () => new Deno.Command(Deno.execPath(), { args: ["--version"] }).outputSync(),
  "run a program by node": () => execFileSync(Deno.execPath(), ["--version"]),
  "signal a process": () => Deno.kill(Deno.ppid, "SIGCONT"),
  "read the environment": () => Deno.env.get("PATH"),
  "read all of the environment": () => Deno.env.toObject(),
  "read the environment by node": () => process.env["PATH"],
  "load a library": () => Deno.dlopen(LIBRARY, {}).close(),
  "learn the name of the machine": () => Deno.hostname(),
  "learn it by node": () => hostname(),
  "learn its addresses": () => Deno.networkInterfaces(),
  "learn who runs it": () => Deno.uid(),
  "ask for the environment": () => request("env"),
  "ask to load libraries": () => request("ffi"),
  "ask to run programs": () => request("run"),
  "ask for the system": () => request("sys"),
};

const LIBRARY = Deno.build.os === "darwin" ? "libSystem.dylib" : "libc.so.6";

/** How the module loader, SQLite and datagrams put a denial. */
const DENIALS = /^Requires import access|^too many attached databases - max 0$|^send UNKNOWN /;

const outcomes: Record<string, string> = {};
for (const [name, attempt] of Object.entries(ATTEMPTS)) {
  try {
    await attempt();
    outcomes[name] = "done";
  } catch (exception) {
    const { message } = exception as Error;
    const isDenial = exception instanceof Deno.errors.NotCapable || DENIALS.test(message);
    outcomes[name] = isDenial ? "denied" : `${exception}`;
  }
}
await server.shutdown();
console.log(JSON.stringify(outcomes));
