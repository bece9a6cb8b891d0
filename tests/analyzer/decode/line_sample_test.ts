import assert from "node:assert/strict";
import { SAMPLE_BYTES_MAX, sampleText } from "../../../analyzer/decode/line_sample.ts";

Deno.test("sampleText() is the beginning of a line, whatever its bytes are", () => {
  const toBytes = (text: string) => new TextEncoder().encode(text);
  assert.equal(sampleText(toBytes('{"url":"/é"}')), '{"url":"/é"}');
  assert.equal(sampleText(toBytes("x".repeat(SAMPLE_BYTES_MAX + 1))), "x".repeat(SAMPLE_BYTES_MAX));
  assert.equal(sampleText(Uint8Array.of(0x41, 0xff)), "A\ufffd");
  // Cut within a character.
  assert.equal(sampleText(toBytes(`${"x".repeat(SAMPLE_BYTES_MAX - 1)}é`)).at(-1), "\ufffd");
});
