import type { UrlCount } from "../window/window_summary.ts";
import type { DistinctCounter } from "./distinct_counter.ts";

/**
 * Counts byte strings and keeps the most frequent: exactly while there are at most `capacity`
 * distinct keys, by the space-saving algorithm beyond (Metwally, Agrawal, El Abbadi, "Efficient
 * computation of frequent and top-k elements in data streams", 2005). There a new key takes the
 * place of a least frequent one and starts from that one's count, its `countErrorMax`. So after N
 * adds
 *
 * - the true count lies in [count − countErrorMax, count],
 * - the counts add up to N,
 * - every key that was added more than N / capacity times is listed.
 *
 * Ours finds the least frequent key through a four-ary heap on typed arrays in place of the paper's
 * linked list of buckets: O(log capacity) an add instead of O(1), and no links to keep. The heap is
 * first built when a key has to go, so the usual case, a handful of keys, pays for a hash table
 * only.
 *
 * Equal keys are told by their bytes, so constructed collisions of the hash cannot mix them; they
 * cost time, since an add then compares its key with every listed one of the same hash and length.
 *
 * Memory: about 60 bytes a key, and twice the most bytes that the keys ever had together. The
 * length of a key is not limited here.
 */
export class HeavyHitters {
  /** Most keys that are kept, at least 1. */
  readonly capacity: number;

  #size = 0;
  /** [4 × allocated] Of each entry the hash, high word first, and where its key lies. */
  #entries = NO_ENTRIES;
  /** [2 × allocated] Of each entry count and countErrorMax; beyond 2^32 in a long window. */
  #counts = NO_COUNTS;
  /** Open addressing with linear probing, at most a quarter full: entry + 1, or 0 where free. */
  #slots = NO_SLOTS;
  /** The bytes of all keys, with gaps where keys were replaced; new ones are written at the end. */
  #keys = NO_BYTES;
  #keysView = NO_VIEW;
  #keysEnd = 0;
  /** [capacity] Entries as a four-ary heap, least count first; empty until a key is replaced. */
  #heap = NO_WORDS;
  /** [capacity] Where in the heap an entry is. */
  #heapPositions = NO_WORDS;

  /**
   * Creates an empty one; memory is taken as keys come.
   *
   * @throws {RangeError} When `capacity` is not an integer from 1 to 2^24.
   */
  constructor(capacity: number) {
    if (!Number.isInteger(capacity) || capacity < 1 || capacity > CAPACITY_MAX) {
      throw new RangeError(
        `Cannot create heavy hitters: capacity is ${capacity}, must be an integer from 1 to ${CAPACITY_MAX}`,
      );
    }
    this.capacity = capacity;
  }

  /** Keys listed now, up to `capacity`. */
  get size(): number {
    return this.#size;
  }

  /** Whether every key ever added is listed with its true count: nothing was ever replaced. */
  get isExact(): boolean {
    return this.#heap.length === 0;
  }

  /**
   * Counts the key `bytes[start..end)` once and copies it where it is new. `high` and `low` are
   * its hash as `hashBytes` writes it, with a sign or without; the same key always comes with the
   * same.
   *
   * @returns whether the key was not listed before
   */
  add(high: number, low: number, bytes: DataView, start: number, end: number): boolean {
    high |= 0;
    low |= 0;
    const entry = this.#find(high, low, bytes, start, end);
    if (entry >= 0) {
      this.#counts[2 * entry]++;
      if (this.#heap.length > 0) this.#siftDown(this.#heapPositions[entry]);
      return false;
    }
    if (this.#size < this.capacity) this.#append(high, low, bytes, start, end, 1, 0);
    else this.#replaceLeast(high, low, bytes, start, end);
    return true;
  }

  /** Adds the hash of every listed key to a counter of distinct ones. */
  addHashesTo(counter: DistinctCounter): void {
    for (let entry = 0; entry < this.#size; entry++) {
      counter.add(this.#entries[4 * entry + HIGH], this.#entries[4 * entry + LOW]);
    }
  }

  /**
   * The `limit` most frequent keys, decoded from UTF-8: by count, descending, then by URL,
   * ascending by code unit.
   */
  top(limit: number): UrlCount[] {
    if (limit < 1) return [];
    const counts = this.#counts;
    const all = utf8Decoder.decode(this.#keys.subarray(0, this.#keysEnd));
    const isAscii = all.length === this.#keysEnd;
    const urlAt = (entry: number) => {
      if (!isAscii) return utf8Decoder.decode(this.#key(entry));
      const start = this.#entries[4 * entry + KEY_START];
      return all.slice(start, start + this.#entries[4 * entry + KEY_LENGTH]);
    };
    const urls = Array.from({ length: this.#size }, (_, entry) => urlAt(entry));
    // Bytes beyond ASCII are in another order than code units.
    const beginnings = isAscii ? this.#distinctBeginnings() : new Uint32Array(this.#size);
    const order = Uint32Array.from({ length: this.#size }, (_, entry) => entry).sort((a, b) =>
      counts[2 * b] - counts[2 * a] || beginnings[a] - beginnings[b] ||
      (urls[a] < urls[b] ? -1 : urls[a] > urls[b] ? 1 : 0)
    );
    return Array.from(order.subarray(0, limit), (entry) => ({
      url: urls[entry],
      count: counts[2 * entry],
      countErrorMax: counts[2 * entry + 1],
    }));
  }

  /**
   * `[size]`, of each key four bytes as a number, the first ones in which not all are the same:
   * most keys are ordered by them, and they are compared ten times as fast as text.
   */
  #distinctBeginnings(): Uint32Array {
    const keys = this.#keys;
    const entries = this.#entries;
    let common = this.#size === 0 ? 0 : entries[KEY_LENGTH];
    for (let entry = 1; entry < this.#size; entry++) {
      const start = entries[4 * entry + KEY_START];
      common = Math.min(common, entries[4 * entry + KEY_LENGTH]);
      let i = 0;
      while (i < common && keys[start + i] === keys[entries[KEY_START] + i]) i++;
      common = i;
    }
    const beginnings = new Uint32Array(this.#size);
    for (let entry = 0; entry < this.#size; entry++) {
      const start = entries[4 * entry + KEY_START] + common;
      const end = entries[4 * entry + KEY_START] + entries[4 * entry + KEY_LENGTH];
      // Zeros behind the end of a key: the shorter one comes first.
      for (let i = start; i < start + 4; i++) {
        beginnings[entry] = beginnings[entry] << 8 | (i < end ? keys[i] : 0);
      }
    }
    return beginnings;
  }

  /**
   * A version byte, a byte that is 1 when exact, capacity and size (uint32 each); then of each
   * entry its hash (high and low word), the length of its key (uint32), count and countErrorMax
   * (float64 each) and its key. Little-endian. Entries come in heap order, or before there is a
   * heap in the order of their first add, so that a restored one replaces the same keys.
   */
  toBytes(): Uint8Array {
    const entries = this.#entries;
    const bytes = new Uint8Array(
      HEADER_BYTES + this.#size * ENTRY_BYTES + this.#liveKeyBytes(),
    );
    const view = new DataView(bytes.buffer);
    bytes[0] = VERSION;
    bytes[1] = this.isExact ? 1 : 0;
    view.setUint32(2, this.capacity, true);
    view.setUint32(6, this.#size, true);
    let offset = HEADER_BYTES;
    for (let i = 0; i < this.#size; i++) {
      const entry = this.isExact ? i : this.#heap[i];
      view.setUint32(offset, entries[4 * entry + HIGH], true);
      view.setUint32(offset + 4, entries[4 * entry + LOW], true);
      view.setUint32(offset + 8, entries[4 * entry + KEY_LENGTH], true);
      view.setFloat64(offset + 12, this.#counts[2 * entry], true);
      view.setFloat64(offset + 20, this.#counts[2 * entry + 1], true);
      bytes.set(this.#key(entry), offset + ENTRY_BYTES);
      offset += ENTRY_BYTES + entries[4 * entry + KEY_LENGTH];
    }
    return bytes;
  }

  /**
   * Reads what {@linkcode HeavyHitters.toBytes} wrote; keeps nothing of `bytes`. The result
   * behaves like the original in every further call.
   *
   * @throws {SyntaxError} When the bytes are cut or too long.
   * @throws {RangeError} When a value is none that this version can have written.
   */
  static fromBytes(bytes: Uint8Array): HeavyHitters {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    if (bytes.length < HEADER_BYTES) throw cutException(bytes, HEADER_BYTES);
    if (bytes[0] !== VERSION) throw valueException(`version is ${bytes[0]}, supported is 1`);
    if (bytes[1] > 1) throw valueException(`exactness is ${bytes[1]}, must be 0 or 1`);
    const isExact = bytes[1] === 1;
    const capacity = view.getUint32(2, true);
    const size = view.getUint32(6, true);
    if (capacity < 1 || capacity > CAPACITY_MAX) {
      throw valueException(`capacity is ${capacity}, must be 1 to ${CAPACITY_MAX}`);
    }
    if (size > capacity || (!isExact && size < capacity)) {
      throw valueException(`size is ${size}, capacity ${capacity}, exact: ${isExact}`);
    }

    const restored = new HeavyHitters(capacity);
    let offset = HEADER_BYTES;
    for (let entry = 0; entry < size; entry++) {
      const start = offset + ENTRY_BYTES;
      if (start > bytes.length) throw cutException(bytes, start);
      const end = start + view.getUint32(offset + 8, true);
      if (end > bytes.length) throw cutException(bytes, end);
      const high = view.getInt32(offset, true);
      const low = view.getInt32(offset + 4, true);
      const count = view.getFloat64(offset + 12, true);
      const countErrorMax = view.getFloat64(offset + 20, true);
      if (!Number.isSafeInteger(count) || count < 1) {
        throw valueException(`count of entry ${entry} is ${count}, must be a positive integer`);
      }
      const countErrorLimit = isExact ? 0 : count - 1;
      if (
        !Number.isSafeInteger(countErrorMax) || countErrorMax < 0 || countErrorMax > countErrorLimit
      ) {
        throw valueException(
          `countErrorMax of entry ${entry} is ${countErrorMax}, must be 0 to ${countErrorLimit}`,
        );
      }
      const parent = Math.floor((entry - 1) / ARITY);
      if (!isExact && entry > 0 && restored.#counts[2 * parent] > count) {
        throw valueException(`count of entry ${entry} is below that of its parent ${parent}`);
      }
      if (restored.#find(high, low, view, start, end) >= 0) {
        throw valueException(`key of entry ${entry} is there twice`);
      }
      restored.#append(high, low, view, start, end, count, countErrorMax);
      offset = end;
    }
    if (offset < bytes.length) {
      throw new SyntaxError(
        `Cannot read heavy hitters: ${bytes.length} bytes, entries end after ${offset}`,
      );
    }
    if (!isExact) restored.#startHeap();
    return restored;
  }

  /** The entry of this key, or −1. */
  #find(high: number, low: number, bytes: DataView, start: number, end: number): number {
    const slots = this.#slots;
    const entries = this.#entries;
    const mask = slots.length - 1;
    for (let slot = low & mask; slots[slot] !== 0; slot = (slot + 1) & mask) {
      const entry = slots[slot] - 1;
      const field = 4 * entry;
      if (
        entries[field + LOW] === low && entries[field + HIGH] === high &&
        entries[field + KEY_LENGTH] === end - start &&
        isSame(this.#keysView, entries[field + KEY_START], bytes, start, end - start)
      ) return entry;
    }
    return -1;
  }

  #append(
    high: number,
    low: number,
    bytes: DataView,
    start: number,
    end: number,
    count: number,
    countErrorMax: number,
  ): void {
    if (4 * this.#size === this.#entries.length) this.#grow();
    const entry = this.#size++;
    this.#write(entry, high, low, bytes, start, end);
    this.#counts[2 * entry] = count;
    this.#counts[2 * entry + 1] = countErrorMax;
  }

  #replaceLeast(high: number, low: number, bytes: DataView, start: number, end: number): void {
    if (this.#heap.length === 0) this.#startHeap();
    const entry = this.#heap[0];
    this.#removeFromSlots(entry);
    this.#write(entry, high, low, bytes, start, end);
    const leastCount = this.#counts[2 * entry];
    this.#counts[2 * entry] = leastCount + 1;
    this.#counts[2 * entry + 1] = leastCount;
    this.#siftDown(0);
  }

  /** Gives the entry a new key; its old one is gone from the slots already. */
  #write(
    entry: number,
    high: number,
    low: number,
    bytes: DataView,
    start: number,
    end: number,
  ): void {
    const entries = this.#entries;
    const length = end - start;
    if (length > entries[4 * entry + KEY_LENGTH]) {
      entries[4 * entry + KEY_LENGTH] = 0;
      if (this.#keysEnd + length > this.#keys.length) this.#repackKeys(length);
      entries[4 * entry + KEY_START] = this.#keysEnd;
      this.#keysEnd += length;
    }
    entries[4 * entry + HIGH] = high;
    entries[4 * entry + LOW] = low;
    entries[4 * entry + KEY_LENGTH] = length;
    // A loop, since subarray() would allocate and most keys are short.
    const keys = this.#keys;
    const keyStart = entries[4 * entry + KEY_START];
    for (let i = 0; i < length; i++) keys[keyStart + i] = bytes.getUint8(start + i);
    insertIntoSlots(this.#slots, entry, low);
  }

  /** Moves the keys together, into twice the room that they and the next one need. */
  #repackKeys(nextLength: number): void {
    const entries = this.#entries;
    const keys = new Uint8Array(Math.max(KEYS_BYTES_MIN, 2 * (this.#liveKeyBytes() + nextLength)));
    let keysEnd = 0;
    for (let entry = 0; entry < this.#size; entry++) {
      keys.set(this.#key(entry), keysEnd);
      entries[4 * entry + KEY_START] = keysEnd;
      keysEnd += entries[4 * entry + KEY_LENGTH];
    }
    this.#keys = keys;
    this.#keysView = new DataView(keys.buffer);
    this.#keysEnd = keysEnd;
  }

  #liveKeyBytes(): number {
    let keyBytes = 0;
    for (let entry = 0; entry < this.#size; entry++) {
      keyBytes += this.#entries[4 * entry + KEY_LENGTH];
    }
    return keyBytes;
  }

  #key(entry: number): Uint8Array {
    const start = this.#entries[4 * entry + KEY_START];
    return this.#keys.subarray(start, start + this.#entries[4 * entry + KEY_LENGTH]);
  }

  #grow(): void {
    const allocated = Math.min(Math.max(ALLOCATED_MIN, 2 * this.#size), this.capacity);
    const entries = new Int32Array(4 * allocated);
    entries.set(this.#entries);
    const counts = new Float64Array(2 * allocated);
    counts.set(this.#counts);
    const slots = new Uint32Array(2 ** Math.ceil(Math.log2(4 * allocated)));
    for (let entry = 0; entry < this.#size; entry++) {
      insertIntoSlots(slots, entry, entries[4 * entry + LOW]);
    }
    this.#entries = entries;
    this.#counts = counts;
    this.#slots = slots;
  }

  /** Frees the entry's slot and closes the gap (Knuth, volume 3, section 6.4, algorithm R). */
  #removeFromSlots(entry: number): void {
    const slots = this.#slots;
    const entries = this.#entries;
    const mask = slots.length - 1;
    let gap = entries[4 * entry + LOW] & mask;
    while (slots[gap] !== entry + 1) gap = (gap + 1) & mask;
    for (let slot = (gap + 1) & mask; slots[slot] !== 0; slot = (slot + 1) & mask) {
      const home = entries[4 * (slots[slot] - 1) + LOW] & mask;
      // An entry may move back to the gap unless that lies before its home, going around.
      if (((slot - home) & mask) >= ((slot - gap) & mask)) {
        slots[gap] = slots[slot];
        gap = slot;
      }
    }
    slots[gap] = 0;
  }

  #startHeap(): void {
    this.#heap = Uint32Array.from({ length: this.#size }, (_, entry) => entry);
    this.#heapPositions = this.#heap.slice();
    for (let position = this.#size - 1; position >= 0; position--) this.#siftDown(position);
  }

  /** Restores the heap after the count of the entry at `position` grew. */
  #siftDown(position: number): void {
    const heap = this.#heap;
    const positions = this.#heapPositions;
    const counts = this.#counts;
    const entry = heap[position];
    const count = counts[2 * entry];
    for (;;) {
      const firstChild = ARITY * position + 1;
      const childrenEnd = Math.min(firstChild + ARITY, heap.length);
      let leastChild = position;
      let leastCount = count;
      for (let child = firstChild; child < childrenEnd; child++) {
        const childCount = counts[2 * heap[child]];
        if (childCount < leastCount) {
          leastChild = child;
          leastCount = childCount;
        }
      }
      if (leastChild === position) break;
      const childEntry = heap[leastChild];
      heap[position] = childEntry;
      positions[childEntry] = position;
      position = leastChild;
    }
    heap[position] = entry;
    positions[entry] = position;
  }
}

function insertIntoSlots(slots: Uint32Array, entry: number, low: number): void {
  const mask = slots.length - 1;
  let slot = low & mask;
  while (slots[slot] !== 0) slot = (slot + 1) & mask;
  slots[slot] = entry + 1;
}

/** A word at a time: byte by byte it took half of an add. */
function isSame(
  keys: DataView,
  keyStart: number,
  bytes: DataView,
  start: number,
  length: number,
): boolean {
  let i = 0;
  for (; i <= length - 4; i += 4) {
    if (keys.getInt32(keyStart + i, true) !== bytes.getInt32(start + i, true)) return false;
  }
  for (; i < length; i++) {
    if (keys.getUint8(keyStart + i) !== bytes.getUint8(start + i)) return false;
  }
  return true;
}

function cutException(bytes: Uint8Array, needed: number): SyntaxError {
  return new SyntaxError(
    `Cannot read heavy hitters: ${bytes.length} bytes, needs at least ${needed}`,
  );
}

function valueException(fact: string): RangeError {
  return new RangeError(`Cannot read heavy hitters: ${fact}`);
}

/** Keeps a byte order mark: it is part of what the client asked for. */
const utf8Decoder = new TextDecoder("utf-8", { ignoreBOM: true });

// Shared by all instances, since an empty typed array takes some 200 bytes and growing replaces it.
const NO_ENTRIES = new Int32Array(0);
const NO_WORDS = new Uint32Array(0);
const NO_COUNTS = new Float64Array(0);
const NO_BYTES = new Uint8Array(0);
const NO_VIEW = new DataView(NO_BYTES.buffer);
/** One slot that is always free, so that a search ends. */
const NO_SLOTS = new Uint32Array(1);

const CAPACITY_MAX = 2 ** 24;
const ALLOCATED_MIN = 4;
const KEYS_BYTES_MIN = 64;

/** Children of a heap node. With 4, three in four entries have none: a hit seldom moves one. */
const ARITY = 4;

/** Fields of an entry. */
const HIGH = 0;
const LOW = 1;
const KEY_START = 2;
const KEY_LENGTH = 3;

const VERSION = 1;
const HEADER_BYTES = 10;
const ENTRY_BYTES = 28;
