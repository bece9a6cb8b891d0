import assert from "node:assert/strict";
import fc from "fast-check";
import type { Checkpoint } from "../../../analyzer/checkpoint/checkpoint.ts";
import {
  CHECKPOINT_VERSION,
  decodeCheckpoint,
  encodeCheckpoint,
} from "../../../analyzer/checkpoint/checkpoint_codec.ts";
import { checkpoint, checkpointFile } from "./checkpoints.ts";

const CSV_LAYOUT = { fieldCount: 7, columns: [4, 0, 1, 2, 3] };

/** A checkpoint with every type that JSON lacks: bytes, maps and infinite numbers. */
const FULL: Checkpoint = checkpoint(3, {
  watermark: {
    timeMs: -Infinity,
    eventTimeMaxMs: Infinity,
    inputs: [{ inputId: "-", isLive: true, isComplete: false, eventTimeMaxMs: -Infinity }],
  },
  windows: {
    closedUpToMs: -Infinity,
    windows: [{
      startMs: -30_000,
      totalCount: 2 ** 53 - 1,
      statuses: [{
        status: 404,
        errorCount: 1,
        ips: Uint8Array.from({ length: 256 }, (_, i) => i),
        urls: new Uint8Array(),
        urlsTotal: Uint8Array.of(255, 0, 10).subarray(1),
      }],
    }],
  },
  positions: new Map([["file:/tmp/ü \n😀", { offsetBytes: 1, csvLayout: CSV_LAYOUT }]]),
});

Deno.test("decodeCheckpoint() reads what encodeCheckpoint() wrote, of every type", async () => {
  assert.deepEqual(await decodeCheckpoint(await encodeCheckpoint(FULL)), FULL);
});

Deno.test("decodeCheckpoint() reads any bytes, names and numbers", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.uint8Array({ maxLength: 100 }),
      fc.string({ unit: "binary" }),
      fc.nat(),
      fc.oneof(fc.integer(), fc.constantFrom(-Infinity, Infinity)),
      async (bytes, text, count, timeMs) => {
        const given = checkpoint(count, {
          watermark: { timeMs, eventTimeMaxMs: timeMs, inputs: [] },
          windows: {
            closedUpToMs: timeMs,
            windows: [{
              startMs: 0,
              totalCount: count,
              statuses: [{ status: 500, errorCount: 1, ips: bytes, urls: bytes, urlsTotal: bytes }],
            }],
          },
          positions: new Map([[text, { offsetBytes: count, csvLayout: CSV_LAYOUT }]]),
          errorFiles: { nextPart: count, open: [{ path: text, bytes: count }] },
        });
        assert.deepEqual(await decodeCheckpoint(await encodeCheckpoint(given)), given);
      },
    ),
  );
});

Deno.test("decodeCheckpoint() takes what is undefined for missing", async () => {
  const position = { offsetBytes: 1, csvLayout: undefined };
  const given = checkpoint(1, { positions: new Map([["a", position]]) });
  const { positions } = await decodeCheckpoint(await encodeCheckpoint(given));
  assert.equal(positions.get("a")?.csvLayout, undefined);
  assert.equal(positions.get("a")?.offsetBytes, 1);
});

Deno.test("encodeCheckpoint() writes a line that tells what the file is", async () => {
  const text = new TextDecoder().decode(await encodeCheckpoint(FULL));
  const header = JSON.parse(text.slice(0, text.indexOf("\n")));
  assert.equal(header.format, "vigie checkpoint");
  assert.equal(header.version, CHECKPOINT_VERSION);
});

Deno.test("decodeCheckpoint() refuses a file damaged at any byte", async () => {
  const file = await encodeCheckpoint(FULL);
  for (let i = 0; i < file.length; i++) {
    for (const mask of [0x01, 0x20, 0x80, 0xff, file[i]! ^ 0x0a]) {
      if (mask === 0) continue;
      const damaged = file.slice();
      damaged[i]! ^= mask;
      await assertRefused(damaged, `byte ${i}, mask ${mask}`);
    }
  }
});

Deno.test("decodeCheckpoint() refuses a file of any other length", async () => {
  const file = await encodeCheckpoint(checkpoint(1));
  for (let length = 0; length < file.length; length++) {
    await assert.rejects(decodeCheckpoint(file.subarray(0, length)), SyntaxError);
  }
  await assert.rejects(decodeCheckpoint(Uint8Array.of(...file, 0x20)), SyntaxError);
});

Deno.test("decodeCheckpoint() refuses a whole file of another version with a RangeError", async () => {
  const encode = (text: string) => new TextEncoder().encode(text);
  for (const version of [1, CHECKPOINT_VERSION + 1]) {
    await assert.rejects(decodeCheckpoint(encode(await checkpointFile(version))), {
      name: "RangeError",
      message: `version is ${version}, supported is ${CHECKPOINT_VERSION}`,
    });
  }
  // One of ours, whose number a flipped bit has changed.
  const ours = await checkpointFile(CHECKPOINT_VERSION);
  const flipped = ours.replace(`"version":${CHECKPOINT_VERSION}`, '"version":3');
  await assert.rejects(decodeCheckpoint(encode(flipped)), SyntaxError);
});

Deno.test("decodeCheckpoint() refuses what is no checkpoint with a SyntaxError", async () => {
  for (const text of ["", "\n", "null\n", "1\n", "[]\n{}", '{"format":"other"}\n', "{}\n{}"]) {
    await assert.rejects(decodeCheckpoint(new TextEncoder().encode(text)), SyntaxError, text);
  }
});

async function assertRefused(file: Uint8Array, message: string): Promise<void> {
  try {
    await decodeCheckpoint(file);
  } catch (exception) {
    assert.ok(exception instanceof SyntaxError, `${message}: ${exception}`);
    return;
  }
  assert.fail(`${message} was not noticed`);
}
