/** Key of an object, or index into an array. */
export type PropertyAccessor = number | string;

/** A column with a header of its own; without one, the last accessor is the header. */
export type ColumnDetails = {
  header?: string;
  /** Where the value is: one accessor, or the path of accessors that leads to it. */
  prop: PropertyAccessor | PropertyAccessor[];
};

/** A column: an accessor, a path of accessors, or either with a header. */
export type Column = ColumnDetails | PropertyAccessor | PropertyAccessor[];

/** One record: an object, which needs `columns`, or an array. */
export type DataItem = Readonly<Record<string, unknown> | unknown[]>;

/** How {@linkcode stringify} writes. */
export type StringifyOptions = {
  /**
   * Whether the names of the columns come first; without `columns` there are none.
   *
   * @default {true}
   */
  headers?: boolean;
  /**
   * What stands between two fields.
   *
   * @default {","}
   */
  separator?: string;
  /**
   * What to write of each item, in order; without columns, every value of an array.
   *
   * @default {[]}
   */
  columns?: readonly Column[];
  /**
   * Whether a byte order mark comes first; some spreadsheets need it to recognize UTF-8.
   *
   * @default {false}
   */
  bom?: boolean;
};

/**
 * Writes records as CSV (RFC 4180), each line ended by CR LF.
 *
 * `null` and `undefined` are empty fields, objects are written as JSON. A field is quoted where it
 * holds the separator, a quote or a line feed.
 *
 * @param data The records.
 * @param options See {@linkcode StringifyOptions}.
 * @returns The whole document; empty for no records and no header.
 * @throws {TypeError} On a separator with a quote or CR LF, an object without columns, or a string
 * accessor that meets an array.
 */
export function stringify(data: readonly DataItem[], options?: StringifyOptions): string {
  const { headers = true, separator = ",", columns = [], bom = false } = options ?? {};
  if (separator.includes('"') || separator.includes("\r\n")) {
    throw new TypeError(
      "Separator cannot include the following strings:\n" +
        '  - U+0022: Quotation mark (")\n' +
        "  - U+000D U+000A: Carriage Return + Line Feed (\\r\\n)",
    );
  }
  const paths = columns.map(pathOf);
  const toLine = (values: readonly unknown[]) =>
    values.map((value) => toField(value, separator)).join(separator) + "\r\n";

  let document = bom ? "\ufeff" : "";
  if (headers && columns.length > 0) {
    document += toLine(columns.map((column, i) => headerOf(column) ?? String(paths[i].at(-1))));
  }
  for (const item of data) {
    document += toLine(
      paths.length > 0 ? paths.map((path) => valueAt(item, path)) : valuesOf(item),
    );
  }
  return document;
}

function toField(value: unknown, separator: string): string {
  if (value === undefined || value === null) return "";
  const text = typeof value === "object" ? JSON.stringify(value) : String(value);
  const needsQuotes = text.includes(separator) || text.includes('"') || text.includes("\n");
  return needsQuotes ? `"${text.replaceAll('"', '""')}"` : text;
}

function pathOf(column: Column): readonly PropertyAccessor[] {
  if (Array.isArray(column)) return column;
  return typeof column === "object" ? [column.prop].flat() : [column];
}

function headerOf(column: Column): string | undefined {
  return typeof column === "object" && !Array.isArray(column) ? column.header : undefined;
}

function valueAt(item: DataItem, path: readonly PropertyAccessor[]): unknown {
  let value: unknown = item;
  for (const accessor of path) {
    // A path that is longer than the data is deep gives the last value that it met.
    if (typeof value !== "object" || value === null) break;
    if (Array.isArray(value) && typeof accessor !== "number") {
      throw new TypeError('Property accessor is not of type "number"');
    }
    value = (value as Record<PropertyAccessor, unknown>)[accessor];
  }
  return value;
}

function valuesOf(item: DataItem): readonly unknown[] {
  if (Array.isArray(item)) return item;
  // Values that are no records only get here past the compiler; the published package writes them.
  if (typeof item !== "object") return [item];
  throw new TypeError("No property accessor function was provided for object");
}
