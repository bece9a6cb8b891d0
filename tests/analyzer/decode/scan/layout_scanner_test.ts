import assert from "node:assert/strict";
import { LayoutScanner } from "../../../../analyzer/decode/scan/layout_scanner.ts";
import type { RowSink } from "../../../../analyzer/decode/scan/line_scanner.ts";
import { memoryBytes, memoryWords, Place } from "../../../../analyzer/decode/scan/scan_memory.ts";
import { compareReaders } from "../../../support/compare_readers.ts";

const encoder = new TextEncoder();

/** A record whose layout is told by a number. */
function line(layout: number): string {
  return `{"timestamp":"2025-05-30T18:52:47Z","ip":"::1","method":"","url":"","status":200,"k${layout}":1}`;
}

/** Reads lines as the decoder does: what follows no layout is learned from. Tells how many were. */
function readAll(scanner: LayoutScanner, lines: readonly string[]): number {
  const { written } = encoder.encodeInto(
    lines.map((own) => `${own}\n`).join(""),
    memoryBytes.subarray(Place.text),
  );
  const end = Place.text + written;
  let read = 0;
  const rows: RowSink = {
    isStopped: false,
    prepare() {
      memoryWords[Place.fromMs / 4] = 0;
      memoryWords[Place.spanMs / 4] = 1000;
      memoryWords[Place.minStatus / 4] = 400;
      memoryWords[Place.lineBytesMax / 4] = 1000;
    },
    take() {
      read += memoryWords[Place.rowCount / 4]!;
    },
  };
  let learned = 0;
  for (let position: number = Place.text; position < end;) {
    position = scanner.scan(position, end, rows);
    if (position === end) break;
    const newline = memoryBytes.indexOf(0x0a, position);
    const own = new TextDecoder().decode(memoryBytes.subarray(position, newline));
    scanner.learn(() => own, undefined);
    learned++;
    position = newline + 1;
  }
  assert.equal(read, lines.length - learned);
  return learned;
}

Deno.test("LayoutScanner parses one line of a layout and reads all others", () => {
  assert.equal(readAll(new LayoutScanner(), Array(1000).fill(line(0))), 1);
});

Deno.test("LayoutScanner reads lines of several layouts in turn", () => {
  const lines = Array.from({ length: 1000 }, (_, i) => line(i % 8));
  assert.equal(readAll(new LayoutScanner(), lines), 8);
});

Deno.test("LayoutScanner looks more and more rarely at lines from which it learns nothing", () => {
  const scanner = new LayoutScanner();
  let looks = 0;
  const count = 64 * 100;
  for (let i = 0; i < count; i++) {
    scanner.learn(() => {
      looks++;
      return line(0).replace('""', '"\\u0061"');
    }, undefined);
  }
  assert.ok(looks > 100 && looks < 120, `${looks} looks`);
  // Rarely is not never: a server that comes late is read as well.
  assert.ok(readAll(scanner, Array(1000).fill(line(1))) <= 65);
});

Deno.test("LayoutScanner replaces a layout when it knows as many as it may", () => {
  const scanner = new LayoutScanner();
  readAll(scanner, Array.from({ length: 8 }, (_, i) => line(i)));
  assert.equal(readAll(scanner, Array(10).fill(line(8))), 1);
  assert.equal(readAll(scanner, [line(8)]), 0);
});

Deno.test("LayoutScanner.forgetCsv() forgets the layouts of CSV only", () => {
  const scanner = new LayoutScanner();
  const csv = "2025-05-30T18:52:47Z,::1,GET,/,200";
  assert.equal(readAll(scanner, [csv, line(0)]), 2);
  assert.equal(readAll(scanner, [csv, line(0)]), 0);
  scanner.forgetCsv();
  assert.equal(readAll(scanner, [csv, line(0)]), 1);
});

// The same for a million lines: deno task fuzz.
Deno.test("LayoutScanner reads every line as the parser does, or leaves it to the parser", () => {
  const seed = crypto.getRandomValues(new Uint32Array(1))[0]!;
  for (let i = 0; i < 20; i++) {
    compareReaders({ seed: seed + i, lineCount: 1000, isMasked: i % 4 === 1, saves: i % 4 !== 3 });
  }
});
