import { parse, type ParseOptions } from "@std/csv/parse";
// @ts-types="@types/d3-dsv"
import { csvParseRows } from "d3-dsv";
import fc from "fast-check";
import assert from "node:assert/strict";
// @ts-types="../../support/papaparse.d.ts"
import Papa from "papaparse";

const MISPLACED_QUOTE = 'extraneous or missing " in quoted-field';
const BARE_QUOTE = 'bare " in non-quoted-field';

const DOCUMENTS: { name: string; input: string; options?: ParseOptions; rows: string[][] }[] = [
  { name: "an empty document", input: "", rows: [] },
  { name: "nothing but a byte order mark", input: "\ufeff", rows: [] },
  { name: "a document without a last line end", input: "a,b\nc,d", rows: [["a", "b"], ["c", "d"]] },
  { name: "a document with a last line end", input: "a,b\nc,d\n", rows: [["a", "b"], ["c", "d"]] },
  { name: "CR LF", input: "a,b\r\nc,d\r\n", rows: [["a", "b"], ["c", "d"]] },
  { name: "LF and CR LF mixed", input: "a\r\nb\nc\r\n", rows: [["a"], ["b"], ["c"]] },
  { name: "a lone CR as part of a field", input: "a\rb,c\n", rows: [["a\rb", "c"]] },
  { name: "a CR before CR LF as part of a field", input: "a\r\r\nb", rows: [["a\r"], ["b"]] },
  { name: "one CR at the end of input as a line end", input: "a,b\r", rows: [["a", "b"]] },
  { name: "the second of two CRs at the end as a line end", input: "a\r\r", rows: [["a\r"]] },
  { name: "blank lines as nothing", input: "\n\r\na\n\nb\n\n", rows: [["a"], ["b"]] },
  { name: "a line of spaces as a record", input: "  \n", rows: [["  "]] },
  { name: "a line of empty quotes as a record", input: '""\n', rows: [[""]] },
  { name: "empty fields", input: ",\n,a,\n", rows: [["", ""], ["", "a", ""]] },
  { name: "ragged rows", input: "a,b,c\nd\ne,f\n", rows: [["a", "b", "c"], ["d"], ["e", "f"]] },
  { name: "a byte order mark as nothing", input: "\ufeffa,b", rows: [["a", "b"]] },
  { name: "a second byte order mark as text", input: "\ufeff\ufeffa", rows: [["\ufeffa"]] },
  { name: "quoted fields", input: '"a","b,c"\n', rows: [["a", "b,c"]] },
  { name: "escaped quotes", input: '"a ""b""",""""\n', rows: [['a "b"', '"']] },
  { name: "newlines in quotes", input: '"a\nb","\n\n"\nc', rows: [["a\nb", "\n\n"], ["c"]] },
  { name: "CR LF in quotes as LF", input: '"a\r\nb"\r\nc', rows: [["a\nb"], ["c"]] },
  { name: "space before a quote as text", input: " a, b", rows: [[" a", " b"]] },
  { name: "a # as text", input: "#a,b\n", rows: [["#a", "b"]] },
  { name: "tabs", input: 'a,b\t"c\td"\n', options: { separator: "\t" }, rows: [["a,b", "c\td"]] },
  { name: "semicolons", input: 'a,b;"c;d"\n', options: { separator: ";" }, rows: [["a,b", "c;d"]] },
  {
    name: "a long separator",
    input: 'a||"b|"||c|d',
    options: { separator: "||" },
    rows: [["a", "b|", "c|d"]],
  },
  {
    name: "a separator beyond ASCII",
    input: "a£b€\n€c",
    options: { separator: "£", comment: "€" },
    rows: [["a", "b€"]],
  },
  { name: "comments", input: "#a\nb\n #c\n#d", options: { comment: "#" }, rows: [["b"], [" #c"]] },
  {
    name: "a comment character in quotes as text",
    input: '"a\n#b"',
    options: { comment: "#" },
    rows: [["a\n#b"]],
  },
  {
    name: "leading space",
    input: ' a,  "b ", \n',
    options: { trimLeadingSpace: true },
    rows: [["a", "b ", ""]],
  },
  {
    name: "leading space that is the separator",
    input: "a\t\tb",
    options: { separator: "\t", trimLeadingSpace: true },
    rows: [["a", "b"]],
  },
  {
    name: "an indented comment as text",
    input: " #a",
    options: { comment: "#", trimLeadingSpace: true },
    rows: [["#a"]],
  },
  {
    name: "bare quotes where lazy",
    input: 'a "b",c""d',
    options: { lazyQuotes: true },
    rows: [['a "b"', 'c""d']],
  },
  {
    name: "a lone quote in quotes where lazy",
    input: '"1"2","3"',
    options: { lazyQuotes: true },
    rows: [['1"2', "3"]],
  },
  {
    name: "a field cut off by the end where lazy",
    input: 'a,"b\nc\n',
    options: { lazyQuotes: true },
    rows: [["a", "b\nc"]],
  },
];

for (const { name, input, options, rows } of DOCUMENTS) {
  Deno.test(`parse() takes ${name}`, () => {
    assert.deepEqual(options ? parse(input, options) : parse(input), rows);
  });
}

const MISTAKES: { name: string; input: string; options?: ParseOptions; message: string }[] = [
  {
    name: "a quote in an unquoted field",
    input: 'a,b"c',
    message: `Syntax error on line 1; parse error on line 1, column 4: ${BARE_QUOTE}`,
  },
  {
    name: "a quote behind space",
    input: 'a, "b"',
    message: `Syntax error on line 1; parse error on line 1, column 4: ${BARE_QUOTE}`,
  },
  {
    name: "text behind a closing quote",
    input: 'a\n"b"c,d',
    message: `Syntax error on line 2; parse error on line 2, column 3: ${MISPLACED_QUOTE}`,
  },
  {
    name: "text behind a closing quote on a later line",
    input: 'a,"b\nc"d,e',
    message: `Syntax error on line 1; parse error on line 2, column 2: ${MISPLACED_QUOTE}`,
  },
  {
    name: "a CR behind a closing quote",
    input: '"a"\r\r',
    message: `Syntax error on line 1; parse error on line 1, column 3: ${MISPLACED_QUOTE}`,
  },
  {
    name: "a quoted field that never ends",
    input: 'a\n"b\n\n,c',
    message: `Syntax error on line 2; parse error on line 4, column 1: ${MISPLACED_QUOTE}`,
  },
  {
    name: "a quote that opens at the very end",
    input: 'a,"',
    message: `Syntax error on line 1; parse error on line 1, column 4: ${MISPLACED_QUOTE}`,
  },
  {
    name: "an odd number of quotes",
    input: '"""""',
    message: `Syntax error on line 1; parse error on line 1, column 6: ${MISPLACED_QUOTE}`,
  },
  // Columns are code points, lines are records: the first record here spans two lines.
  {
    name: "a quote behind an emoji and a record of two lines",
    input: '"a\nb"\n😀"',
    message: `Syntax error on line 2; parse error on line 2, column 2: ${BARE_QUOTE}`,
  },
  {
    name: "a row shorter than the first",
    input: "a,b,c\nd,e",
    options: { fieldsPerRecord: 0 },
    message: "Syntax error on line 2: expected 3 fields but got 2",
  },
  {
    name: "a row longer than the first",
    input: "a,b\n\nc,d,e",
    options: { fieldsPerRecord: 0 },
    message: "Syntax error on line 3: expected 2 fields but got 3",
  },
  {
    name: "a row shorter than asked for",
    input: "a",
    options: { fieldsPerRecord: 2 },
    message: "Syntax error on line 1: expected 2 fields but got 1",
  },
  {
    name: "any row where the first line is blank",
    input: "\na,b",
    options: { fieldsPerRecord: 0 },
    message: "Syntax error on line 2: expected 0 fields but got 2",
  },
];

for (const { name, input, options = {}, message } of MISTAKES) {
  Deno.test(`parse() throws on ${name}`, () => {
    assert.throws(() => parse(input, options), { name: "SyntaxError", message });
  });
}

Deno.test("parse() takes rows of any length where fieldsPerRecord is negative", () => {
  assert.deepEqual(parse("a\nb,c", { fieldsPerRecord: -1 }), [["a"], ["b", "c"]]);
});

Deno.test("parse() takes rows of the length asked for, blank lines and comments beside them", () => {
  const options = { fieldsPerRecord: 2, comment: "#" };
  assert.deepEqual(parse("#\na,b\n\nc,d", options), [["a", "b"], ["c", "d"]]);
});

Deno.test("parse() names the fields after the first row, after columns, or after columns without the first row", () => {
  const input = "a,b\n1,2\n3,4";
  assert.deepEqual(parse(input, { skipFirstRow: true }), [{ a: "1", b: "2" }, { a: "3", b: "4" }]);
  assert.deepEqual(parse(input, { columns: ["x", "y"] })[0], { x: "a", y: "b" });
  assert.deepEqual(parse(input, { columns: ["x", "y"], skipFirstRow: true })[0], {
    x: "1",
    y: "2",
  });
  assert.deepEqual(parse(input, { skipFirstRow: false })[0], ["a", "b"]);
});

Deno.test("parse() has the published result types", () => {
  const options: ParseOptions = {};
  assertType<Same<ReturnType<typeof parseRows>, string[][]>>();
  const byFirstRow = () => parse("a", { skipFirstRow: true });
  assertType<Same<ReturnType<typeof byFirstRow>, Record<string, string>[]>>();
  const byColumns = () => parse("a", { columns: ["x", "y"] });
  assertType<Same<ReturnType<typeof byColumns>, Record<"x" | "y", string>[]>>();
  const byAnyColumns = () => parse("a", { columns: ["x"] as string[] });
  assertType<Same<ReturnType<typeof byAnyColumns>, Record<string, string>[]>>();
  const byOptions = () => parse("a", options);
  assertType<Same<ReturnType<typeof byOptions>, Record<string, string>[] | string[][]>>();
  assert.deepEqual(parseRows(), [["a"]]);
});

Deno.test("parse() throws on a record that has not one field per name", () => {
  const input = "a,b\n1,2\n3";
  const message = "Syntax error on line 3: The record has 1 fields, but the header has 2 fields";
  assert.throws(() => parse(input, { skipFirstRow: true }), { name: "Error", message });
  assert.throws(() => parse("1", { columns: ["a", "b"] }), {
    name: "Error",
    message: "Syntax error on line 1: The record has 1 fields, but the header has 2 fields",
  });
});

Deno.test("parse() throws where the first row is asked for and there is none", () => {
  const expected = { name: "TypeError", message: "Cannot parse input: headers must be defined" };
  assert.throws(() => parse("\n", { skipFirstRow: true }), expected);
  assert.throws(() => parse("", { skipFirstRow: true, columns: ["a"] }), expected);
  assert.deepEqual(parse("a", { skipFirstRow: true }), []);
});

Deno.test("parse() throws on unusable delimiters", () => {
  const unusable: ParseOptions[] = [
    ...['"', "\r", "\n"].flatMap((text) => [{ separator: text }, { comment: text }]),
    { separator: "#", comment: "#" },
    // The published package does not return from this one.
    { separator: "" },
  ];
  for (const options of unusable) {
    assert.throws(() => parse("a", options), {
      name: "Error",
      message: "Cannot parse input: invalid delimiter",
    });
  }
});

Deno.test("parse() takes time linear in the length of the document", () => {
  // A search that is repeated for each line or field, or a copy of the rest, takes many times as long.
  const startedAt = performance.now();
  assert.equal(parse("a\n".repeat(1_000_000) + '""').length, 1_000_001);
  assert.equal(parse(",".repeat(300_000))[0].length, 300_001);
  assert.equal(parse(`"${"\n".repeat(300_000)}"`)[0][0].length, 300_000);
  assert.equal(parse(`"${'""'.repeat(300_000)}"`)[0][0].length, 300_000);
  assert.equal(parse(" \n".repeat(300_000), { trimLeadingSpace: true }).length, 300_000);
  assert.ok(performance.now() - startedAt < 5_000);
});

const plainField = fc.string({
  unit: fc.constantFrom("a", "b", " ", "'", "é", "😀", "\t"),
  maxLength: 6,
});
const anyText = fc.string({
  unit: fc.constantFrom("a", "b", " ", ",", '"', "\n", "\r\n", "é", "😀"),
  maxLength: 8,
});

/** A field as it stands in a document, and what it means. */
const writtenField = fc.oneof(
  plainField.map((text) => ({ written: text, meant: text })),
  anyText.map((text) => ({
    written: `"${text.replaceAll('"', '""')}"`,
    meant: text.replaceAll("\r\n", "\n"),
  })),
);

/**
 * Well-formed documents and their rows, without what the oracles read in another way: a line that is
 * one pair of quotes (papaparse skips it as blank), lone CRs (a line end to d3-dsv), line ends mixed
 * in one document (papaparse takes one kind), and a byte order mark (d3-dsv keeps it).
 */
const writtenDocument = fc.record({
  lines: fc.array(
    fc.array(writtenField, { maxLength: 4 }).filter((line) =>
      line.length !== 1 || line[0].written !== '""'
    ),
  ),
  lineEnd: fc.constantFrom("\n", "\r\n"),
  hasLastLineEnd: fc.boolean(),
}).map(({ lines, lineEnd, hasLastLineEnd }) => ({
  document: lines.map((line) => line.map((field) => field.written).join(",")).join(lineEnd) +
    (hasLastLineEnd ? lineEnd : ""),
  lineEnd,
  rows: withoutBlankLines(lines.map((line) => line.map((field) => field.meant))),
}));

Deno.test("parse() reads generated documents as they were meant, as d3-dsv and as papaparse do", () => {
  fc.assert(
    fc.property(writtenDocument, ({ document, lineEnd, rows }) => {
      assert.deepEqual(parse(document), rows);
      assert.deepEqual(asPublished(csvParseRows(document)), rows);
      const { data } = Papa.parse<string[]>(document, { delimiter: ",", newline: lineEnd });
      assert.deepEqual(asPublished(data), rows);
    }),
    { numRuns: 1000 },
  );
});

Deno.test("parse() reads any text without an exception where quotes are lazy, and well-formed text alike", () => {
  fc.assert(
    fc.property(
      fc.string({ unit: fc.constantFrom("a", ",", '"', "\n", "\r"), maxLength: 12 }),
      (document) => {
        const lazyRows = parse(document, { lazyQuotes: true });
        let rows;
        try {
          rows = parse(document);
        } catch (exception) {
          assert.ok(exception instanceof SyntaxError);
          return;
        }
        assert.deepEqual(rows, lazyRows);
      },
    ),
    { numRuns: 2000 },
  );
});

function parseRows() {
  return parse("a");
}

/** The oracles keep blank lines, as rows of one empty field, and CR LF within quotes. */
function asPublished(rows: string[][]): string[][] {
  return withoutBlankLines(rows.map((row) => row.map((field) => field.replaceAll("\r\n", "\n"))));
}

function withoutBlankLines(rows: string[][]): string[][] {
  return rows.filter((row) => row.length > 1 || (row.length === 1 && row[0] !== ""));
}

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends (<T>() => T extends B ? 1 : 2) ? true
  : false;

/** Fails in the type checker. */
function assertType<T extends true>(): T | void {}
