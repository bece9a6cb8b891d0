/**
 * Writes WebAssembly: the few instructions that scanners and the packer are made of, as expressions
 * that read like what they compute, and a module around them. Opcodes are those of the WebAssembly
 * Core Specification 2.0, section 5.4.
 *
 * @module
 */

/** Instructions in order; jumps name the block that they leave or the loop that they repeat. */
export type Code = number | Jump | Scope | readonly Code[];

/** Where a jump leads: to the end of a block, or back to the start of a loop. */
export type Label = symbol;

interface Jump {
  readonly opcode: number;
  readonly target: Label;
}

interface Scope {
  readonly opcode: number;
  readonly label: Label;
  readonly body: Code;
}

/** A function `(i32, i32) → i32` of a module. */
export interface WasmFunction {
  readonly locals: Locals;
  readonly body: Code;
}

/** A variable of a function. */
export class Local {
  readonly #index: number;

  constructor(index: number) {
    this.#index = index;
  }

  /** Its value. */
  get value(): Code {
    return [0x20, unsigned(this.#index)];
  }

  set(value: Code): Code {
    return [value, 0x21, unsigned(this.#index)];
  }
}

/** The variables of one function: two parameters, and what is asked for, each 0 at the start. */
export class Locals {
  readonly parameters: readonly [Local, Local] = [new Local(0), new Local(1)];
  readonly types: number[] = [];

  i32(): Local {
    return this.#add(I32);
  }

  i64(): Local {
    return this.#add(I64);
  }

  v128(): Local {
    return this.#add(V128);
  }

  #add(type: number): Local {
    this.types.push(type);
    return new Local(this.types.length + 1);
  }
}

/** Leaves with a jump to its label. */
export function block(label: Label, body: Code): Code {
  return { opcode: 0x02, label, body };
}

/** Repeats with a jump to its label, ends without one. */
export function loop(label: Label, body: Code): Code {
  return { opcode: 0x03, label, body };
}

export function when(condition: Code, body: Code): Code {
  return [condition, { opcode: 0x04, label: Symbol(), body }];
}

export function jump(target: Label): Code {
  return { opcode: 0x0c, target };
}

export function jumpIf(target: Label, condition: Code): Code {
  return [condition, { opcode: 0x0d, target }];
}

/** Calls the function at this place of the module. */
export function call(index: number, first: Code, second: Code): Code {
  return [first, second, 0x10, unsigned(index)];
}

const binary = (opcode: number) => (a: Code, b: Code): Code => [a, b, opcode];
const unary = (opcode: number) => (a: Code): Code => [a, opcode];
/** An address is a value and a constant; nothing is known of its alignment. */
const load = (opcode: number) => (address: Code, offset = 0): Code => [
  address,
  opcode,
  0,
  unsigned(offset),
];
const store = (opcode: number) => (address: Code, offset: number, value: Code): Code => [
  address,
  value,
  opcode,
  0,
  unsigned(offset),
];

/** 32-bit integers. */
export const i32 = {
  const: (value: number): Code => [0x41, signed(value)],
  load: load(0x28),
  load8: load(0x2d),
  store: store(0x36),
  store16: store(0x3b),
  isZero: unary(0x45),
  equal: binary(0x46),
  notEqual: binary(0x47),
  greaterUnsigned: binary(0x4b),
  atLeastUnsigned: binary(0x4f),
  trailingZeros: unary(0x68),
  add: binary(0x6a),
  subtract: binary(0x6b),
  multiply: binary(0x6c),
  and: binary(0x71),
  shiftLeft: binary(0x74),
  shiftRight: binary(0x76),
};

export const ZERO = i32.const(0);

/** Adds one to a 32-bit variable. */
export function increment(local: Local): Code {
  return local.set(i32.add(local.value, i32.const(1)));
}

/** 64-bit integers, as sets of bits. */
export const i64 = {
  fromUnsigned: unary(0xad),
  toI32: unary(0xa7),
  isZero: unary(0x50),
  trailingZeros: unary(0x7a),
  or: binary(0x84),
  shiftLeft: (a: Code, bits: number): Code => [a, 0x42, signed(bits), 0x86],
};

const simd = (opcode: number): Code => [0xfd, unsigned(opcode)];
const simdBinary = (opcode: number) => (a: Code, b: Code): Code => [a, b, simd(opcode)];
const simdUnary = (opcode: number) => (a: Code): Code => [a, simd(opcode)];

const simdStore = (opcode: number) => (address: Code, offset: number, value: Code): Code => [
  address,
  value,
  simd(opcode),
  0,
  unsigned(offset),
];

/** Vectors of 16 bytes. Comparisons set all bits of the bytes for which they hold. */
export const v128 = {
  load: (address: Code, offset = 0): Code => [address, simd(0x00), 0, unsigned(offset)],
  store: simdStore(0x0b),
  /** Stores the first two of the four integers. */
  storeTwo: (address: Code, offset: number, value: Code): Code => [
    simdStore(0x5b)(address, offset, value),
    0,
  ],
  equal: simdBinary(0x23),
  lessSigned: simdBinary(0x25),
  and: simdBinary(0x4e),
  or: simdBinary(0x50),
  xor: simdBinary(0x51),
  anyTrue: simdUnary(0x53),
  /** Bit i is the highest bit of byte i. */
  bitmask: simdUnary(0x64),
  subtract: simdBinary(0x71),
  /** Of unsigned bytes; 0 where the result would be less. */
  subtractToZero: simdBinary(0x73),
};

/** Vectors of four 32-bit integers. */
export const i32x4 = {
  splat: simdUnary(0x11),
  add: simdBinary(0xae),
  multiply: simdBinary(0xb5),
  shiftRight: (a: Code, bits: number): Code => [a, i32.const(bits), simd(0xad)],
  /** The 64-bit products of the first two integers, unsigned; of the last two. */
  productsOfFirst: simdBinary(0xde),
  productsOfLast: simdBinary(0xdf),
  /** Four of the eight integers of both, by their places. */
  pick: (a: Code, b: Code, places: readonly [number, number, number, number]): Code => [
    a,
    b,
    simd(0x0d),
    places.map((place) => [0, 1, 2, 3].map((byte) => 4 * place + byte)),
  ],
};

/**
 * The bytes of a module that imports the memory `scan.memory` and exports its last function as
 * `run`.
 *
 * @param pages least size of that memory, in pages of 64 KiB
 */
export function wasmModule(
  functions: readonly WasmFunction[],
  pages: number,
): Uint8Array<ArrayBuffer> {
  const name = (text: string) => [unsigned(text.length), [...new TextEncoder().encode(text)]];
  return Uint8Array.from(flatten([
    [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
    section(1, [1, [0x60, 2, I32, I32, 1, I32]]),
    section(2, [1, name("scan"), name("memory"), 0x02, 0x00, unsigned(pages)]),
    section(3, [functions.length, functions.map(() => 0)]),
    section(7, [1, name("run"), 0x00, functions.length - 1]),
    section(10, [
      functions.length,
      functions.map(({ locals, body }) =>
        sized([unsigned(locals.types.length), locals.types.map((type) => [1, type]), body, END])
      ),
    ]),
  ]));
}

const I32 = 0x7f;
const I64 = 0x7e;
const V128 = 0x7b;
const END = 0x0b;
/** A block leaves no value behind. */
const NO_RESULT = 0x40;

function section(id: number, content: Code): Code {
  return [id, sized(content)];
}

function sized(content: Code): Code {
  const bytes = flatten(content);
  return [unsigned(bytes.length), bytes];
}

/** The bytes of the code; a jump counts the scopes between it and the one it is meant for. */
function flatten(code: Code): number[] {
  const bytes: number[] = [];
  const scopes: Label[] = [];
  const visit = (part: Code): void => {
    if (typeof part === "number") {
      bytes.push(part);
    } else if ("target" in part) {
      const depth = scopes.length - 1 - scopes.lastIndexOf(part.target);
      if (depth === scopes.length) throw new Error("Cannot jump: it is not inside of its target");
      bytes.push(part.opcode, ...unsigned(depth));
    } else if ("body" in part) {
      bytes.push(part.opcode, NO_RESULT);
      scopes.push(part.label);
      visit(part.body);
      scopes.pop();
      bytes.push(END);
    } else {
      for (const inner of part) visit(inner);
    }
  };
  visit(code);
  return bytes;
}

/** Unsigned LEB128. */
function unsigned(value: number): number[] {
  const bytes: number[] = [];
  for (; value > 0x7f; value >>>= 7) bytes.push((value & 0x7f) | 0x80);
  return [...bytes, value];
}

/** Signed LEB128. */
function signed(value: number): number[] {
  const bytes: number[] = [];
  for (; value < -0x40 || value > 0x3f; value >>= 7) bytes.push((value & 0x7f) | 0x80);
  return [...bytes, value & 0x7f];
}
