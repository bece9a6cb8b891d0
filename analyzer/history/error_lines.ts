/** One line of an error file, with the places where it begins and where the next one does. */
export interface ErrorLine {
  readonly text: string;
  readonly startBytes: number;
  readonly endBytes: number;
}

/** What is looked for as text before a line is parsed. */
export interface LineNeedles {
  /** Is in every line that is wanted, whatever the case of its letters; in lower case itself. */
  readonly anyCase?: string | undefined;
  /** Is in every line that is wanted, but for lines in which characters may stand as escapes. */
  readonly exact?: string | undefined;
}

/**
 * The lines of a piece of a file, the last one first, but for those that a needle rules out. Of a
 * piece in ASCII without escapes, as most are, only the lines are looked at that hold the needle.
 *
 * @param bytes whole lines, each with its LF
 */
export function* linesFromEnd(
  bytes: Uint8Array,
  { anyCase, exact }: LineNeedles = {},
): Generator<ErrorLine> {
  const text = decoder.decode(bytes);
  if (text.length !== bytes.length) {
    yield* decodedFromEnd(bytes, { anyCase, exact });
    return;
  }
  const needle = anyCase ?? (text.includes("\\") ? undefined : exact);
  const searched = anyCase === undefined ? text : text.toLowerCase();
  for (let end = text.length; end > 0;) {
    if (needle !== undefined) {
      const from = end - 1 - needle.length;
      const at = from < 0 ? -1 : searched.lastIndexOf(needle, from);
      // A line holds no line end, so nor does what is found in one.
      if (at < 0 || needle.includes("\n")) return;
      end = text.indexOf("\n", at) + 1;
    }
    // lastIndexOf() takes a place before the first character for that one.
    const start = end < 2 ? 0 : text.lastIndexOf("\n", end - 2) + 1;
    const line = text.slice(start, end - 1);
    if (mayHold(line, exact)) yield { text: line, startBytes: start, endBytes: end };
    end = start;
  }
}

function* decodedFromEnd(
  bytes: Uint8Array,
  { anyCase, exact }: LineNeedles,
): Generator<ErrorLine> {
  for (let end = bytes.length; end > 0;) {
    const start = end < 2 ? 0 : bytes.lastIndexOf(NEWLINE, end - 2) + 1;
    const text = decoder.decode(bytes.subarray(start, end - 1));
    const isFound = anyCase === undefined || text.toLowerCase().includes(anyCase);
    if (isFound && mayHold(text, exact)) yield { text, startBytes: start, endBytes: end };
    end = start;
  }
}

function mayHold(line: string, exact: string | undefined): boolean {
  return exact === undefined || line.includes(exact) || line.includes("\\");
}

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
const NEWLINE = 0x0a;
