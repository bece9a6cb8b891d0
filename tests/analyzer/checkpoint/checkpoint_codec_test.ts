import assert from "node:assert/strict";
import fc from "fast-check";
import type { Checkpoint } from "../../../analyzer/checkpoint/checkpoint.ts";
import {
  CHECKPOINT_VERSION,
  decodeCheckpoint,
  encodeCheckpoint,
} from "../../../analyzer/checkpoint/checkpoint_codec.ts";
import { padBytes } from "../../../analyzer/padded_bytes.ts";
import { DistinctCounter } from "../../../analyzer/sketch/distinct_counter.ts";
import { HeavyHitters } from "../../../analyzer/sketch/heavy_hitters.ts";
import { checkpoint, checkpointFile } from "./checkpoints.ts";

const WORD = fc.nat(2 ** 32 - 1);

const FILE = { device: 1, inode: 2, hashedBytes: 0, hash: "" };

const CSV_LAYOUT = { fieldCount: 7, columns: [4, 0, 1, 2, 3] };

/** A checkpoint with every type that JSON lacks: bytes, maps and infinite numbers. */
const FULL: Checkpoint = checkpoint(3, {
  watermark: {
    timeMs: -Infinity,
    eventTimeMaxMs: -Infinity,
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
        ips: counterOf([[0, 0], [2 ** 32 - 1, 255], [1, 0x0a0d]]).toBytes(),
        urls: new HeavyHitters(3).toBytes(),
        urlsTotal: new DistinctCounter().toBytes().subarray(0),
      }],
    }],
  },
  positions: new Map([["file:/tmp/ü \n😀", { offsetBytes: 1, csvLayout: CSV_LAYOUT }]]),
  sources: [{
    name: "file:a",
    firstStartedAtMs: 0,
    file: FILE,
    passed: [{ file: FILE, offsetBytes: Infinity }],
  }],
});

function counterOf(hashes: readonly (readonly [high: number, low: number])[]): DistinctCounter {
  const counter = new DistinctCounter();
  for (const [high, low] of hashes) counter.add(high, low);
  return counter;
}

Deno.test("decodeCheckpoint() reads what encodeCheckpoint() wrote, of every type", async () => {
  assert.deepEqual(await decodeCheckpoint(await encodeCheckpoint(FULL)), FULL);
});

Deno.test("decodeCheckpoint() reads any bytes, names and numbers", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(WORD, WORD), { maxLength: 20 }),
      fc.string({ unit: "binary" }),
      fc.nat(),
      fc.oneof(fc.integer(), fc.constant(-Infinity)),
      async (hashes, text, count, timeMs) => {
        const bytes = counterOf(hashes).toBytes();
        const urls = new HeavyHitters(1000);
        const key = padBytes(bytes);
        for (const [high, low] of hashes) urls.add(high, low, key, 0, bytes.length);
        const given = checkpoint(count, {
          watermark: { timeMs, eventTimeMaxMs: timeMs, inputs: [] },
          windows: {
            closedUpToMs: timeMs,
            windows: [{
              startMs: 0,
              totalCount: count,
              statuses: [{
                status: 500,
                errorCount: 1,
                ips: bytes,
                urls: urls.toBytes(),
                urlsTotal: bytes,
              }],
            }],
          },
          positions: new Map([[text, { offsetBytes: count, csvLayout: CSV_LAYOUT }]]),
          errorFiles: {
            nextPart: count + 1,
            open: [{ path: `errors/date=2025-05-30/part-${count}.jsonl`, bytes: count }],
          },
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

// S-63
Deno.test("decodeCheckpoint() refuses a whole file that this program did not write with a SyntaxError", async () => {
  const payloads = [
    ...["", "{}", "[]", "null", "1", '"a"', "{", "\xff", '{"$map":1}', '{"$map":[1]}'],
    ...['{"$bytes":1}', '{"$bytes":"*"}', '{"$number":{"toString":1}}', '{"epoch":{"$map":[]}}'],
    "[".repeat(200_000) + "]".repeat(200_000),
  ];
  for (const payload of payloads) {
    const file = new TextEncoder().encode(await checkpointFile(CHECKPOINT_VERSION, payload));
    await assert.rejects(decodeCheckpoint(file), SyntaxError, payload.slice(0, 50));
  }
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
