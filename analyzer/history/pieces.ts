/**
 * Work that is done in pieces: between two of them others get their turn. Each piece is a few
 * milliseconds of one answer, which nobody else has to wait for longer.
 */
export type Pieces<Result> = Generator<undefined, Result>;

/** What a piece may cost, in bytes that are read and merged: some milliseconds of them. */
export const PIECE_BYTES = 640 * 1024;

/**
 * Lets answers that are made at the same time take turns: between two turns of the event loop there
 * is a piece of one of them, so those who ask wait for each other, and nobody else does.
 */
export function oneAtATime(turn: () => Promise<void>): () => Promise<void> {
  let last = Promise.resolve();
  return () => last = last.then(turn);
}

/** Does all pieces, with a turn before each. */
export async function inPieces<Result>(
  pieces: Pieces<Result>,
  turn: () => Promise<void>,
): Promise<Result> {
  for (;;) {
    await turn();
    const step = pieces.next();
    if (step.done === true) return step.value;
  }
}

/** Adds up what was done since the last pause. */
export class PieceMeter {
  #bytes = 0;

  /** Counts some work, and says whether it is time to pause. */
  isDue(bytes: number): boolean {
    this.#bytes += bytes;
    if (this.#bytes < PIECE_BYTES) return false;
    this.#bytes = 0;
    return true;
  }
}
