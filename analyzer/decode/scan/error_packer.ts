import { PADDING_BYTES } from "../../padded_bytes.ts";
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
import { VectorConstants } from "./vector_constants.ts";
import {
  block,
  type Code,
  i32,
  i32x4,
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
  ZERO,
} from "./wasm.ts";

/**
 * Error rows as columns: what lies in the memory of the scanners after {@linkcode packErrors}, until
 * that is called again, or the next text comes.
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
  program ??= compilePacking();
  return program(start, end);
}

/** What was packed last. */
export const packedErrors: PackedErrors = {
  statuses: new Uint16Array(memory.buffer, Place.packedStatuses, ERRORS_MAX),
  ipHashes: new Int32Array(memory.buffer, Place.packedIpHashes, 2 * ERRORS_MAX),
  urlHashes: new Int32Array(memory.buffer, Place.packedUrlHashes, 2 * ERRORS_MAX),
  urlEnds: new Uint32Array(memory.buffer, Place.packedUrlEnds, ERRORS_MAX),
  urls: new DataView(memory.buffer, Place.packedUrls, TEXT_BYTES_MAX + PADDING_BYTES),
  lineEnds: new Uint32Array(memory.buffer, Place.packedLineEnds, ERRORS_MAX),
  lineRuns: new Uint32Array(memory.buffer, Place.lineRuns, 2 * ERRORS_MAX),
  get lineRunCount() {
    return memoryWords[Place.lineRunCount / 4]!;
  },
  text: memoryView,
};

/** What {@linkcode packing} was compiled to. */
type Program = (start: number, end: number) => number;

/** `(start, end)` of error rows to the first one that was not packed. */
function packing(constants: VectorConstants): WasmFunction {
  const locals = new Locals();
  const [row, end] = locals.parameters;
  const [urlStart, urlEnd, ipStart, ipEnd] = fourLocals(locals);
  const [lineStart, lineEnd, run, runEnd] = fourLocals(locals);
  const [runCount, urlsEnd, linesEnd, position] = fourLocals(locals);
  /** Four times the number of rows so far. */
  const [at, target] = [locals.i32(), locals.i32()];
  const hash = hashing(locals, constants);
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
            i32.load(ZERO, Place.packedUrlBytesMax),
          ),
        ),
        when(i32.load(ZERO, Place.packsLines), packLine),
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
    i32.store(ZERO, Place.lineRunCount, runCount.value),
    row.value,
  ];
  return { locals, body };
}

/**
 * Code that does what `hashBytes()` does, and is explained there: its four lanes are those of one
 * vector. Needs no more locals each time.
 */
function hashing(locals: Locals, constants: VectorConstants) {
  const [lanes, word, before] = [locals.v128(), locals.v128(), locals.v128()];
  const position = locals.i32();
  const four = (numbers: readonly number[]): Code =>
    constants.vector(new Uint8Array(Uint32Array.from(numbers).buffer));
  /** Rotates each lane of `word` to the left, by as many bits: products by 2^bits hold both parts. */
  const rotate = (bits: readonly number[]): Code => {
    const powers = four(bits.map((bits) => 2 ** bits));
    const low = i32x4.productsOfFirst(word.value, powers);
    const high = i32x4.productsOfLast(word.value, powers);
    return v128.or(i32x4.pick(low, high, [0, 2, 4, 6]), i32x4.pick(low, high, [1, 3, 5, 7]));
  };
  const mix = (bytes: Code): Code => [
    word.set(i32x4.multiply(bytes, four(FACTORS))),
    lanes.set(v128.xor(
      lanes.value,
      i32x4.multiply(rotate([15, 16, 17, 18]), four([...FACTORS.slice(1), FACTORS[0]!])),
    )),
  ];
  const stir: Code = [
    word.set(lanes.value),
    // To each lane the next one is added, as it was; to the last one the first, as it has become.
    word.set(i32x4.add(
      rotate([19, 17, 15, 13]),
      v128.and(i32x4.pick(before.value, before.value, [1, 2, 3, 0]), four([-1, -1, -1, 0])),
    )),
    word.set(i32x4.add(
      i32x4.multiply(word.value, four([5, 5, 5, 5])),
      four([0x561ccd1b, 0x0bcaa747, 0x96cd1c35, 0x32ac3b17]),
    )),
    lanes.set(i32x4.add(
      word.value,
      i32x4.multiply(i32x4.pick(word.value, word.value, [0, 0, 0, 0]), four([0, 0, 0, 5])),
    )),
  ];
  /** The first lane becomes the sum of all, which is added to the others. */
  const sum: Code = [
    word.set(i32x4.add(lanes.value, i32x4.pick(lanes.value, lanes.value, [1, 0, 3, 2]))),
    word.set(i32x4.add(word.value, i32x4.pick(word.value, word.value, [2, 3, 0, 1]))),
    lanes.set(i32x4.add(word.value, v128.and(lanes.value, four([0, -1, -1, -1])))),
  ];
  const fold = (bits: number): Code => v128.xor(lanes.value, i32x4.shiftRight(lanes.value, bits));
  const avalanche: Code = [
    lanes.set(i32x4.multiply(fold(16), four(new Array(4).fill(0x85ebca6b)))),
    lanes.set(i32x4.multiply(fold(13), four(new Array(4).fill(0xc2b2ae35)))),
    lanes.set(fold(16)),
  ];
  return (start: Local, end: Local, target: Code, place: number): Code => {
    const [blocks, rest] = [Symbol(), Symbol()];
    const restBytes = i32.subtract(end.value, position.value);
    const nextBlock = i32.add(position.value, i32.const(16));
    return [
      lanes.set(four([0, 0, 0, 0])),
      position.set(start.value),
      block(
        rest,
        loop(blocks, [
          jumpIf(rest, i32.greaterUnsigned(nextBlock, end.value)),
          before.set(lanes.value),
          mix(v128.load(position.value)),
          stir,
          position.set(nextBlock),
          jump(blocks),
        ]),
      ),
      mix(v128.and(
        v128.load(position.value),
        v128.load(i32.shiftLeft(restBytes, i32.const(4)), Place.restMasks),
      )),
      lanes.set(v128.xor(lanes.value, i32x4.splat(i32.subtract(end.value, start.value)))),
      sum,
      avalanche,
      sum,
      v128.storeTwo(target, place, lanes.value),
    ];
  };
}

function fourLocals(locals: Locals): [Local, Local, Local, Local] {
  return [locals.i32(), locals.i32(), locals.i32(), locals.i32()];
}

const FACTORS = [0x239b961b, 0xab0e9789, 0x38b34ae5, 0xa1e38b93];

/** Compiled at the first use: 2 ms, and many runs need none. */
let program: Program | undefined;

/** Makes the program, and puts into the memory what it needs there. */
function compilePacking(): Program {
  const constants = new VectorConstants(Place.packerConstants);
  const module = new WebAssembly.Module(wasmModule([packing(constants)], PAGES));
  memoryBytes.set(constants.bytes(), Place.packerConstants);
  for (let rest = 0; rest < 16; rest++) {
    const mask = Place.restMasks + 16 * rest;
    memoryBytes.fill(0xff, mask, mask + rest);
  }
  const { exports } = new WebAssembly.Instance(module, { scan: { memory } });
  return exports["run"] as Program;
}
