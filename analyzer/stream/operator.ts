/**
 * A stage of the analyzer: plain, synchronous code without clocks, timers or I/O. Time comes in as
 * elements, so any run can be replayed.
 */
export interface Operator<In, Out> {
  /** Handles one element and calls `emit`, in order, before it returns; keeps no hold of `emit`. */
  push(element: In, emit: (element: Out) => void): void;
}

/** Wraps an operator into a stage for `pipeThrough`. What the operator throws errors the stream. */
export function operatorStream<In, Out>(operator: Operator<In, Out>): TransformStream<In, Out> {
  return new TransformStream<In, Out>({
    transform(element, controller) {
      operator.push(element, (out) => controller.enqueue(out));
    },
  });
}
