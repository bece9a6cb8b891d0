import { IP_BYTES_MAX } from "../../../log_format/log_record.ts";
import { Start } from "./automaton.ts";
import { Byte } from "./byte.ts";
import type { Layout, Segment } from "./layout.ts";
import {
  ERROR_BYTES,
  ErrorField,
  ERRORS_MAX,
  Exit,
  LayoutPlace,
  PAGES,
  Place,
  SECOND_BYTES,
} from "./scan_memory.ts";
import { AUTOMATON, automaton, isStop, STRING_END, stringEnd, stringKind } from "./searches.ts";
import { VectorConstants } from "./vector_constants.ts";
import {
  block,
  call,
  type Code,
  i32,
  i64,
  increment,
  jump,
  jumpIf,
  Locals,
  loop,
  v128,
  type WasmFunction,
  wasmModule,
  when,
  ZERO,
} from "./wasm.ts";

/**
 * Makes a program for a layout. Of a line nothing gets into it but the bytes of its texts, to be
 * compared with.
 *
 * The program takes a place in memory where a line begins and the place behind a newline, and reads
 * lines until there is an `Exit`. It returns where the first line begins that it has not read; what
 * it has counted and its error rows then stand in memory.
 *
 * Everything that is skipped is verified. What is read is what `parseLine()` would make of the
 * line; whatever the program is not sure of it leaves alone.
 *
 * @param place where in the memory the layout has its `LayoutPlace`
 */
export function compileLayout(layout: Layout, place: number): CompiledLayout {
  const constants = new VectorConstants(place + LayoutPlace.constants);
  const functions: WasmFunction[] = [];
  functions[AUTOMATON] = automaton();
  functions[STRING_END] = stringEnd(constants);
  functions.push(new LayoutCompiler(layout, place, constants).compile());
  return { module: wasmModule(functions, PAGES), constants: constants.bytes() };
}

/** A program, and what has to stand in memory while it runs. */
export interface CompiledLayout {
  /** The bytes of a WebAssembly module. */
  readonly module: Uint8Array<ArrayBuffer>;
  /** What belongs at `LayoutPlace.constants`. */
  readonly constants: Uint8Array<ArrayBuffer>;
}

/**
 * A line is runs of a fixed number of bytes, each of which has to lie in a range, and between them
 * strings and other values of any length, whose ends are searched for. A run is compared 16 bytes at
 * a time, with one branch, which can be predicted.
 */
class LayoutCompiler {
  readonly #layout: Layout;
  readonly #place: number;
  readonly #constants: VectorConstants;
  readonly #locals = new Locals();
  /** Where the line at hand begins. */
  readonly #start = this.#locals.parameters[0];
  /** Where the lines end. */
  readonly #end = this.#locals.parameters[1];
  /** Where the run at hand begins. */
  readonly #position = this.#locals.i32();
  /** The bytes of that run, each from `low` to `low + spread`. */
  #run: ByteRange[] = [];
  /** Whether its first byte needs no comparison. */
  #isFirstByteKnown = false;
  readonly #bytes = this.#locals.v128();
  readonly #stops = this.#locals.i32();
  /** Where the next line begins. */
  readonly #next = this.#locals.i32();
  readonly #guessedNext = this.#locals.i32();
  readonly #fractionMs = this.#locals.i32();
  readonly #status = this.#locals.i32();
  readonly #hasEscapedUrl = this.#locals.i32();
  readonly #exitReason = this.#locals.i32();
  readonly #errorPlace = this.#locals.i32();
  readonly #errorCount = this.#locals.i32();
  /** Where fields stand, by name. */
  readonly #pieces = new Map<string, Piece>();
  /** Ends the scan, before the line at hand. */
  readonly #exit = Symbol();

  constructor(layout: Layout, place: number, constants: VectorConstants) {
    this.#layout = layout;
    this.#place = place;
    this.#constants = constants;
  }

  compile(): WasmFunction {
    const locals = this.#locals;
    const [rowCount, fractionMaxMs] = [locals.i32(), locals.i32()];
    const [start, fractionMs, errorCount] = [this.#start, this.#fractionMs, this.#errorCount];
    const { segments } = this.#layout;
    const line = [
      segments.map((segment, i) => this.#read(segment, i === 0, i === segments.length - 1)),
      this.#readLineEnd(),
    ];
    const leave = (reason: number) => [
      this.#exitReason.set(i32.const(reason)),
      start.set(this.#next.value),
      jump(this.#exit),
    ];
    const lines = Symbol();
    const body = [
      this.#errorPlace.set(i32.const(Place.errors)),
      block(
        this.#exit,
        loop(lines, [
          jumpIf(this.#exit, i32.atLeastUnsigned(start.value, this.#end.value)),
          this.#position.set(start.value),
          this.#hasEscapedUrl.set(ZERO),
          this.#guessNext(),
          line,
          // Below `fromMs` the difference is a large unsigned number.
          when(
            i32.atLeastUnsigned(
              i32.subtract(fractionMs.value, i32.load(ZERO, Place.fromMs)),
              i32.load(ZERO, Place.spanMs),
            ),
            [
              i32.store(ZERO, Place.fractionMs, fractionMs.value),
              this.#storeError(),
              leave(Exit.place),
            ],
          ),
          increment(rowCount),
          when(
            i32.greaterUnsigned(fractionMs.value, fractionMaxMs.value),
            fractionMaxMs.set(fractionMs.value),
          ),
          when(i32.atLeastUnsigned(this.#status.value, i32.load(ZERO, Place.minStatus)), [
            this.#storeError(),
            this.#errorPlace.set(i32.add(this.#errorPlace.value, i32.const(ERROR_BYTES))),
            increment(errorCount),
            when(i32.equal(errorCount.value, i32.const(ERRORS_MAX)), leave(Exit.full)),
          ]),
          // A branch, and no number that is handed on: so the next line need not wait for this one.
          when(
            i32.notEqual(this.#guessedNext.value, this.#next.value),
            this.#guessedNext.set(this.#next.value),
          ),
          start.set(this.#guessedNext.value),
          jump(lines),
        ]),
      ),
      i32.store(ZERO, Place.rowCount, rowCount.value),
      i32.store(ZERO, Place.fractionMaxMs, fractionMaxMs.value),
      i32.store(ZERO, Place.errorCount, errorCount.value),
      i32.store(ZERO, Place.exit, this.#exitReason.value),
      start.value,
    ];
    return { locals, body };
  }

  /**
   * Looks for a newline where it may stand at the earliest. Where the fields end there, the next
   * line has been begun long before they are all read: a processor has several lines under way,
   * while from field to field it has to wait.
   */
  #guessNext(): Code {
    const guess = this.#guessedNext;
    const newlines = this.#locals.i64();
    const found = Symbol();
    const search = Symbol();
    const newlinesAt = (distance: number) => {
      const bytes = v128.load(guess.value, distance);
      const isNewline = v128.equal(bytes, this.#constants.splat(Byte.newline));
      return i64.shiftLeft(i64.fromUnsigned(v128.bitmask(isNewline)), distance);
    };
    return [
      guess.set(i32.add(this.#start.value, i32.const(lineBytesMin(this.#layout)))),
      block(
        found,
        loop(search, [
          newlines.set([0, 16, 32, 48].map(newlinesAt).reduce((a, b) => i64.or(a, b))),
          jumpIf(found, i32.isZero(i64.isZero(newlines.value))),
          guess.set(i32.add(guess.value, i32.const(64))),
          jumpIf(search, i32.greaterUnsigned(this.#end.value, guess.value)),
        ]),
      ),
      guess.set(i32.add(guess.value, i64.toI32(i64.trailingZeros(newlines.value)))),
      increment(guess),
    ];
  }

  #read(segment: Segment, isFirst: boolean, isLast: boolean): Code {
    switch (segment.kind) {
      case "text":
        this.#addText(segment.text);
        return [];
      case "timestamp":
        return this.#readTimestamp(segment);
      case "status":
        return this.#readStatus();
      case "word":
        return this.#readByAutomaton(Start.word, 0);
      case "number":
        return this.#readByAutomaton(Start.number, NUMBER_LOOKAHEAD);
      case "string":
        return this.#readString(segment, isFirst, isLast);
    }
  }

  /** Rows of one second share its 19 bytes: those are compared, and read anew where they change. */
  #readTimestamp(segment: Extract<Segment, { kind: "timestamp" }>): Code {
    const { fractionDigits, offset } = segment;
    const tail = SECOND_BYTES - 16;
    const isOtherSecond = v128.anyTrue(v128.or(
      v128.xor(v128.load(...this.#address(0)), v128.load(ZERO, this.#place + LayoutPlace.second)),
      v128.xor(
        v128.load(...this.#address(tail)),
        v128.load(ZERO, this.#place + LayoutPlace.secondTail),
      ),
    ));
    const start = this.#locals.i32();
    const code: Code[] = [
      start.set(this.#at(0)),
      when(isOtherSecond, [
        // Where even the text before it is another one, it is no time at all.
        this.#leaveUnlessRun(),
        i32.store(ZERO, Place.secondPosition, start.value),
        this.#exitReason.set(i32.const(Exit.second)),
        jump(this.#exit),
      ]),
    ];
    this.#addBytes(ANY, SECOND_BYTES);
    if (fractionDigits > 0) {
      this.#addText(".");
      code.push(this.#fractionMs.set(this.#number(3)));
      this.#addBytes(DIGIT, fractionDigits);
    }
    this.#addText(offset);
    this.#pieces.set("timestamp", {
      start: start.value,
      end: i32.add(start.value, i32.const(timestampBytes(segment))),
    });
    return code;
  }

  /** Three digits from 100 to 599. */
  #readStatus(): Code {
    const code = this.#status.set(this.#number(3));
    this.#addBytes({ low: DIGIT.low + 1, spread: 4 }, 1);
    this.#addBytes(DIGIT, 2);
    return code;
  }

  /** @param lookahead bytes that the automaton reads too many */
  #readByAutomaton(start: number, lookahead: number): Code {
    const position = this.#position;
    return [
      this.#compareRun(),
      position.set(call(AUTOMATON, i32.const(start), position.value)),
      jumpIf(this.#exit, i32.isZero(position.value)),
      position.set(i32.subtract(position.value, i32.const(lookahead))),
    ];
  }

  /**
   * Looks for the end of a string among 16 bytes, without a branch for its length: that is what a
   * processor cannot predict.
   */
  #readString(
    { name, end }: Extract<Segment, { kind: "string" }>,
    isFirst: boolean,
    isLast: boolean,
  ): Code {
    const [position, bytes, stops] = [this.#position, this.#bytes, this.#stops];
    const isBare = end === ",";
    // An escaped address is for the parser: its length is not that of its bytes.
    const mayHaveEscapes = this.#layout.format === "json" && name !== "ip";
    const isUrlWithEscapes = mayHaveEscapes && name === "url";
    const endByte = isBare && isLast ? Byte.newline : end.charCodeAt(0);
    const start = this.#locals.i32();
    const found = Symbol();
    const isRare = Symbol();
    const code: Code[] = [
      this.#compareRun(),
      start.set(position.value),
      block(found, [
        block(isRare, [
          bytes.set(v128.load(start.value)),
          stops.set(v128.bitmask(isStop(bytes, this.#constants, end))),
          jumpIf(isRare, i32.isZero(stops.value)),
          position.set(i32.add(start.value, i32.trailingZeros(stops.value))),
          jumpIf(found, i32.equal(i32.load8(position.value), i32.const(endByte))),
        ]),
        isUrlWithEscapes ? i32.store(ZERO, Place.hasEscapes, ZERO) : [],
        position.set(
          call(STRING_END, i32.const(stringKind(end, mayHaveEscapes)), start.value),
        ),
        jumpIf(this.#exit, i32.isZero(position.value)),
        // A line ends every string without quotes, but only the last one is to end there.
        isBare && !isLast
          ? jumpIf(this.#exit, i32.notEqual(i32.load8(position.value), i32.const(endByte)))
          : [],
        isUrlWithEscapes ? this.#hasEscapedUrl.set(i32.load(ZERO, Place.hasEscapes)) : [],
      ]),
    ];
    if (name === "ip") {
      const lengthLessOne = i32.subtract(i32.subtract(position.value, start.value), i32.const(1));
      code.push(
        jumpIf(this.#exit, i32.greaterUnsigned(lengthLessOne, i32.const(IP_BYTES_MAX - 1))),
      );
    }
    if (isFirst) {
      // A blank or a byte order mark does not count there, and a brace makes the line JSON.
      for (const first of [Byte.blank, Byte.brace, Byte.byteOrderMark]) {
        code.push(jumpIf(this.#exit, i32.equal(i32.load8(start.value), i32.const(first))));
      }
    }
    if (isLast && isBare) {
      // Nor does a blank at the end of a line; of an empty cell this is the comma before.
      const before = i32.load8(i32.subtract(position.value, i32.const(1)));
      code.push(jumpIf(this.#exit, i32.equal(before, i32.const(Byte.blank))));
    }
    // What ends the string begins the next run, and has been compared.
    this.#isFirstByteKnown = !(isBare && isLast);
    if (name !== undefined) {
      const last = this.#locals.i32();
      code.push(last.set(position.value));
      this.#pieces.set(name, { start: start.value, end: last.value });
    }
    return code;
  }

  #readLineEnd(): Code {
    const next = this.#next;
    const lineEnd = this.#locals.i32();
    this.#pieces.set("line", {
      start: this.#start.value,
      end: i32.subtract(lineEnd.value, i32.const(trailingBlanks(this.#layout))),
    });
    const isNewline = i32.equal(i32.load8(next.value), i32.const(Byte.newline));
    const isEnded = Symbol();
    const lineBytes = i32.subtract(next.value, this.#start.value);
    return [
      this.#compareRun(),
      lineEnd.set(this.#position.value),
      next.set(lineEnd.value),
      block(isEnded, [
        jumpIf(isEnded, isNewline),
        jumpIf(
          this.#exit,
          i32.notEqual(i32.load8(next.value), i32.const(Byte.carriageReturn)),
        ),
        increment(next),
        jumpIf(this.#exit, i32.isZero(isNewline)),
      ]),
      jumpIf(this.#exit, i32.greaterUnsigned(lineBytes, i32.load(ZERO, Place.lineBytesMax))),
      increment(next),
    ];
  }

  /** Writes the row at hand behind the error rows so far. */
  #storeError(): Code {
    const field = (index: number, value: Code) =>
      i32.store(this.#errorPlace.value, 4 * index, value);
    const pieces = (["line", "timestamp", "ip", "method", "url"] as const).map((name) => {
      const { start, end } = this.#pieces.get(name)!;
      const index = ErrorField[`${name}Start`];
      return [field(index, start), field(index + 1, end)];
    });
    return [
      field(ErrorField.status, this.#status.value),
      field(ErrorField.hasEscapedUrl, this.#hasEscapedUrl.value),
      pieces,
    ];
  }

  #addText(text: string): void {
    for (const low of encoder.encode(text)) {
      this.#run.push(this.#isFirstByteKnown ? ANY : { low, spread: 0 });
      this.#isFirstByteKnown = false;
    }
  }

  #addBytes(range: ByteRange, count: number): void {
    for (let i = 0; i < count; i++) this.#run.push(range);
  }

  /** Compares the run at hand and goes behind it. */
  #compareRun(): Code {
    if (this.#run.length === 0) return [];
    const code = [this.#leaveUnlessRun(), this.#position.set(this.#at(0))];
    this.#run = [];
    return code;
  }

  /** Ends the scan where the run is another one; the last 16 bytes overlap those before. */
  #leaveUnlessRun(): Code {
    const run = this.#run;
    const differences: Code[] = [];
    for (let i = 0; i < run.length; i++) {
      if (run[i] === ANY) continue;
      const at = Math.max(0, Math.min(i, run.length - 16));
      const bytes = v128.load(this.#position.value, at);
      differences.push(this.#outOfRange(bytes, run.slice(at, at + 16)));
      i = at + 15;
    }
    if (differences.length === 0) return [];
    return jumpIf(this.#exit, v128.anyTrue(differences.reduce((a, b) => v128.or(a, b))));
  }

  /** Zero where every byte lies in its range: so far above the lowest, and no farther. */
  #outOfRange(bytes: Code, ranges: readonly ByteRange[]): Code {
    const [lows, spreads] = [new Uint8Array(16), new Uint8Array(16).fill(ANY.spread)];
    ranges.forEach(({ low, spread }, i) => {
      lows[i] = low;
      spreads[i] = spread;
    });
    return v128.subtractToZero(
      v128.subtract(bytes, this.#constants.vector(lows)),
      this.#constants.vector(spreads),
    );
  }

  /** The number that the next digits make, if digits they are. */
  #number(digits: number): Code {
    let number = i32.const(-Number("1".repeat(digits)) * DIGIT.low);
    for (let i = 0; i < digits; i++) {
      const digit = i32.load8(...this.#address(i));
      number = i32.add(number, i32.multiply(digit, i32.const(10 ** (digits - 1 - i))));
    }
    return number;
  }

  /** A place behind the run so far. */
  #at(distance: number): Code {
    return i32.add(this.#position.value, i32.const(this.#run.length + distance));
  }

  /** The same place to load from: adding a constant costs nothing there. */
  #address(distance: number): [Code, number] {
    return [this.#position.value, this.#run.length + distance];
  }
}

/** Where something stands in the line at hand. */
interface Piece {
  readonly start: Code;
  readonly end: Code;
}

/** What a byte may be: from `low` to `low + spread`. */
interface ByteRange {
  readonly low: number;
  readonly spread: number;
}

const ANY: ByteRange = { low: 0, spread: 0xff };
const DIGIT: ByteRange = { low: 0x30, spread: 9 };

/** Bytes of the shortest line, its newline not counted: of strings and other values there is none. */
function lineBytesMin({ segments }: Layout): number {
  let bytes = 0;
  for (const segment of segments) {
    if (segment.kind === "text") bytes += encoder.encode(segment.text).length;
    if (segment.kind === "timestamp") bytes += timestampBytes(segment);
    if (segment.kind === "status") bytes += 3;
  }
  return bytes;
}

function timestampBytes(segment: Extract<Segment, { kind: "timestamp" }>): number {
  const { fractionDigits, offset } = segment;
  return SECOND_BYTES + (fractionDigits > 0 ? 1 + fractionDigits : 0) + offset.length;
}

function trailingBlanks({ segments }: Layout): number {
  const last = segments.at(-1);
  return last?.kind === "text" ? last.text.length - last.text.trimEnd().length : 0;
}

const encoder = new TextEncoder();

/** The automaton reads the byte behind a number too. */
const NUMBER_LOOKAHEAD = 1;
