/**
 * Reads a stream to its end as one string, as `Response.text()` does: bytes are UTF-8, invalid ones
 * become U+FFFD, and a leading byte order mark is dropped. Chunks may cut characters anywhere.
 *
 * @param stream Chunks of text, which are taken as they are, or of bytes. It is locked and read up.
 * @returns The whole text; it is held in memory, so bound the input where it is not trusted.
 * @throws What the stream throws.
 */
export async function toText(
  stream: ReadableStream<string> | ReadableStream<Uint8Array>,
): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of stream) {
    text += typeof chunk === "string" ? chunk : decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}
