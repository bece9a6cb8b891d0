/**
 * Joins streams end to end: all chunks of the first, then all of the second, and so on.
 *
 * One chunk is read ahead and no more, so that backpressure reaches the stream being read, and
 * the streams behind it stay untouched. An exception in one of them ends the result with it.
 * Cancelling the result cancels every input that is not at its end, the one being read included.
 *
 * @typeParam T The type of a chunk.
 * @param streams One stream at least: the result of none errors with a `TypeError`. Each is locked
 * from its first chunk to its last.
 * @returns The joined stream.
 */
export function concatReadableStreams<T>(...streams: ReadableStream<T>[]): ReadableStream<T> {
  let index = 0;
  let reader: ReadableStreamDefaultReader<T> | undefined;
  return new ReadableStream<T>({
    async pull(controller) {
      while (true) {
        reader ??= streams[index].getReader();
        const { done, value } = await reader.read();
        if (!done) return controller.enqueue(value);
        reader.releaseLock();
        reader = undefined;
        if (++index >= streams.length) return controller.close();
      }
    },
    async cancel(reason) {
      // The stream being read is locked: only its reader can cancel it. A pull that waits for it then
      // runs through closed streams to the end, where closing the result once more throws unseen.
      await Promise.allSettled([reader, ...streams].map((input) => input?.cancel(reason)));
    },
  });
}
