/**
 * Takes elements from any number of iterables in turn, whichever are ready: a busy one cannot keep
 * out the others. Of each, one element at most waits here; it is asked for the next one only after
 * that was taken, so backpressure reaches every one of them.
 */
export class FairMerge<T> {
  readonly #lanes: Lane<T>[] = [];
  #turn = 0;
  #wake: PromiseWithResolvers<void> | undefined;
  #exception: { readonly cause: unknown } | undefined;

  /** Iterables that have not ended. */
  get size(): number {
    return this.#lanes.length;
  }

  add(iterable: AsyncIterable<T>): void {
    const lane: Lane<T> = { iterator: iterable[Symbol.asyncIterator](), ready: undefined };
    this.#lanes.push(lane);
    this.#askFor(lane);
  }

  /**
   * The next element that is ready, or `undefined` where none is.
   *
   * @param mayPass elements that it refuses stay where they are, and are asked about again
   * @throws whatever an iterable has thrown
   */
  take(mayPass: (element: T) => boolean = () => true): T | undefined {
    if (this.#exception !== undefined) throw this.#exception.cause;
    for (let i = 0; i < this.#lanes.length; i++) {
      const index = (this.#turn + i) % this.#lanes.length;
      const lane = this.#lanes[index]!;
      if (lane.ready === undefined || !mayPass(lane.ready.value)) continue;
      const { value } = lane.ready;
      lane.ready = undefined;
      this.#turn = index + 1;
      this.#askFor(lane);
      return value;
    }
    return undefined;
  }

  /** Resolves once something has happened after which {@linkcode take} is worth a call. */
  changed(): Promise<void> {
    this.#wake ??= Promise.withResolvers();
    return this.#wake.promise;
  }

  /** Makes {@linkcode changed} resolve. */
  wake(): void {
    this.#wake?.resolve();
    this.#wake = undefined;
  }

  /** Ends all iterables; what they still had is given up. */
  close(): void {
    // An iterator that is at work ends only after it: nobody waits for that, or for how it ends.
    for (const { iterator } of this.#lanes) iterator.return?.().catch(() => {});
  }

  #askFor(lane: Lane<T>): void {
    lane.iterator.next().then((result) => {
      if (result.done === true) this.#remove(lane);
      else lane.ready = { value: result.value };
      this.wake();
    }, (cause) => {
      this.#exception ??= { cause };
      this.wake();
    });
  }

  #remove(lane: Lane<T>): void {
    const index = this.#lanes.indexOf(lane);
    this.#lanes.splice(index, 1);
    // The lanes behind it move up: whose turn it is stays the same.
    if (index < this.#turn) this.#turn--;
  }
}

interface Lane<T> {
  readonly iterator: AsyncIterator<T>;
  ready: { readonly value: T } | undefined;
}
