import { HyperLogLog, PACKED_BYTES } from "./hyperloglog.ts";

/** Most distinct hashes that are counted exactly, 32 KiB of them; one more starts the estimate. */
export const DISTINCT_EXACT_MAX = 4096;

/**
 * Counts distinct values by their 64-bit hashes: exactly up to {@linkcode DISTINCT_EXACT_MAX},
 * by {@linkcode HyperLogLog} (standard error 0.81 %) beyond. Nothing is lost in the change: the
 * registers are those of a sketch that had seen every hash from the start.
 *
 * The state depends on the set of hashes only. Memory: under 100 bytes when empty, 64 KiB at most.
 *
 * "Exact" counts hashes. Two of 4,096 random values share one with a chance of 4096² / 2^65, or
 * 5 in 10^13; but somebody who chooses the values can construct collisions and so be counted low.
 */
export class DistinctCounter {
  /**
   * Open addressing with linear probing, at most half full, four times as large each time it
   * grows: two words a slot, high word first.
   * A free slot holds 0, 0; the hash of that value is kept in `#hasZero` instead.
   */
  #table = NO_TABLE;
  #tableSize = 0;
  #hasZero = false;
  /** Takes over from the table for good when the set outgrows it. */
  #sketch: HyperLogLog | undefined;

  /** Whether {@linkcode DistinctCounter.count} is the number of distinct hashes, not an estimate. */
  get isExact(): boolean {
    return this.#sketch === undefined;
  }

  /** Adds the hash made of two words, as `hashBytes` writes them, with a sign or without. */
  add(high: number, low: number): void {
    high |= 0;
    low |= 0;
    if (this.#sketch !== undefined) {
      this.#sketch.add(high, low);
      return;
    }
    const isZero = high === 0 && low === 0;
    let slot = isZero ? 0 : findSlot(this.#table, high, low);
    const isKnown = isZero ? this.#hasZero : isTaken(this.#table, slot);
    if (isKnown) return;

    if (this.count() === DISTINCT_EXACT_MAX) {
      this.#startSketch().add(high, low);
    } else if (isZero) {
      this.#hasZero = true;
    } else {
      this.#tableSize++;
      if (4 * this.#tableSize > this.#table.length) {
        this.#grow();
        slot = findSlot(this.#table, high, low);
      }
      this.#table[slot] = high;
      this.#table[slot + 1] = low;
    }
  }

  /** The number of distinct hashes, an integer: exact, or estimated by HyperLogLog. */
  count(): number {
    return this.#sketch?.count() ?? this.#tableSize + (this.#hasZero ? 1 : 0);
  }

  /**
   * Makes this the union of both, as if all hashes had been added here; exact when the union
   * fits. `other` stays as it is.
   */
  merge(other: DistinctCounter): void {
    if (other.#sketch === undefined) {
      other.#addAllTo(this);
    } else {
      this.#startSketch().merge(other.#sketch);
    }
  }

  /**
   * A version byte, a form byte, then either the hashes in ascending order (8 bytes each,
   * little-endian) or the packed registers. Equal sets give equal bytes. An empty one takes 2.
   */
  toBytes(): Uint8Array {
    if (this.#sketch !== undefined) {
      const bytes = new Uint8Array(HEADER_BYTES + PACKED_BYTES);
      bytes.set([VERSION, FORM_SKETCH]);
      this.#sketch.pack(bytes, HEADER_BYTES);
      return bytes;
    }
    // As numbers of 64 bits they sort without a comparator. The view takes the low word for the
    // first, as every platform of today does.
    const words = new Uint32Array(2 * this.count());
    const table = this.#table;
    // The hash of zeros is the first one anyway.
    let end = this.#hasZero ? 2 : 0;
    for (let slot = 0; slot < table.length; slot += 2) {
      if (!isTaken(table, slot)) continue;
      words[end++] = table[slot + 1];
      words[end++] = table[slot];
    }
    new BigUint64Array(words.buffer).sort();
    const bytes = new Uint8Array(HEADER_BYTES + words.byteLength);
    bytes.set([VERSION, FORM_EXACT]);
    bytes.set(new Uint8Array(words.buffer), HEADER_BYTES);
    return bytes;
  }

  /**
   * Reads what {@linkcode DistinctCounter.toBytes} wrote; keeps nothing of `bytes`.
   *
   * @throws {SyntaxError} When the bytes are cut, too long, or not in ascending order.
   * @throws {RangeError} When the version, the form, the number of hashes or a register is none
   * that this version can have written.
   */
  static fromBytes(bytes: Uint8Array): DistinctCounter {
    const counter = new DistinctCounter();
    counter.mergeBytes(bytes);
    return counter;
  }

  /**
   * The same as merging what {@linkcode DistinctCounter.fromBytes} makes of the bytes, at half the
   * cost. Where it throws, this may have become the union with a part of it.
   */
  mergeBytes(bytes: Uint8Array): void {
    if (bytes.length < HEADER_BYTES) {
      throw new SyntaxError(
        `Cannot read distinct counter: ${bytes.length} bytes, needs at least ${HEADER_BYTES}`,
      );
    }
    const [version, form] = bytes;
    if (version !== VERSION) {
      throw new RangeError(
        `Cannot read distinct counter: version is ${version}, supported is ${VERSION}`,
      );
    }
    if (form === FORM_EXACT) this.#readHashes(bytes);
    else if (form === FORM_SKETCH) this.#startSketch().merge(readSketch(bytes));
    else throw new RangeError(`Cannot read distinct counter: form is ${form}, known are 0 and 1`);
  }

  #readHashes(bytes: Uint8Array): void {
    const bodyBytes = bytes.length - HEADER_BYTES;
    if (bodyBytes % HASH_BYTES !== 0) {
      throw new SyntaxError(
        `Cannot read distinct counter: ${bodyBytes} bytes of hashes, not a multiple of ${HASH_BYTES}`,
      );
    }
    const hashCount = bodyBytes / HASH_BYTES;
    if (hashCount > DISTINCT_EXACT_MAX) {
      throw new RangeError(
        `Cannot read distinct counter: ${hashCount} hashes, at most ${DISTINCT_EXACT_MAX}`,
      );
    }
    const view = new DataView(bytes.buffer, bytes.byteOffset + HEADER_BYTES);
    let previousHigh = -1;
    let previousLow = -1;
    for (let i = 0; i < hashCount; i++) {
      const low = view.getUint32(HASH_BYTES * i, true);
      const high = view.getUint32(HASH_BYTES * i + 4, true);
      if (high < previousHigh || (high === previousHigh && low <= previousLow)) {
        throw new SyntaxError(
          `Cannot read distinct counter: hash ${i} is not greater than the one before`,
        );
      }
      this.add(high, low);
      previousHigh = high;
      previousLow = low;
    }
  }

  /** Passes on the exact set, in no order; nothing once the sketch has taken over. */
  #addAllTo(target: DistinctCounter | HyperLogLog): void {
    const table = this.#table;
    if (this.#hasZero) target.add(0, 0);
    for (let slot = 0; slot < table.length; slot += 2) {
      if (isTaken(table, slot)) target.add(table[slot], table[slot + 1]);
    }
  }

  #startSketch(): HyperLogLog {
    if (this.#sketch === undefined) {
      const sketch = new HyperLogLog();
      this.#addAllTo(sketch);
      this.#sketch = sketch;
      this.#table = NO_TABLE;
      this.#tableSize = 0;
      this.#hasZero = false;
    }
    return this.#sketch;
  }

  #grow(): void {
    const old = this.#table;
    const table = new Int32Array(Math.max(TABLE_WORDS_MIN, 4 * old.length));
    for (let i = 0; i < old.length; i += 2) {
      if (!isTaken(old, i)) continue;
      const slot = findSlot(table, old[i], old[i + 1]);
      table[slot] = old[i];
      table[slot + 1] = old[i + 1];
    }
    this.#table = table;
  }
}

function readSketch(bytes: Uint8Array): HyperLogLog {
  if (bytes.length !== HEADER_BYTES + PACKED_BYTES) {
    throw new SyntaxError(
      `Cannot read distinct counter: ${bytes.length} bytes with registers, must be ${
        HEADER_BYTES + PACKED_BYTES
      }`,
    );
  }
  return HyperLogLog.unpack(bytes, HEADER_BYTES);
}

function isTaken(table: Int32Array, slot: number): boolean {
  return table[slot] !== 0 || table[slot + 1] !== 0;
}

/** Where the hash is, or the free slot where it belongs: the index of its high word. */
function findSlot(table: Int32Array, high: number, low: number): number {
  const mask = table.length - 2;
  let slot = (2 * low) & mask;
  while (isTaken(table, slot)) {
    if (table[slot + 1] === low && table[slot] === high) break;
    slot = (slot + 2) & mask;
  }
  return slot;
}

/** The table of every empty counter: one slot that is always free, since growing replaces it. */
const NO_TABLE = new Int32Array(2);

/** Room for four hashes. */
const TABLE_WORDS_MIN = 16;

const VERSION = 1;
const FORM_EXACT = 0;
const FORM_SKETCH = 1;
const HEADER_BYTES = 2;
const HASH_BYTES = 8;
