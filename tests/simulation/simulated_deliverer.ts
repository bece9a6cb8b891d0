import type { DeliveryReceiver } from "../../analyzer/delivery/delivery.ts";
import type { Mulberry32 } from "../support/mulberry32.ts";

/**
 * A client that wants certainty: it sends one body after the other, each under a key of its own,
 * and sends it again until it is told that all of it is durable.
 */
export class SimulatedDeliverer {
  readonly #random: Mulberry32;
  readonly #bodies: readonly Uint8Array[];
  #next = 0;
  #isWaiting = false;
  /** How its requests were answered, by kind. */
  readonly answers = new Map<string, number>();

  constructor(random: Mulberry32, bodies: readonly Uint8Array[]) {
    this.#random = random;
    this.#bodies = bodies;
  }

  get isDone(): boolean {
    return this.#next === this.#bodies.length;
  }

  /** Sends a request, unless one is on its way; of a receiver that dies no answer ever comes. */
  send(receiver: DeliveryReceiver, isLast: boolean): void {
    if (this.#isWaiting || this.isDone) return;
    this.#isWaiting = true;
    const index = this.#next;
    const life = this.#life;
    const body = this.#stream(this.#bodies[index]!, isLast);
    receiver.receive({ body, isGzip: false, format: "json", key: `body-${index}` })
      .then(({ kind }) => {
        if (life !== this.#life) return;
        this.answers.set(kind, (this.answers.get(kind) ?? 0) + 1);
        this.#isWaiting = false;
        if (kind === "delivered") this.#next++;
      });
  }

  /** The program has died: whoever waited for it knows nothing, and will ask again. */
  receiverDied(): void {
    this.#isWaiting = false;
    this.#life = {};
  }

  /** Stands for the program that requests were sent to. */
  #life = {};

  #stream(bytes: Uint8Array, isLast: boolean): ReadableStream<Uint8Array> {
    let start = 0;
    const breaksAt = !isLast && this.#random.next() < 0.3
      ? this.#random.below(bytes.length + 1)
      : Infinity;
    return new ReadableStream<Uint8Array>({
      pull: (controller) => {
        const end = Math.min(bytes.length, start + 1 + this.#random.below(400), breaksAt);
        if (end > start) controller.enqueue(bytes.slice(start, end));
        else if (start === bytes.length) controller.close();
        else controller.error(new Error("the client is gone"));
        start = end;
      },
    }, { highWaterMark: 0 });
  }
}
