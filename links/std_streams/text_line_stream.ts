/** Options for {@linkcode TextLineStream}. */
export interface TextLineStreamOptions {
  /**
   * Whether a carriage return alone ends a line too.
   *
   * @default {false}
   */
  allowCR?: boolean;
}

/**
 * Cuts text into lines, one chunk each, without their line ends (LF or CR LF).
 *
 * How the text was cut into chunks before makes no difference. Text behind the last line end is a
 * line of its own; an empty rest is none. A line may be of any length: bound the input where it is
 * not trusted. Takes time linear in the length of the text.
 */
export class TextLineStream extends TransformStream<string, string> {
  /** Text of the line that has begun. */
  #line = "";
  /** A carriage return at the end of a chunk: the next one tells whether it is half a line end. */
  #heldReturn = "";

  /**
   * Makes a stream that has no text yet.
   *
   * @param options See {@linkcode TextLineStreamOptions}.
   */
  constructor(options: TextLineStreamOptions = {}) {
    const { allowCR = false } = options;
    const lineEnd = allowCR ? /\r?\n|\r/ : /\r?\n/;
    super({
      transform: (chunk, controller) => {
        let text = this.#heldReturn + chunk;
        this.#heldReturn = text.endsWith("\r") ? "\r" : "";
        if (this.#heldReturn) text = text.slice(0, -1);
        // Only the new text is searched: a long line in many chunks is joined once, at its end.
        const [rest, ...furtherLines] = text.split(lineEnd);
        this.#line += rest;
        for (const line of furtherLines) {
          controller.enqueue(this.#line);
          this.#line = line;
        }
      },
      flush: (controller) => {
        if (this.#line === "" && this.#heldReturn === "") return;
        controller.enqueue(allowCR ? this.#line : this.#line + this.#heldReturn);
      },
    });
  }
}
