import { ACCEPTED, AFTER_BACKSLASH, REJECTED, Start } from "./automaton.ts";
import { Byte } from "./byte.ts";
import { Place } from "./scan_memory.ts";
import type { VectorConstants } from "./vector_constants.ts";
import {
  block,
  call,
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
  when,
  ZERO,
} from "./wasm.ts";

/** Places of functions in the module. */
export const AUTOMATON = 0;
export const STRING_END = 1;

/** `(state, position)` to the place behind what the automaton has read, or 0 if it has rejected. */
export function automaton(): WasmFunction {
  const locals = new Locals();
  const [state, position] = locals.parameters;
  const next = Symbol();
  const row = i32.shiftLeft(state.value, i32.const(8));
  return {
    locals,
    body: [
      loop(next, [
        state.set(i32.load8(i32.add(row, i32.load8(position.value)), Place.transitions)),
        increment(position),
        jumpIf(next, i32.greaterUnsigned(state.value, i32.const(REJECTED))),
      ]),
      i32.multiply(position.value, i32.equal(state.value, i32.const(ACCEPTED))),
    ],
  };
}

/**
 * `(kind, position)` to the end of a string, from any place in it on, or 0 where it is none: for
 * the strings that 16 bytes do not hold, or that hold more than printable ASCII. Tells of escapes
 * in the memory.
 *
 * @see stringKind
 */
export function stringEnd(constants: VectorConstants): WasmFunction {
  const locals = new Locals();
  const [kind, position] = locals.parameters;
  const [bytes, stops, byte] = [locals.v128(), locals.i32(), locals.i32()];
  const search = Symbol();
  const found = Symbol();
  const state = i32.shiftRight(kind.value, i32.const(8));
  const next = i32.load8(position.value, 1);
  // The automaton would say the same, but some servers escape every slash.
  const isShortEscape = i32.isZero(i32.add(
    i32.load8(next, Place.transitions + 256 * AFTER_BACKSLASH),
    i32.notEqual(state, i32.const(Start.characterOrEscape)),
  ));
  return {
    locals,
    body: [
      block(
        found,
        loop(search, [
          bytes.set(v128.load(position.value)),
          stops.set(v128.bitmask(isStop(bytes, constants, ","))),
          when(i32.isZero(stops.value), [
            position.set(i32.add(position.value, i32.const(16))),
            jump(search),
          ]),
          position.set(i32.add(position.value, i32.trailingZeros(stops.value))),
          byte.set(i32.load8(position.value)),
          jumpIf(found, i32.equal(byte.value, i32.and(kind.value, i32.const(0xff)))),
          when(i32.equal(byte.value, i32.const(Byte.comma)), [increment(position), jump(search)]),
          when(i32.equal(i32.and(kind.value, i32.const(0xff)), i32.const(Byte.comma)), [
            // The last cell of a row.
            jumpIf(found, i32.equal(byte.value, i32.const(Byte.newline))),
            jumpIf(found, i32.equal(byte.value, i32.const(Byte.carriageReturn))),
          ]),
          when(i32.equal(byte.value, i32.const(Byte.backslash)), [
            i32.store(ZERO, Place.hasEscapes, i32.const(1)),
            when(isShortEscape, [
              position.set(i32.add(position.value, i32.const(2))),
              jump(search),
            ]),
          ]),
          position.set(call(AUTOMATON, state, position.value)),
          jumpIf(search, position.value),
        ]),
      ),
      position.value,
    ],
  };
}

/** The byte that ends a string, and the state in which the automaton reads what is rare in it. */
export function stringKind(end: '"' | ",", mayHaveEscapes: boolean): number {
  const state = mayHaveEscapes ? Start.characterOrEscape : Start.character;
  return end.charCodeAt(0) | (state << 8);
}

/**
 * The bytes that may end a string, or need a closer look. Those beyond ASCII are negative, so one
 * comparison finds them and control characters. A backslash means nothing in CSV, but much in the
 * JSON that an error row becomes.
 */
export function isStop(bytes: Local, constants: VectorConstants, end: '"' | ","): Code {
  const stops = [Byte.quote, Byte.backslash, ...(end === "," ? [Byte.comma] : [])];
  return stops.reduce(
    (found: Code, stop) => v128.or(found, v128.equal(bytes.value, constants.splat(stop))),
    v128.lessSigned(bytes.value, constants.splat(Byte.blank)),
  );
}
