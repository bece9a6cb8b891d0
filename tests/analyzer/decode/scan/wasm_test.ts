import assert from "node:assert/strict";
import {
  block,
  call,
  type Code,
  i32,
  i32x4,
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
} from "../../../../analyzer/decode/scan/wasm.ts";

const memory = new WebAssembly.Memory({ initial: 1 });
const bytes = new Uint8Array(memory.buffer);

function load(...functions: WasmFunction[]): (a: number, b: number) => number {
  const module = new WebAssembly.Module(wasmModule(functions, 1));
  const { exports } = new WebAssembly.Instance(module, { scan: { memory } });
  return exports["run"] as (a: number, b: number) => number;
}

/** A function whose result is an expression of its two parameters. */
function evaluate(expression: (a: Code, b: Code) => Code): (a: number, b: number) => number {
  const locals = new Locals();
  const [a, b] = locals.parameters;
  return load({ locals, body: expression(a.value, b.value) });
}

Deno.test("i32 computes what its names say", () => {
  const minusOne = -1;
  const cases: [(a: Code, b: Code) => Code, number, number, number][] = [
    [i32.add, 3, 4, 7],
    [i32.subtract, 3, 4, -1],
    [i32.multiply, 3, 4, 12],
    [i32.and, 6, 3, 2],
    [i32.shiftLeft, 3, 4, 48],
    [i32.shiftRight, 48, 4, 3],
    [i32.equal, 4, 4, 1],
    [i32.notEqual, 4, 4, 0],
    [i32.greaterUnsigned, minusOne, 1, 1],
    [i32.greaterUnsigned, 1, 1, 0],
    [i32.atLeastUnsigned, minusOne, 1, 1],
    [i32.atLeastUnsigned, 1, 1, 1],
    [i32.atLeastUnsigned, 0, 1, 0],
    [(a) => i32.isZero(a), 0, 0, 1],
    [(a) => i32.trailingZeros(a), 48, 0, 4],
  ];
  for (const [expression, a, b, expected] of cases) {
    assert.equal(evaluate(expression)(a, b), expected, String(expression));
  }
});

Deno.test("i32.const() takes every size of number", () => {
  for (const value of [0, 1, 63, 64, -64, -65, 8191, 8192, 2 ** 31 - 1, -(2 ** 31)]) {
    assert.equal(evaluate(() => i32.const(value))(0, 0), value);
  }
});

Deno.test("i32.load() and store() work at any address, and any distance from it", () => {
  bytes.fill(0);
  const write = evaluate((a, b) => [i32.store(a, 300, b), i32.load(a, 300)]);
  assert.equal(write(1, 0x01020304), 0x01020304);
  assert.deepEqual([...bytes.subarray(301, 305)], [4, 3, 2, 1]);
  assert.equal(evaluate((a) => i32.load8(a, 1))(300, 0), 4);
  evaluate((a, b) => [i32.store16(a, 301, b), a])(1, 0x0506);
  assert.deepEqual([...bytes.subarray(301, 305)], [4, 6, 5, 1]);
});

Deno.test("i64 collects bits of both halves", () => {
  const collected = evaluate((a, b) =>
    i64.toI32(i64.trailingZeros(
      i64.or(i64.fromUnsigned(a), i64.shiftLeft(i64.fromUnsigned(b), 32)),
    ))
  );
  assert.deepEqual([collected(8, 1), collected(0, 2), collected(0, 0)], [3, 33, 64]);
  assert.equal(evaluate((a) => i64.isZero(i64.fromUnsigned(a)))(0, 0), 1);
});

Deno.test("v128 compares sixteen bytes", () => {
  bytes.set([0, 10, 20, 0x80, 0xff, 10], 64);
  bytes.fill(10, 96, 112);
  const mask = (compare: (a: Code, b: Code) => Code) =>
    evaluate((a, b) => v128.bitmask(compare(v128.load(a), v128.load(b))))(64, 96) & 0x3f;
  assert.equal(mask(v128.equal), 0b100010);
  assert.equal(mask(v128.lessSigned), 0b011001);
  const anyOf = (compare: (a: Code, b: Code) => Code) =>
    evaluate((a, b) => v128.anyTrue(compare(v128.load(a), v128.load(b))));
  assert.deepEqual([anyOf(v128.xor)(64, 64), anyOf(v128.xor)(64, 96)], [0, 1]);
  assert.deepEqual([anyOf(v128.or)(128, 128), anyOf(v128.or)(128, 64)], [0, 1]);
  // 10 less 10 is 0, and so is 5 less 10: nothing is left of bytes that are not above.
  bytes.fill(5, 112, 128);
  assert.deepEqual([anyOf(v128.subtractToZero)(112, 96), anyOf(v128.subtractToZero)(96, 112)], [
    0,
    1,
  ]);
  assert.deepEqual([anyOf(v128.subtract)(112, 96), anyOf(v128.subtract)(96, 96)], [1, 0]);
});

Deno.test("v128 stores sixteen bytes, or eight, and keeps the bits of both", () => {
  bytes.fill(1, 64, 80);
  bytes.fill(3, 96, 112);
  bytes.fill(0, 128, 160);
  evaluate((a, b) => [v128.store(b, 4, v128.load(a)), a])(64, 128);
  evaluate((a, b) => [v128.storeTwo(b, 0, v128.and(v128.load(a), v128.load(a, 32))), a])(64, 144);
  assert.deepEqual([...bytes.subarray(128, 160)].join(""), "0000" + "1".repeat(20) + "00000000");
});

Deno.test("i32x4 computes what its names say", () => {
  const [a, b] = [[1, 0x80000001, 3, 5], [16, 2, 0xffffffff, 7]];
  const words = new Uint32Array(memory.buffer);
  words.set([...a, ...b], 16);
  const result = (expression: (a: Code, b: Code) => Code) => {
    evaluate((at) => [
      v128.store(at, 32, expression(v128.load(at), v128.load(at, 16))),
      at,
    ])(64, 0);
    return [...words.subarray(24, 28)];
  };
  assert.deepEqual(result(() => i32x4.splat(i32.const(9))), [9, 9, 9, 9]);
  assert.deepEqual(result(i32x4.add), [17, 0x80000003, 2, 12]);
  assert.deepEqual(result(i32x4.multiply), [16, 2, 0xfffffffd, 35]);
  assert.deepEqual(result((a) => i32x4.shiftRight(a, 1)), [0, 0x40000000, 1, 2]);
  assert.deepEqual(result(i32x4.productsOfFirst), [16, 0, 2, 1]);
  assert.deepEqual(result(i32x4.productsOfLast), [0xfffffffd, 2, 35, 0]);
  assert.deepEqual(result((a, b) => i32x4.pick(a, b, [7, 0, 2, 4])), [7, 1, 3, 16]);
});

Deno.test("jumps leave the block and repeat the loop that they name, however deep they stand", () => {
  const locals = new Locals();
  const [limit, step] = locals.parameters;
  const sum = locals.i32();
  const [out, again] = [Symbol(), Symbol()];
  const run = load({
    locals,
    body: [
      block(
        out,
        loop(again, [
          sum.set(i32.add(sum.value, step.value)),
          when(
            i32.greaterUnsigned(sum.value, limit.value),
            block(Symbol(), [
              when(step.value, jump(out)),
            ]),
          ),
          jumpIf(again, i32.const(1)),
        ]),
      ),
      sum.value,
    ],
  });
  assert.equal(run(10, 3), 12);
  assert.throws(() => wasmModule([{ locals: new Locals(), body: jump(out) }], 1), /Cannot jump/);
});

Deno.test("call() calls another function of the module", () => {
  const inner = new Locals();
  const outer = new Locals();
  const run = load(
    { locals: inner, body: i32.subtract(inner.parameters[0].value, inner.parameters[1].value) },
    {
      locals: outer,
      body: [
        increment(outer.parameters[0]),
        call(0, outer.parameters[1].value, outer.parameters[0].value),
      ],
    },
  );
  assert.equal(run(3, 10), 6);
});
