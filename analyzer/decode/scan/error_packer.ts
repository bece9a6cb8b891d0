import { Byte } from "./byte.ts";
import {
  ERROR_BYTES,
  ErrorField,
  ERRORS_MAX,
  memory,
  memoryBytes,
  memoryView,
  memoryWords,
  PAGES,
  Place,
  TEXT_BYTES_MAX,
} from "./scan_memory.ts";
import {
  block,
  type Code,
  i32,
  increment,
  jump,
  jumpIf,
  type Local,
  Locals,
  loop,
  v128,
  type WasmFunction,
  wasmModule,
  when,
} from "./wasm.ts";

/**
 * Error rows as columns: what lies in the memory of the scanners after {@linkcode packErrors}, until
 * that is called again.
 */
export interface PackedErrors {
  /** `[rows]` */
  readonly statuses: Uint16Array;
  /** `[2 × rows]`, what `hashBytes()` makes, high word first; those of URLs likewise. */
  readonly ipHashes: Int32Array;
  readonly urlHashes: Int32Array;
  /** `[rows]`, where each URL ends in `urls`. */
  readonly urlEnds: Uint32Array;
  /** The URLs one after another, padded. */
  readonly urls: DataView;
  /** `[rows]`, where each line ends among the bytes of all of them. */
  readonly lineEnds: Uint32Array;
  /** `[2 × lineRunCount]`, start and end in `text` of the pieces that these bytes are made of. */
  readonly lineRuns: Uint32Array;
  readonly lineRunCount: number;
  /** What the lines stand in, padded. */
  readonly text: DataView;
}

/** What is packed, and how. */
export interface PackOptions {
  /** Longest URL in bytes. */
  readonly urlBytesMax: number;
  /** Whether lines are wanted: as they stand in the text, each with its newline. */
  readonly hasLines: boolean;
}

/**
 * Packs error rows that a scan has found, in order, up to one that needs more thought: whose URL has
 * escapes or is too long, or whose line does not end with a mere newline.
 *
 * @param start place of the first row in the memory
 * @param end place behind the last one
 * @returns the place of the first row that was not packed
 */
export function packErrors(start: number, end: number, options: PackOptions): number {
  memoryWords[Place.packedUrlBytesMax / 4] = options.urlBytesMax;
  memoryWords[Place.packsLines / 4] = options.hasLines ? 1 : 0;
  return program(start, end);
}

/** What was packed last. */
export const packedErrors: PackedErrors = {
  statuses: new Uint16Array(memory.buffer, Place.packedStatuses, ERRORS_MAX),
  ipHashes: new Int32Array(memory.buffer, Place.packedIpHashes, 2 * ERRORS_MAX),
  urlHashes: new Int32Array(memory.buffer, Place.packedUrlHashes, 2 * ERRORS_MAX),
  urlEnds: new Uint32Array(memory.buffer, Place.packedUrlEnds, ERRORS_MAX),
  urls: new DataView(memory.buffer, Place.packedUrls, TEXT_BYTES_MAX + 16),
  lineEnds: new Uint32Array(memory.buffer, Place.packedLineEnds, ERRORS_MAX),
  lineRuns: new Uint32Array(memory.buffer, Place.lineRuns, 2 * ERRORS_MAX),
  get lineRunCount() {
    return memoryWords[Place.lineRunCount / 4]!;
  },
  text: memoryView,
};

/** `(start, end)` of error rows to the first one that was not packed. */
function packing(): WasmFunction {
  const locals = new Locals();
  const [row, end] = locals.parameters;
  const [urlStart, urlEnd, ipStart, ipEnd] = fourLocals(locals);
  const [lineStart, lineEnd, run, runEnd] = fourLocals(locals);
  const [runCount, urlsEnd, linesEnd, position] = fourLocals(locals);
  /** Four times the number of rows so far. */
  const [at, target] = [locals.i32(), locals.i32()];
  const hash = hashing(locals);
  const [rows, stop, copy] = [Symbol(), Symbol(), Symbol()];
  const field = (name: keyof typeof ErrorField) => i32.load(row.value, 4 * ErrorField[name]);
  const isNewline = i32.equal(i32.load8(field("lineEnd")), i32.const(Byte.newline));
  const packLine = [
    jumpIf(stop, i32.isZero(isNewline)),
    lineStart.set(field("lineStart")),
    lineEnd.set(i32.add(field("lineEnd"), i32.const(1))),
    when(i32.notEqual(lineStart.value, runEnd.value), [
      run.set(i32.shiftLeft(runCount.value, i32.const(3))),
      i32.store(run.value, Place.lineRuns, lineStart.value),
      increment(runCount),
    ]),
    runEnd.set(lineEnd.value),
    i32.store(run.value, Place.lineRuns + 4, runEnd.value),
    linesEnd.set(i32.add(linesEnd.value, i32.subtract(lineEnd.value, lineStart.value))),
  ];
  const pairs = i32.add(at.value, at.value);
  const body = [
    block(
      stop,
      loop(rows, [
        jumpIf(stop, i32.atLeastUnsigned(row.value, end.value)),
        jumpIf(stop, field("hasEscapedUrl")),
        urlStart.set(field("urlStart")),
        urlEnd.set(field("urlEnd")),
        jumpIf(
          stop,
          i32.greaterUnsigned(
            i32.subtract(urlEnd.value, urlStart.value),
            i32.load(i32.const(0), Place.packedUrlBytesMax),
          ),
        ),
        when(i32.load(i32.const(0), Place.packsLines), packLine),
        i32.store(at.value, Place.packedLineEnds, linesEnd.value),
        i32.store16(
          i32.shiftRight(at.value, i32.const(1)),
          Place.packedStatuses,
          field("status"),
        ),
        ipStart.set(field("ipStart")),
        ipEnd.set(field("ipEnd")),
        hash(ipStart, ipEnd, pairs, Place.packedIpHashes),
        hash(urlStart, urlEnd, pairs, Place.packedUrlHashes),
        position.set(urlStart.value),
        target.set(urlsEnd.value),
        loop(copy, [
          v128.store(target.value, Place.packedUrls, v128.load(position.value)),
          target.set(i32.add(target.value, i32.const(16))),
          position.set(i32.add(position.value, i32.const(16))),
          jumpIf(copy, i32.greaterUnsigned(urlEnd.value, position.value)),
        ]),
        urlsEnd.set(i32.add(urlsEnd.value, i32.subtract(urlEnd.value, urlStart.value))),
        i32.store(at.value, Place.packedUrlEnds, urlsEnd.value),
        at.set(i32.add(at.value, i32.const(4))),
        row.set(i32.add(row.value, i32.const(ERROR_BYTES))),
        jump(rows),
      ]),
    ),
    i32.store(i32.const(0), Place.lineRunCount, runCount.value),
    row.value,
  ];
  return { locals, body };
}

/** Code that does what `hashBytes()` does, and is explained there; needs no more locals each time. */
function hashing(locals: Locals) {
  const lanes = fourLocals(locals);
  const [h1, h2, h3, h4] = lanes;
  const position = locals.i32();
  const rest = locals.v128();
  const mix = (lane: number, word: Code): Code =>
    lanes[lane]!.set(i32.xor(
      lanes[lane]!.value,
      i32.multiply(
        i32.rotateLeft(
          i32.multiply(word, i32.const(FACTORS[lane]!)),
          i32.const(15 + lane),
        ),
        i32.const(FACTORS[(lane + 1) % 4]!),
      ),
    ));
  const stir = (lane: number): Code =>
    lanes[lane]!.set(i32.add(
      i32.multiply(
        i32.add(
          i32.rotateLeft(lanes[lane]!.value, i32.const(STIR_BITS[lane]!)),
          lanes[(lane + 1) % 4]!.value,
        ),
        i32.const(5),
      ),
      i32.const(STIR_TERMS[lane]!),
    ));
  const all = [0, 1, 2, 3];
  const sum = (a: Local, ...others: Local[]): Code =>
    a.set(others.reduce((total, { value }) => i32.add(total, value), a.value));
  return (start: Local, end: Local, target: Code, place: number): Code => {
    const [blocks, done] = [Symbol(), Symbol()];
    const restBytes = i32.subtract(end.value, position.value);
    return [
      lanes.map((lane) => lane.set(i32.const(0))),
      position.set(start.value),
      block(
        done,
        loop(blocks, [
          jumpIf(
            done,
            i32.greaterUnsigned(i32.add(position.value, i32.const(16)), end.value),
          ),
          all.map((lane) => [mix(lane, i32.load(position.value, 4 * lane)), stir(lane)]),
          position.set(i32.add(position.value, i32.const(16))),
          jump(blocks),
        ]),
      ),
      rest.set(v128.and(
        v128.load(position.value),
        v128.load(i32.shiftLeft(restBytes, i32.const(4)), Place.restMasks),
      )),
      all.map((lane) => mix(lane, v128.extract(rest.value, lane))),
      lanes.map((lane) => lane.set(i32.xor(lane.value, i32.subtract(end.value, start.value)))),
      sum(h1, h2, h3, h4),
      [h2, h3, h4].map((lane) => sum(lane, h1)),
      lanes.map(avalanche),
      sum(h1, h2, h3, h4),
      sum(h2, h1),
      i32.store(target, place, h1.value),
      i32.store(target, place + 4, h2.value),
    ];
  };
}

function avalanche(word: Local): Code {
  const fold = (bits: number) => i32.xor(word.value, i32.shiftRight(word.value, i32.const(bits)));
  return [
    word.set(i32.multiply(fold(16), i32.const(0x85ebca6b))),
    word.set(i32.multiply(fold(13), i32.const(0xc2b2ae35))),
    word.set(fold(16)),
  ];
}

function fourLocals(locals: Locals): [Local, Local, Local, Local] {
  return [locals.i32(), locals.i32(), locals.i32(), locals.i32()];
}

const FACTORS = [0x239b961b, 0xab0e9789, 0x38b34ae5, 0xa1e38b93];
const STIR_BITS = [19, 17, 15, 13];
const STIR_TERMS = [0x561ccd1b, 0x0bcaa747, 0x96cd1c35, 0x32ac3b17];

for (let rest = 0; rest < 16; rest++) {
  const mask = Place.restMasks + 16 * rest;
  memoryBytes.fill(0xff, mask, mask + rest);
}

const module = new WebAssembly.Module(wasmModule([packing()], PAGES));
const { exports } = new WebAssembly.Instance(module, { scan: { memory } });
const program = exports["run"] as (start: number, end: number) => number;
