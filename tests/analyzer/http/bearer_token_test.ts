import assert from "node:assert/strict";
import { BearerToken, isToken } from "../../../analyzer/http/bearer_token.ts";

const TOKEN = "mF_9.B5f-4.1JqM+/~==";

// S-78
Deno.test("BearerToken.check() takes the token, and nothing that differs from it", async () => {
  const token = await BearerToken.of(TOKEN);
  for (const header of [`Bearer ${TOKEN}`, `bearer ${TOKEN}`, `BEARER   ${TOKEN}`]) {
    assert.equal(await token.check(header), "right", header);
  }
  const wrong = [
    ...["", " ", "x", "x".repeat(60_000), TOKEN.slice(1), TOKEN.slice(0, -1), `${TOKEN}=`],
    ...[TOKEN.toLowerCase(), `${TOKEN} `, `${TOKEN}, Bearer ${TOKEN}`, `"${TOKEN}"`, `ÿ${TOKEN}`],
    ...Array.from(TOKEN, (_, i) => `${TOKEN.slice(0, i)}!${TOKEN.slice(i + 1)}`),
  ];
  for (const sent of wrong) assert.equal(await token.check(`Bearer ${sent}`), "wrong", sent);
  assert.equal(await token.check("Bearer"), "wrong");
});

// S-78
Deno.test("BearerToken.check() takes no other scheme for an attempt", async () => {
  const token = await BearerToken.of(TOKEN);
  for (const header of [null, "", TOKEN, `Basic ${TOKEN}`, `Bearer${TOKEN}`, `Bearer:${TOKEN}`]) {
    assert.equal(await token.check(header), "missing", String(header));
  }
});

Deno.test("BearerToken keeps nothing from which the token could be told", async () => {
  const token = await BearerToken.of(TOKEN);
  for (const text of [Deno.inspect(token, { showHidden: true }), JSON.stringify(token)]) {
    assert.ok(!text.includes(TOKEN.slice(0, 8)), text);
  }
});

Deno.test("isToken() takes 16 to 1024 characters that a header can carry as a token", () => {
  for (
    const text of ["a".repeat(16), "a".repeat(1024), "AZaz09-._~+/aaaa", `${"a".repeat(14)}==`]
  ) {
    assert.ok(isToken(text), text);
  }
  for (
    const text of [
      ...["", "a".repeat(15), "a".repeat(1025), "=".repeat(16), "a=".repeat(10)],
      ...["a".repeat(16) + "\n", "a b".repeat(10), "é".repeat(20), '"'.repeat(20), "a,".repeat(10)],
    ]
  ) assert.ok(!isToken(text), text);
});
