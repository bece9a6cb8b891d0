/**
 * A stage of the analyzer: plain, synchronous code without clocks, timers or I/O. Time comes in as
 * elements, so any run can be replayed.
 */
export interface Operator<In, Out> {
  /** Handles one element and calls `emit`, in order, before it returns; keeps no hold of `emit`. */
  push(element: In, emit: (element: Out) => void): void;
}

/** A queue between a stage and the one behind it. */
export interface StageQueue {
  /** Elements that may wait; nothing more is taken in before there is room. */
  readonly queuedMax: number;
  /** Called whenever the last room was taken. */
  readonly onFull: () => void;
}

/**
 * Wraps an operator into a stage for `pipeThrough`. What the operator throws errors the stream.
 *
 * @param queue none unless told otherwise: elements are handed on one by one
 */
export function operatorStream<In, Out>(
  operator: Operator<In, Out>,
  queue?: StageQueue,
): TransformStream<In, Out> {
  return new TransformStream<In, Out>(
    {
      transform(element, controller) {
        operator.push(element, (out) => controller.enqueue(out));
        if (queue !== undefined && controller.desiredSize! <= 0) queue.onFull();
      },
    },
    undefined,
    { highWaterMark: queue?.queuedMax ?? 0 },
  );
}
