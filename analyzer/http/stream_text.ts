/**
 * Text as a body that is made as fast as the client takes it. An empty piece is a pause, in which
 * others get their turn, as they do before all of it. The first piece is made before this resolves,
 * so that what throws there becomes a status; an exception later can only cut the answer off.
 */
export async function streamText(
  pieces: Generator<string>,
  { turn, reportException }: {
    readonly turn: () => Promise<void>;
    readonly reportException: (exception: unknown) => void;
  },
): Promise<ReadableStream<Uint8Array<ArrayBuffer>>> {
  const next = async () => {
    let piece = pieces.next();
    for (; piece.done !== true && piece.value === ""; piece = pieces.next()) await turn();
    return piece;
  };
  const encoder = new TextEncoder();
  await turn();
  let piece = await next();
  return new ReadableStream({
    async pull(controller) {
      try {
        if (piece.done) return controller.close();
        controller.enqueue(encoder.encode(piece.value));
        piece = await next();
      } catch (exception) {
        reportException(exception);
        controller.error(new Error("The answer could not be completed"));
      }
    },
    cancel() {
      pieces.return(undefined);
    },
  }, { highWaterMark: 0 });
}
