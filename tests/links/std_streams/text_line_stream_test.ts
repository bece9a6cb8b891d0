import { TextLineStream, type TextLineStreamOptions } from "@std/streams/text-line-stream";
import fc from "fast-check";
import assert from "node:assert/strict";

const TEXT = "a\r\nb\rc\n\n\r\n\r\r\nlast é😀\r";

Deno.test("TextLineStream cuts at LF and CR LF wherever the text was cut before", async () => {
  const expected = ["a", "b\rc", "", "", "\r", "last é😀\r"];
  for (let i = 0; i <= TEXT.length; i++) {
    assert.deepEqual(await linesOf([TEXT.slice(0, i), TEXT.slice(i)]), expected);
  }
  assert.deepEqual(await linesOf(TEXT.split("")), expected);
});

Deno.test("TextLineStream with allowCR cuts at a lone CR too, wherever the text was cut before", async () => {
  const expected = ["a", "b", "c", "", "", "", "", "last é😀"];
  for (let i = 0; i <= TEXT.length; i++) {
    assert.deepEqual(await linesOf([TEXT.slice(0, i), TEXT.slice(i)], { allowCR: true }), expected);
  }
  assert.deepEqual(await linesOf(TEXT.split(""), { allowCR: true }), expected);
});

Deno.test("TextLineStream gives no line for an empty rest", async () => {
  assert.deepEqual(await linesOf([]), []);
  assert.deepEqual(await linesOf(["", ""]), []);
  assert.deepEqual(await linesOf(["a\n"]), ["a"]);
  assert.deepEqual(await linesOf(["\n"]), [""]);
});

Deno.test("TextLineStream keeps a CR at the end of the text unless allowCR makes it a line end", async () => {
  assert.deepEqual(await linesOf(["a\r"]), ["a\r"]);
  assert.deepEqual(await linesOf(["\r"]), ["\r"]);
  assert.deepEqual(await linesOf(["a\r"], { allowCR: true }), ["a"]);
  assert.deepEqual(await linesOf(["\r"], { allowCR: true }), [""]);
  assert.deepEqual(await linesOf(["a\r"], {}), ["a\r"]);
});

Deno.test("TextLineStream gives a line as soon as its end has come", async () => {
  const { readable, writable } = new TextLineStream();
  const reader = readable.getReader();
  const writer = writable.getWriter();
  const first = reader.read();
  await writer.write("a\nb");
  assert.deepEqual(await first, { done: false, value: "a" });
  const second = reader.read();
  await writer.close();
  assert.deepEqual(await second, { done: false, value: "b" });
  assert.equal((await reader.read()).done, true);
});

Deno.test("TextLineStream gives the lines of a character-by-character model for any text and cuts", async () => {
  const chunk = fc.string({ unit: fc.constantFrom("a", "b", "\n", "\r", "\r\n"), maxLength: 6 });
  await fc.assert(
    fc.asyncProperty(fc.array(chunk), fc.boolean(), async (chunks, allowCR) => {
      assert.deepEqual(await linesOf(chunks, { allowCR }), modelLines(chunks.join(""), allowCR));
    }),
    { numRuns: 1000 },
  );
});

Deno.test("TextLineStream takes time linear in the length of a line that comes in many chunks", async () => {
  const startedAt = performance.now();
  const lines = await linesOf(new Array(50_000).fill("x".repeat(100)).concat("\n"));
  assert.deepEqual(lines.map((line) => line.length), [5_000_000]);
  // Joined and searched anew with every chunk, it takes many times as long.
  assert.ok(performance.now() - startedAt < 5_000);
});

function linesOf(chunks: string[], options?: TextLineStreamOptions): Promise<string[]> {
  return Array.fromAsync(ReadableStream.from(chunks).pipeThrough(new TextLineStream(options)));
}

function modelLines(text: string, allowCR: boolean): string[] {
  const lines: string[] = [];
  let line = "";
  for (let i = 0; i < text.length; i++) {
    const isLineFeed = text[i] === "\n";
    const isReturn = text[i] === "\r" && (allowCR || text[i + 1] === "\n");
    if (!isLineFeed && !isReturn) {
      line += text[i];
      continue;
    }
    lines.push(line);
    line = "";
    if (isReturn && text[i + 1] === "\n") i++;
  }
  return line === "" ? lines : [...lines, line];
}
