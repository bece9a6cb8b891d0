import assert from "node:assert/strict";
import { systemClock } from "../../generator/clock.ts";
import { GeneratorStream, generatorStream } from "../../generator/generator_stream.ts";
import { TrafficModel } from "../../generator/traffic_model.ts";
import { formatCsvLine } from "../../log_format/csv_line.ts";
import { formatJsonLine } from "../../log_format/json_line.ts";
import { ManualClock, settle } from "./manual_clock.ts";
import { configOf, linesOf, textOf } from "./test_config.ts";

const START = "2025-05-30T18:52:30Z";
const START_MS = Date.parse(START);
const decoder = new TextDecoder();

/** Event times of JSON lines in µs since the start of the wall clock. */
function timesUs(lines: readonly string[], originMs: number): number[] {
  return lines.map((line) => {
    const timestamp: string = JSON.parse(line).timestamp;
    return (Date.parse(timestamp) - originMs) * 1000 + Number(timestamp.slice(-4, -1));
  });
}

/** Collects what a stream gives, in the background. */
function collect(stream: ReadableStream<Uint8Array>) {
  const reader = stream.getReader();
  const collected = { text: "", isDone: false, reader, end: Promise.resolve() };
  collected.end = (async () => {
    for (let chunk; (chunk = (await reader.read()).value) !== undefined;) {
      collected.text += decoder.decode(chunk, { stream: true });
    }
    collected.isDone = true;
  })();
  return collected;
}

for (const [format, formatLine] of [["json", formatJsonLine], ["csv", formatCsvLine]] as const) {
  Deno.test(`generatorStream() gives the records of the model as ${format}, the same each time`, async () => {
    const commandLine = `--rate max --count 5000 --format ${format} --urls 1000 --start ${START}` +
      " --event-rate 100 --late 2%@45s --burst 500:x10@2m/20s";
    const text = await textOf(generatorStream(configOf(commandLine)));
    assert.equal(await textOf(generatorStream(configOf(commandLine))), text);
    const model = new TrafficModel(configOf(commandLine).traffic);
    const time = { originUs: START_MS * 1000, recordsPerSecond: 100 };
    const expected = Array.from({ length: 5000 }, (_, i) => formatLine(model.recordAt(i, time)));
    assert.deepEqual(linesOf(text), expected);
  });
}

Deno.test("generatorStream() gives the same bytes paced as at the highest rate", async () => {
  const options = `--count 300 --start ${START} --late 5%@45s --malformed 5%`;
  const clock = new ManualClock();
  const paced = collect(generatorStream(configOf(`${options} --rate 70`), clock));
  for (let i = 0; i < 50; i++) await clock.advance(i * 7);
  await paced.end;
  const fast = configOf(`${options} --rate max --event-rate 70`);
  assert.equal(paced.text, await textOf(generatorStream(fast)));
});

Deno.test("generatorStream() writes the header line first, once, and only if asked", async () => {
  const options = "--rate max --count 3 --format csv";
  const lines = linesOf(await textOf(generatorStream(configOf(`${options} --header`))));
  assert.equal(lines.length, 4);
  assert.equal(lines[0], "timestamp,ip,method,url,status");
  assert.equal(linesOf(await textOf(generatorStream(configOf(options)))).length, 3);
});

Deno.test("generatorStream() ends at --count, 0 and 1 included", async () => {
  for (const count of [0, 1, 4000]) {
    const stream = new GeneratorStream(configOf(`--rate max --count ${count}`));
    assert.equal(linesOf(await textOf(stream.readable)).length, count);
    assert.equal(stream.linesCount, count);
  }
});

Deno.test("generatorStream() gives five lines in five seconds at the default rate", async () => {
  const clock = new ManualClock();
  const paced = collect(generatorStream(configOf("--count 5"), clock));
  for (let second = 1; second <= 5; second++) {
    await clock.advance(999);
    assert.equal(linesOf(paced.text).length, second - 1);
    await clock.advance(1);
    assert.equal(linesOf(paced.text).length, second);
  }
  await paced.end;
  assert.deepEqual(timesUs(linesOf(paced.text), clock.wallOffsetMs), [1e6, 2e6, 3e6, 4e6, 5e6]);
});

Deno.test("generatorStream() ends at --duration with every record that is due by then", async () => {
  const clock = new ManualClock();
  const paced = collect(generatorStream(configOf("--rate 0.3 --duration 9s"), clock));
  await clock.advance(8999);
  assert.equal(linesOf(paced.text).length, 2);
  assert(!paced.isDone);
  await clock.advance(1);
  await paced.end;
  assert.equal(linesOf(paced.text).length, 2);
});

Deno.test("generatorStream() at the highest rate ends at --duration", async () => {
  const clock = new ManualClock();
  const reader = generatorStream(configOf("--rate max --duration 10s"), clock).getReader();
  await reader.read();
  clock.jump(9999);
  assert.equal((await reader.read()).done, false);
  clock.jump(1);
  assert.equal((await reader.read()).done, true);
});

Deno.test("generatorStream() at the highest rate has the wall clock as event time", async () => {
  const clock = new ManualClock();
  const reader = generatorStream(configOf("--rate max"), clock).getReader();
  for (const elapsedMs of [0, 1234]) {
    const { value } = await reader.read();
    const times = timesUs(linesOf(decoder.decode(value)), clock.wallOffsetMs);
    assert(times.length > 1000);
    assert(times.every((timeUs) => timeUs === elapsedMs * 1000));
    clock.jump(1234);
  }
  await reader.cancel();
});

Deno.test("generatorStream() at the highest rate fills chunks of 64 to 256 KiB with whole lines", async () => {
  for (const format of ["json", "csv"]) {
    const config = configOf(`--rate max --format ${format} --urls 999_999_999`);
    const reader = generatorStream(config).getReader();
    const { value } = await reader.read();
    assert(value!.length >= 64 * 1024 && value!.length <= 256 * 1024, `${value!.length}`);
    assert.equal(value!.at(-1), 0x0a);
    await reader.cancel();
  }
});

Deno.test("generatorStream() follows the wall clock where that is set or the machine slept", async () => {
  const clock = new ManualClock();
  const paced = collect(generatorStream(configOf("--rate 1"), clock));
  await clock.advance(1000);
  clock.wallOffsetMs += 99; // smoothness is worth more than so little
  await clock.advance(1000);
  clock.wallOffsetMs += 3_600_000 - 99;
  await clock.advance(1000);
  const times = timesUs(linesOf(paced.text), clock.wallOffsetMs - 3_600_000);
  assert.deepEqual(times, [1e6, 2e6, 3603e6]);
  await paced.reader.cancel();
});

Deno.test("generatorStream() makes nothing before it is asked, and no chunk more than asked", async () => {
  const stream = new GeneratorStream(configOf("--rate max"));
  const reader = stream.readable.getReader();
  await settle();
  assert.equal(stream.linesCount, 0);
  let linesCount = 0;
  for (let i = 0; i < 3; i++) {
    linesCount += linesOf(decoder.decode((await reader.read()).value)).length;
    await settle();
    assert.equal(stream.linesCount, linesCount);
  }
  await reader.cancel();
});

Deno.test("generatorStream() with a backfill makes one chunk more than asked at most", async () => {
  const stream = new GeneratorStream(configOf("--rate 1000 --backfill 10m"));
  const reader = stream.readable.getReader();
  await settle();
  assert.equal(stream.linesCount, 0);
  const { value } = await reader.read();
  await settle();
  assert(stream.linesCount <= 2 * linesOf(decoder.decode(value)).length);
  await reader.cancel();
});

Deno.test("generatorStream() starts its clock at the first read", async () => {
  const clock = new ManualClock();
  const stream = generatorStream(configOf("--rate 10 --count 10"), clock);
  await clock.advance(60_000);
  const paced = collect(stream);
  await clock.advance(499);
  assert.equal(linesOf(paced.text).length, 4);
  await clock.advance(501);
  await paced.end;
});

Deno.test("generatorStream() catches up when its reader was away", async () => {
  const clock = new ManualClock();
  const stream = new GeneratorStream(configOf("--rate 1000"), clock);
  const reader = stream.readable.getReader();
  const first = reader.read();
  await clock.advance(5);
  assert.equal(linesOf(decoder.decode((await first).value)).length, 1);
  clock.jump(9995);
  let linesCount = 1;
  while (linesCount < 10_000) {
    linesCount += linesOf(decoder.decode((await reader.read()).value)).length;
    assert.equal(stream.backlogCount, 10_000 - linesCount);
  }
  assert.equal(linesCount, 10_000);
  await reader.cancel();
});

for (const options of ["--rate 0.01", "--rate 0.01 --backfill 1m", "--duration 1h --rate 0.0001"]) {
  Deno.test(`generatorStream() stops its timer at once when cancelled (${options})`, async () => {
    const clock = new ManualClock();
    const reader = generatorStream(configOf(options), clock).getReader();
    const read = reader.read();
    await settle();
    assert.equal(clock.sleeperCount, 1);
    await reader.cancel();
    assert.equal((await read).done, true);
    await settle();
    assert.equal(clock.sleeperCount, 0);
  });
}

Deno.test("generatorStream() leaves no timer of the machine behind when cancelled", async () => {
  const reader = generatorStream(configOf("--rate 0.01"), systemClock).getReader();
  const read = reader.read();
  await settle();
  await reader.cancel();
  assert.equal((await read).done, true);
});

Deno.test("generatorStream() goes from backfill to live without a gap or an overlap", async () => {
  const clock = new ManualClock();
  const config = configOf("--rate 10 --backfill 10m --count 6020");
  const paced = collect(generatorStream(config, clock));
  await settle();
  // The collector reads on by itself: all of the history, at once.
  await clock.advance(99);
  assert.equal(linesOf(paced.text).length, 6000);
  await clock.advance(2001);
  await paced.end;
  const lines = linesOf(paced.text);
  const expectedUs = Array.from({ length: 6020 }, (_, i) => (i - 5999) * 1e5);
  assert.deepEqual(timesUs(lines, clock.wallOffsetMs), expectedUs);
  const model = new TrafficModel(config.traffic);
  const originUs = (clock.wallOffsetMs - 599_900) * 1000;
  lines.forEach((line, i) => {
    assert.equal(line, formatJsonLine(model.recordAt(i, { originUs, recordsPerSecond: 10 })));
  });
});

Deno.test("generatorStream() with --start and a backfill has one sequence from the start on", async () => {
  const clock = new ManualClock();
  const config = configOf(`--rate 10 --backfill 1m --count 605 --start ${START}`);
  const paced = collect(generatorStream(config, clock));
  await clock.advance(500);
  await paced.end;
  const expectedUs = Array.from({ length: 605 }, (_, i) => i * 1e5);
  assert.deepEqual(timesUs(linesOf(paced.text), START_MS), expectedUs);
});

Deno.test("generatorStream() at the highest rate spaces the backfill by --event-rate", async () => {
  const clock = new ManualClock();
  const config = configOf("--rate max --backfill 1m --event-rate 5 --count 400");
  const lines = linesOf(await textOf(generatorStream(config, clock)));
  const expectedUs = Array.from({ length: 400 }, (_, i) => Math.min(0, (i - 299) * 2e5));
  assert.deepEqual(timesUs(lines, clock.wallOffsetMs), expectedUs);
});

Deno.test("generatorStream() ends within the backfill where --count says so", async () => {
  const lines = linesOf(await textOf(generatorStream(configOf("--backfill 10m --count 7"))));
  assert.equal(lines.length, 7);
});

Deno.test("GeneratorStream.live goes on at the right index when the history is cancelled", async () => {
  const clock = new ManualClock();
  const config = configOf(`--rate 10 --backfill 10m --start ${START}`);
  const stream = new GeneratorStream(config, clock);
  const history = stream.history.getReader();
  await history.read();
  await history.cancel();
  const live = stream.live.getReader();
  const read = live.read();
  await clock.advance(100);
  const [line] = linesOf(decoder.decode((await read).value));
  assert.deepEqual(timesUs([line!], START_MS), [600e6]);
  await live.cancel();
});
