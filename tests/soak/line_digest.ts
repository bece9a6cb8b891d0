/**
 * What lines are known by, in whatever order they come: two lots of as many lines, as many bytes
 * and the same sum of hashes hold the same lines, the chance of an accident (one in 2^32) apart.
 */
export class LineDigest {
  #lines = 0;
  #bytes = 0;
  #hashSum = 0;

  /** Adds a line without its newline; characters beyond ASCII are not told from each other. */
  add(line: string): void {
    // FNV-1a, http://www.isthe.com/chongo/tech/comp/fnv/
    let hash = 0x811c9dc5;
    for (let i = 0; i < line.length; i++) {
      hash = Math.imul(hash ^ (line.charCodeAt(i) & 0xff), 0x01000193);
    }
    this.#lines++;
    this.#bytes += line.length + 1;
    this.#hashSum = (this.#hashSum + hash) | 0;
  }

  /** How many lines were added. */
  get lines(): number {
    return this.#lines;
  }

  /** The same for the same lines, and fit to be shown. */
  toString(): string {
    const hash = (this.#hashSum >>> 0).toString(16).padStart(8, "0");
    return `${this.#lines} lines, ${this.#bytes} bytes, hash ${hash}`;
  }
}
