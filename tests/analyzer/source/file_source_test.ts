import assert from "node:assert/strict";
import { join } from "node:path";
import { counted } from "../../../analyzer/counted.ts";
import type { InputPosition } from "../../../analyzer/decode/record_batch.ts";
import { systemLogFiles } from "../../../analyzer/deno/log_files.ts";
import { StartException } from "../../../analyzer/exceptions.ts";
import { FileSource } from "../../../analyzer/source/file_source.ts";
import type { SavedSource } from "../../../analyzer/source/source.ts";
import type { InputElement } from "../../../analyzer/stream/elements.ts";
import { BASE_MS, jsonLine } from "../../support/log_lines.ts";
import { sourceContext } from "./byte_streams.ts";

const NOW_MS = BASE_MS + 1000;
const LINE = `${jsonLine({ status: 404 })}\n`;

function sourceOf(path: string, nowMs = 0): FileSource {
  return new FileSource("file:a.log", { files: systemLogFiles, path, nowMs: () => nowMs });
}

/** A file of its own for a test, and a source that reads it. */
class Fixture implements Disposable {
  readonly directory = Deno.makeTempDirSync();
  readonly path = join(this.directory, "a.log");
  readonly source = sourceOf(this.path, NOW_MS);

  constructor(text: string) {
    Deno.writeTextFileSync(this.path, text);
  }

  /** Everything that the source emits from a position on. */
  async read(
    position?: InputPosition,
    changes: { readonly maxFutureMs?: number; readonly saved?: SavedSource } = {},
  ): Promise<InputElement[]> {
    const saved = await this.source.prepare(undefined);
    const { context } = sourceContext();
    return await Array.fromAsync(this.source.open({ ...context, saved, position, ...changes }));
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.directory, { recursive: true });
  }
}

function batchesOf(elements: readonly InputElement[]) {
  return elements.filter((element) => element.kind === "batch");
}

function lastNotice(elements: readonly InputElement[]): string {
  const last = elements.at(-1)!;
  assert.ok(last.kind === "source-changed" && last.phase === "ended");
  return last.notice;
}

async function refusal(action: Promise<unknown>, exitStatus: 1 | 2): Promise<string> {
  const exception = await action.then(() => assert.fail("not refused"), (cause) => cause);
  assert.ok(exception instanceof StartException, String(exception));
  assert.equal(exception.exitStatus, exitStatus);
  return exception.message;
}

Deno.test("FileSource.open() reads a file to its end, as one replayable input", async () => {
  using fixture = new Fixture(LINE.repeat(3));
  const elements = await fixture.read();
  const notice = `${fixture.path}: read to its end, 3 lines`;
  const change = { kind: "source-changed", source: "file:a.log", reason: "" };
  const inputId = "file:a.log";
  assert.deepEqual(elements.filter(({ kind }) => kind !== "batch"), [
    { ...change, phase: "connected", connectionsDelta: 1, notice: "" },
    { kind: "input-opened", inputId, isLive: false },
    { kind: "input-closed", inputId, isComplete: true },
    { ...change, phase: "ended", connectionsDelta: -1, notice },
  ]);
  const batches = batchesOf(elements);
  assert.deepEqual(elements.slice(2, -2), batches);
  assert.equal(batches.reduce((sum, { counts }) => sum + counts.valid, 0), 3);
  assert.equal(batches.at(-1)!.position.offsetBytes, 3 * LINE.length);
  assert.deepEqual([fixture.source.isLive, fixture.source.isReplayable], [false, true]);
  const { file } = await fixture.source.prepare(undefined);
  assert.deepEqual(batches.at(-1)!.position.file, file);
});

Deno.test("FileSource.open() takes a last line without newline for a line", async () => {
  using fixture = new Fixture(LINE + LINE.trimEnd());
  const elements = await fixture.read();
  const counts = batchesOf(elements).map(({ counts }) => counts);
  assert.equal(counts.reduce((sum, { valid }) => sum + valid, 0), 2);
  assert.equal(counts.reduce((sum, { partial }) => sum + partial, 0), 0);
  assert.equal(lastNotice(elements), `${fixture.path}: read to its end, 2 lines`);
});

Deno.test("FileSource.open() goes on at any position between two lines", async () => {
  const lines = [
    "status,timestamp,ip,method,url",
    ...[401, 402, 403].map((status) => `${status},2025-05-30T18:52:30Z,a,GET,/`),
  ].map((line) => `${line}\n`);
  using fixture = new Fixture(lines.join(""));
  const csvLayout = { fieldCount: 5, columns: [1, 2, 3, 4, 0] };
  for (let count = 1; count <= lines.length; count++) {
    const offsetBytes = lines.slice(0, count).join("").length;
    const elements = await fixture.read({ offsetBytes, csvLayout });
    const statuses = batchesOf(elements).flatMap(({ errors }) => [...errors.statuses]);
    assert.deepEqual(statuses, [401, 402, 403].slice(count - 1));
    assert.equal(
      lastNotice(elements),
      count < lines.length
        ? `${fixture.path}: read to its end, ${counted(lines.length - count, "line")}`
        : `${fixture.path}: was read to its end before, nothing new`,
    );
  }
});

Deno.test("FileSource.open() tells of an empty file", async () => {
  using fixture = new Fixture("");
  assert.equal(lastNotice(await fixture.read()), `${fixture.path}: is empty`);
});

Deno.test("FileSource.open() refuses a file that became shorter than what was read", async () => {
  using fixture = new Fixture(LINE);
  const position = (offsetBytes: number) => ({ offsetBytes, csvLayout: undefined });
  assert.match(
    await refusal(fixture.read(position(LINE.length + 1)), 2),
    new RegExp(`is shorter than what was read of it before \\(${LINE.length} bytes of `),
  );
  assert.deepEqual(batchesOf(await fixture.read(position(LINE.length))), []);
});

Deno.test("FileSource.open() measures the future from the first start on the file", async () => {
  const row = (offsetMs: number) => `${jsonLine({ timestampMs: NOW_MS + offsetMs })}\n`;
  using fixture = new Fixture(row(5000) + row(5001));
  const futureOf = async (firstStartedAtMs: number) => {
    const saved = { ...await fixture.source.prepare(undefined), firstStartedAtMs };
    const batches = batchesOf(await fixture.read(undefined, { maxFutureMs: 5000, saved }));
    return batches.reduce((sum, { counts }) => sum + counts.future, 0);
  };
  assert.equal(await futureOf(NOW_MS), 1);
  assert.equal(await futureOf(NOW_MS - 1), 2);
  assert.equal(await futureOf(NOW_MS + 1), 0);
});

Deno.test("FileSource.open() stops without an end when it is told to", async () => {
  using fixture = new Fixture(LINE.repeat(10_000));
  const { context, controller } = sourceContext();
  const saved = await fixture.source.prepare(undefined);
  const kinds: string[] = [];
  for await (const { kind } of fixture.source.open({ ...context, saved, position: undefined })) {
    kinds.push(kind);
    if (kind === "batch") controller.abort();
  }
  // What was read is there; the input is not at its end.
  assert.ok(kinds.includes("batch"));
  assert.ok(!kinds.includes("input-closed"));
});

Deno.test("FileSource.prepare() knows a file by its inode and first bytes, not its name", async () => {
  using fixture = new Fixture(LINE.repeat(20));
  const { source, path } = fixture;
  const saved = await source.prepare(undefined);
  assert.equal(saved.name, "file:a.log");
  assert.equal(saved.firstStartedAtMs, NOW_MS);
  assert.equal(saved.file?.hashedBytes, 1024);
  assert.deepEqual(await source.prepare(saved), saved);
  // It grows, and is moved to another name that is asked for.
  Deno.writeTextFileSync(path, LINE, { append: true });
  const moved = `${path}.1`;
  Deno.renameSync(path, moved);
  const { file } = await sourceOf(moved).prepare(saved);
  assert.deepEqual({ ...file, modifiedAtMs: 0 }, { ...saved.file, modifiedAtMs: 0 });

  // A copy has another inode.
  Deno.copyFileSync(moved, path);
  const message = await refusal(source.prepare(saved), 2);
  assert.match(message, /a\.log is not the file that the checkpoint was made with: take another/);
  // The same inode, written anew: only its beginning tells.
  Deno.writeTextFileSync(moved, `x${LINE.repeat(20).slice(1)}`);
  await refusal(sourceOf(moved).prepare(saved), 2);
});

Deno.test("FileSource.prepare() knows a short file that has grown", async () => {
  using fixture = new Fixture(LINE);
  const { source, path } = fixture;
  const first = await source.prepare(undefined);
  assert.equal(first.file?.hashedBytes, LINE.length);
  Deno.writeTextFileSync(path, LINE.repeat(20), { append: true });
  const second = await source.prepare(first);
  assert.equal(second.file?.hashedBytes, 1024);
  assert.equal(second.firstStartedAtMs, first.firstStartedAtMs);
  Deno.writeTextFileSync(path, `x${LINE.slice(1)}`);
  await refusal(source.prepare(first), 2);
});

Deno.test("FileSource.prepare() refuses what is no file", async () => {
  using fixture = new Fixture(LINE);
  const prepare = (path: string) => sourceOf(path).prepare(undefined);
  const { directory } = fixture;
  assert.equal(
    await refusal(prepare(join(directory, "none")), 1),
    `Cannot read ${join(directory, "none")}: there is no such file`,
  );
  assert.equal(
    await refusal(prepare(directory), 1),
    `Cannot read ${directory}: it is not a regular file; pipe it in with --source -`,
  );
  assert.match(await refusal(prepare(join(fixture.path, "below")), 1), /^Cannot read .*: ./);
});
