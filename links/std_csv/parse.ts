/** How {@linkcode parse} reads a document. */
export interface ParseOptions {
  /**
   * What stands between two fields: one character or several, but neither a quote nor a line end.
   *
   * @default {","}
   */
  separator?: string;
  /** One character; a line that begins with it is skipped. No line is a comment without it. */
  comment?: string;
  /**
   * Drops white space before each field, even where the separator is white space itself.
   *
   * @default {false}
   */
  trimLeadingSpace?: boolean;
  /**
   * Takes a quote inside an unquoted field, a lone quote inside a quoted field, and a quoted field
   * that the end of the input cuts off, as they are.
   *
   * @default {false}
   */
  lazyQuotes?: boolean;
  /**
   * Number of fields that every record must have. 0 takes it from the first line; with a negative
   * number, or none, records may differ.
   */
  fieldsPerRecord?: number;
  /**
   * Leaves out the first record, and names the fields after it unless `columns` does.
   *
   * @default {false}
   */
  skipFirstRow?: boolean;
  /** Names of the fields, in order. */
  columns?: readonly string[];
}

/** What {@linkcode parse} returns for options of type `T`: objects where fields have names. */
export type ParseResult<ParseOptions, T> = T extends
  ParseOptions & { columns: readonly (infer C extends string)[] } ? RecordWithColumn<C>[]
  : T extends ParseOptions & { skipFirstRow: true } ? Record<string, string>[]
  : T extends ParseOptions & { columns?: undefined; skipFirstRow?: false | undefined } ? string[][]
  : Record<string, string>[] | string[][];

/** A record as an object; its keys are known to the compiler where the column names are literals. */
export type RecordWithColumn<C extends string> = string extends C ? Record<string, string>
  : Record<C, string>;

/**
 * Parses a CSV document (RFC 4180) into one array of fields per record.
 *
 * Blank lines and a leading byte order mark are skipped; lines end at LF or CR LF, and a line end
 * inside quotes becomes LF. Takes time linear in the length of the input.
 *
 * @param input The whole document.
 * @returns The records in order; they may differ in length.
 * @throws {SyntaxError} On a quote out of place; the message gives line and column, from 1.
 */
export function parse(input: string): string[][];
/**
 * Parses a CSV document into one array or, with `columns` or `skipFirstRow`, one object per record.
 *
 * The "line" of a message counts records, blank lines and comments: a record that spans several
 * lines counts once.
 *
 * @typeParam T The type of the options; it decides the type of the result.
 * @param input The whole document.
 * @param options See {@linkcode ParseOptions}.
 * @returns The records in order.
 * @throws {SyntaxError} On a quote out of place, or a record that breaks `fieldsPerRecord`.
 * @throws {TypeError} With `skipFirstRow` on a document that holds no record.
 * @throws {Error} On an unusable separator or comment character, or a record that has not one field
 * per name.
 */
export function parse<const T extends ParseOptions>(
  input: string,
  options: T,
): ParseResult<ParseOptions, T>;
export function parse(
  input: string,
  options: ParseOptions = {},
): string[][] | Record<string, string>[] {
  const rows = parseRows(input, options);
  const { columns, skipFirstRow } = options;
  if (!columns && !skipFirstRow) return rows;
  const firstRow = skipFirstRow ? rows.shift() : undefined;
  if (skipFirstRow && firstRow === undefined) {
    throw new TypeError("Cannot parse input: headers must be defined");
  }
  const names = columns ?? firstRow ?? [];
  const rowNumberStart = skipFirstRow ? 2 : 1;
  return rows.map((row, index) => toObject(row, names, rowNumberStart + index));
}

function parseRows(input: string, options: ParseOptions): string[][] {
  const { fieldsPerRecord = -1 } = options;
  const reader = new RecordReader(input, options);
  const rows: string[][] = [];
  let fieldCount = fieldsPerRecord < 0 ? undefined : fieldsPerRecord;
  for (let recordNumber = 1; reader.nextLine(); recordNumber++) {
    const row = reader.readRecord(recordNumber);
    // The first line decides even where it is blank or a comment, and then no record can be right.
    if (recordNumber === 1 && fieldsPerRecord === 0) fieldCount = row.length;
    if (row.length === 0) continue;
    if (fieldCount !== undefined && row.length !== fieldCount) {
      throw new SyntaxError(
        `Syntax error on line ${recordNumber}: expected ${fieldCount} fields but got ${row.length}`,
      );
    }
    rows.push(row);
  }
  return rows;
}

function toObject(
  row: readonly string[],
  names: readonly string[],
  rowNumber: number,
): Record<string, string> {
  if (row.length !== names.length) {
    throw new Error(
      `Syntax error on line ${rowNumber}: The record has ${row.length} fields, but the header has ${names.length} fields`,
    );
  }
  const record: Record<string, string> = {};
  for (let i = 0; i < names.length; i++) record[names[i]] = row[i];
  return record;
}

/**
 * Walks the text once. Each place is an index into the whole text, and no rest of a line is ever
 * copied; what a search found is kept until the walk has passed it, so that a rare quote or
 * separator is looked for once and not once a line.
 */
class RecordReader {
  readonly #text: string;
  readonly #separator: string;
  readonly #comment: string | undefined;
  readonly #trimLeadingSpace: boolean;
  readonly #lazyQuotes: boolean;
  /** The current line is `[lineStart, lineEnd)`, its line end left out. */
  #lineStart = 0;
  #lineEnd = 0;
  #nextLineStart = 0;
  /** Lines of the current record that lie before the current line. */
  #linesBefore = 0;
  /** Where the walk stands within the current line. */
  #position = 0;
  /** The first quote and the first separator at or after some place already passed. */
  #quoteAhead = -1;
  #separatorAhead = -1;

  constructor(text: string, options: ParseOptions) {
    const { separator = ",", comment, trimLeadingSpace = false, lazyQuotes = false } = options;
    // An empty separator would stand between any two characters, for ever.
    if (
      /^["\r\n]?$/.test(separator) || comment !== undefined && /^["\r\n]$/.test(comment) ||
      separator === comment
    ) {
      throw new Error("Cannot parse input: invalid delimiter");
    }
    this.#text = text;
    this.#separator = separator;
    this.#comment = comment;
    this.#trimLeadingSpace = trimLeadingSpace;
    this.#lazyQuotes = lazyQuotes;
    this.#nextLineStart = text.startsWith("\ufeff") ? 1 : 0;
  }

  /** Goes to the start of the next line; false at the end of the text. */
  nextLine(): boolean {
    const text = this.#text;
    const start = this.#nextLineStart;
    if (start >= text.length) return false;
    const lineFeed = text.indexOf("\n", start);
    let end = lineFeed < 0 ? text.length : lineFeed;
    this.#nextLineStart = end + 1;
    if (text.charCodeAt(end - 1) === CARRIAGE_RETURN) end--;
    this.#lineStart = start;
    this.#position = start;
    this.#lineEnd = end;
    return true;
  }

  /** Reads the record that begins with the current line; a blank line or a comment has no fields. */
  readRecord(recordNumber: number): string[] {
    const fields: string[] = [];
    if (this.#lineStart === this.#lineEnd) return fields;
    if (this.#comment && this.#text[this.#lineStart] === this.#comment) return fields;
    this.#linesBefore = 0;
    do {
      if (this.#trimLeadingSpace) this.#skipSpace();
      const isQuoted = this.#position < this.#lineEnd &&
        this.#text.charCodeAt(this.#position) === QUOTE;
      fields.push(isQuoted ? this.#quotedField(recordNumber) : this.#plainField(recordNumber));
    } while (this.#skipSeparator());
    return fields;
  }

  #plainField(recordNumber: number): string {
    const start = this.#position;
    const separator = this.#findSeparator();
    const end = separator + this.#separator.length <= this.#lineEnd ? separator : this.#lineEnd;
    const quote = this.#lazyQuotes ? Infinity : this.#findQuote();
    if (quote < end) throw this.#exception(recordNumber, quote, 'bare " in non-quoted-field');
    this.#position = end;
    return this.#text.slice(start, end);
  }

  #quotedField(recordNumber: number): string {
    const text = this.#text;
    let field = "";
    let start = ++this.#position;
    for (;;) {
      const quote = this.#findQuote();
      if (quote < this.#lineEnd) {
        this.#position = quote + 1;
        const isPair = this.#position < this.#lineEnd && text.charCodeAt(this.#position) === QUOTE;
        if (isPair) {
          this.#position++;
        } else if (this.#position === this.#lineEnd || this.#isAtSeparator()) {
          return field + text.slice(start, quote);
        } else if (!this.#lazyQuotes) {
          throw this.#exception(recordNumber, quote, MISPLACED_QUOTE);
        }
        // The first quote of a pair belongs to the field, and so does a lone one where lazy.
        field += text.slice(start, quote + 1);
        start = this.#position;
        continue;
      }
      field += text.slice(start, this.#lineEnd);
      const lineRestIsEmpty = start === this.#lineEnd;
      if (!this.nextLine()) {
        this.#position = this.#lineEnd;
        if (this.#lazyQuotes) return field;
        // The end of the input counts as column 1 where the line held more of the field.
        const place = lineRestIsEmpty ? this.#lineEnd : this.#lineStart;
        throw this.#exception(recordNumber, place, MISPLACED_QUOTE);
      }
      this.#linesBefore++;
      field += "\n";
      start = this.#position;
    }
  }

  #skipSpace(): void {
    const rest = this.#text.slice(this.#position, this.#lineEnd);
    this.#position = this.#lineEnd - rest.trimStart().length;
  }

  #skipSeparator(): boolean {
    if (this.#position === this.#lineEnd) return false;
    this.#position += this.#separator.length;
    return true;
  }

  #isAtSeparator(): boolean {
    return this.#position + this.#separator.length <= this.#lineEnd &&
      this.#findSeparator() === this.#position;
  }

  #findSeparator(): number {
    if (this.#separatorAhead < this.#position) {
      const found = this.#text.indexOf(this.#separator, this.#position);
      this.#separatorAhead = found < 0 ? Infinity : found;
    }
    return this.#separatorAhead;
  }

  #findQuote(): number {
    if (this.#quoteAhead < this.#position) {
      const found = this.#text.indexOf('"', this.#position);
      this.#quoteAhead = found < 0 ? Infinity : found;
    }
    return this.#quoteAhead;
  }

  #exception(recordNumber: number, place: number, reason: string): SyntaxError {
    // Columns count code points: a character outside the basic plane is one column.
    const column = [...this.#text.slice(this.#lineStart, place)].length + 1;
    const line = recordNumber + this.#linesBefore;
    return new SyntaxError(
      `Syntax error on line ${recordNumber}; parse error on line ${line}, column ${column}: ${reason}`,
    );
  }
}

const QUOTE = 34;
const CARRIAGE_RETURN = 13;
const MISPLACED_QUOTE = 'extraneous or missing " in quoted-field';
