import assert from "node:assert/strict";
import { learnLayout } from "../../../../analyzer/decode/scan/layout.ts";

const JSON_LINE =
  '{"timestamp": "2025-05-30T18:52:47.123456Z", "ip": "1.2.3.4", "method": "GET", "url": "/", "status": 404}';

/** A layout in short: texts as they are, fields in angle brackets. */
function shape(line: string, csv?: Parameters<typeof learnLayout>[1]): string | undefined {
  return learnLayout(line, csv)?.segments.map((segment) =>
    segment.kind === "text"
      ? segment.text
      : segment.kind === "timestamp"
      ? `<time.${segment.fractionDigits}${segment.offset}>`
      : segment.kind === "string"
      ? `<${segment.name ?? "string"}>`
      : `<${segment.kind}>`
  ).join("");
}

Deno.test("learnLayout() takes the keys and the spacing of a JSON line for text", () => {
  assert.equal(
    shape(JSON_LINE),
    '{"timestamp": "<time.6Z>", "ip": "<ip>", "method": "<method>", "url": "<url>", "status": <status>}',
  );
});

Deno.test("learnLayout() knows unknown keys before, between and after by the kind of their values", () => {
  const line = '{"a":-1.5e3,"status":"200","b":"x","url":"","c":null,"method":"","d":{"e":["}"]},' +
    '"ip":"::1","timestamp":"2025-05-30T18:52:47+02:00" , "f" : true} ';
  assert.equal(
    shape(line),
    '{"a":<number>,"status":"<status>","b":"<string>","url":"<url>","c":<word>,"method":"<method>",' +
      '"d":{"e":["}"]},"ip":"<ip>","timestamp":"<time.0+02:00>" , "f" : <word>} ',
  );
});

Deno.test("learnLayout() gives lines that follow one layout the same signature", () => {
  const [a, b, c] = [
    JSON_LINE,
    JSON_LINE.replace("GET", "DELETE").replace("47.123", "59.999").replace("404", "100"),
    JSON_LINE.replace(".123456", ".123"),
  ].map((line) => learnLayout(line, undefined)!.signature);
  assert.equal(a, b);
  assert.notEqual(a, c);
});

Deno.test("learnLayout() takes the columns of CSV in their own order, or in that of a header", () => {
  assert.equal(
    shape("2025-05-30T18:52:47.123Z,1.2.3.4,GET,/,404"),
    "<time.3Z>,<ip>,<method>,<url>,<status>",
  );
  assert.equal(
    shape("404,x,1.2.3.4,GET,/,2025-05-30T18:52:47Z", {
      fieldCount: 6,
      columns: [5, 2, 3, 4, 0],
    }),
    "<status>,<string>,<ip>,<method>,<url>,<time.0Z>",
  );
});

Deno.test("learnLayout() takes quotes around a cell of CSV for text", () => {
  assert.equal(
    shape('"2025-05-30T18:52:47.123Z","1.2.3.4",GET,"/a,b","404"'),
    '"<time.3Z>","<ip>",<method>,"<url>","<status>"',
  );
  const [bare, quoted] = ["GET", '"GET"'].map((method) =>
    learnLayout(`2025-05-30T18:52:47.123Z,1.2.3.4,${method},/,404`, undefined)!.signature
  );
  assert.notEqual(bare, quoted);
});

Deno.test("learnLayout() takes a string with escapes for one like any other", () => {
  const layouts = [JSON_LINE, JSON_LINE.replace('"/"', '"\\/\\"\\u0041"')]
    .map((line) => learnLayout(line, undefined)!.signature);
  assert.equal(layouts[0], layouts[1]);
});

Deno.test("learnLayout() learns nothing from lines that others will not follow, or not for sure", () => {
  const lines = [
    JSON_LINE.replace("}", ', "ip": "5.6.7.8"}'),
    JSON_LINE.replace('"ip"', '"\\u0069p"'),
    JSON_LINE.replace('"2025-05-30T18:52:47.123456Z"', "1748631167"),
    JSON_LINE.replace(".123456", ".12"),
    JSON_LINE.replace("404", "4.04e2"),
    JSON_LINE.replace('"GET"', "7"),
    JSON_LINE.replace("}", `, "${"k".repeat(4096)}": 1}`),
    JSON_LINE.replace("}", `, ${Array(201).fill('"k":1').join()}}`),
    JSON_LINE.replace(', "ip": "1.2.3.4"', ""),
    JSON_LINE.replace("}", ', "x":{\r"y":1}}'),
    " 2025-05-30T18:52:47.123Z,1.2.3.4,GET,/,404",
    '2025-05-30T18:52:47.123Z,1.2.3.4,GET,"/""",404',
    '2025-05-30T18:52:47.123Z,1.2.3.4,GET,"/"x,404',
    '2025-05-30T18:52:47.123Z,1.2.3.4,GET,/",404',
    "1748631167,1.2.3.4,GET,/,404",
    "2025-05-30T18:52:47.123Z,1.2.3.4,GET,/,0404",
    "2025-05-30T18:52:47.123Z,1.2.3.4,GET,/,404,x",
  ];
  for (const line of lines) assert.equal(shape(line), undefined, line);
});
