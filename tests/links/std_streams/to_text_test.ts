import { toText } from "@std/streams/to-text";
import assert from "node:assert/strict";

Deno.test("toText() joins chunks of text as they are", async () => {
  assert.equal(await toText(ReadableStream.from(["\ufeffa", "", "b\r\n", "😀"])), "\ufeffab\r\n😀");
  assert.equal(await toText(ReadableStream.from<string>([])), "");
});

Deno.test("toText() decodes bytes wherever they were cut", async () => {
  const text = "aé€😀\n";
  const bytes = new TextEncoder().encode(text);
  for (let i = 0; i <= bytes.length; i++) {
    assert.equal(await toText(ReadableStream.from([bytes.slice(0, i), bytes.slice(i)])), text);
  }
  const single = Array.from(bytes, (byte) => Uint8Array.of(byte));
  assert.equal(await toText(ReadableStream.from(single)), text);
});

Deno.test("toText() reads bytes as Response.text() does: byte order mark, invalid and cut characters", async () => {
  const documents = [[0xef, 0xbb, 0xbf, 0x61], [0x61, 0xff, 0x62], [0x61, 0xe2, 0x82], []];
  for (const document of documents) {
    const bytes = Uint8Array.from(document);
    const single = Array.from(bytes, (byte) => Uint8Array.of(byte));
    assert.equal(await toText(ReadableStream.from(single)), await new Response(bytes).text());
  }
});

Deno.test("toText() throws what the stream throws", async () => {
  const stream = new ReadableStream<string>({
    start: (controller) => controller.error(new RangeError("no more")),
  });
  await assert.rejects(toText(stream), new RangeError("no more"));
});
