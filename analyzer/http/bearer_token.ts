/** What a request says about the token. */
export type TokenCheck = "right" | "wrong" | "missing";

/**
 * The one token that opens the HTTP interface (RFC 6750).
 *
 * Neither the token nor what is sent is ever compared byte by byte: of both, a code (HMAC-SHA-256)
 * is made under a key that lives as long as the process, and the codes are compared. How long that
 * takes depends on the length of what was sent, which the sender knows, and on nothing else: even
 * of a comparison that stopped at the first difference nobody could learn anything, since nobody
 * can tell which code a guess has.
 */
export class BearerToken {
  readonly #key: CryptoKey;
  readonly #code: ArrayBuffer;

  private constructor(key: CryptoKey, code: ArrayBuffer) {
    this.#key = key;
    this.#code = code;
  }

  /** @param text a token that {@linkcode isToken} */
  static async of(text: string): Promise<BearerToken> {
    const key = await crypto.subtle.generateKey({ name: "HMAC", hash: "SHA-256" }, false, [
      "sign",
      "verify",
    ]);
    return new BearerToken(key, await crypto.subtle.sign("HMAC", key, encoder.encode(text)));
  }

  /** Looks at an `Authorization` header. */
  async check(header: string | null): Promise<TokenCheck> {
    const sent = /^Bearer(?: +(.*))?$/is.exec(header ?? "");
    if (sent === null) return "missing";
    const isRight = await crypto.subtle.verify(
      "HMAC",
      this.#key,
      this.#code,
      encoder.encode(sent[1] ?? ""),
    );
    return isRight ? "right" : "wrong";
  }
}

/** Whether a text can be sent as a token (`b68token` of RFC 6750), and is not too easy to guess. */
export function isToken(text: string): boolean {
  return text.length >= TOKEN_LENGTH_MIN && text.length <= TOKEN_LENGTH_MAX &&
    /^[\w.~+/-]+=*$/.test(text);
}

/** Shortest token, in characters. */
export const TOKEN_LENGTH_MIN = 16;

/** Longest token, in characters: headers have a limit too. */
export const TOKEN_LENGTH_MAX = 1024;

const encoder = new TextEncoder();
