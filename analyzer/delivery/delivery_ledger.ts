import type { LimitCounter, Limits } from "../limits.ts";
import type { Totals } from "../sink/totals.ts";
import { TotalsCounter } from "../sink/totals_counter.ts";
import type { CsvLayout } from "../decode/record_batch.ts";
import type { AnalyzedBatch } from "../stream/elements.ts";
import type { Delivery } from "./delivery.ts";
import {
  decodeKeyRecord,
  encodeKeyRecord,
  keyOfRecord,
  type KeyRecord,
  usedAtMsOfRecord,
} from "./key_record.ts";

/** What a ledger goes on from, and whom it tells. */
export interface DeliveryLedgerOptions {
  /** Whether what is counted is kept on disk; else nobody has to wait for that. */
  readonly saves: boolean;
  /** How many keys are kept, and for how long. */
  readonly limits: Pick<Limits, "idempotencyKeys" | "idempotencyKeyAge">;
  readonly limitCounter: LimitCounter;
  /** The encoded records of the checkpoint, by last use. */
  readonly keys?: readonly string[] | undefined;
}

/**
 * What the writer has counted of each delivery, and of each key. It is written to by the writer
 * alone, in the order of the stream, so it says at a barrier exactly what the totals say; a key may
 * be looked up by others while no delivery under it is on its way.
 */
export class DeliveryLedger {
  /** Whether what is counted is kept on disk. */
  readonly saves: boolean;
  /** Encoded records, by last use. */
  readonly #keys: Map<string, string>;
  readonly #options: DeliveryLedgerOptions;
  readonly #open = new Map<Delivery, Account>();
  /** Read to their end and counted, but not durable yet. */
  #waiting: { readonly delivery: Delivery; readonly totals: Totals }[] = [];

  constructor(options: DeliveryLedgerOptions) {
    this.saves = options.saves;
    this.#options = options;
    this.#keys = new Map(options.keys?.map((text) => [keyOfRecord(text), text]));
  }

  /** How many keys are kept, those of deliveries on their way not counted. */
  get keyCount(): number {
    return this.#keys.size;
  }

  /** What is known of a key; `undefined` where it was never used, or so long ago that it went. */
  find(key: string, wallMs: number): KeyRecord | undefined {
    const text = this.#keys.get(key);
    if (text === undefined) return undefined;
    const record = decodeKeyRecord(text);
    return wallMs - record.usedAtMs < this.#options.limits.idempotencyKeyAge ? record : undefined;
  }

  /** Opens an account before anything of the delivery is counted; `record` is what it goes on from. */
  begin(delivery: Delivery, record: KeyRecord | undefined): void {
    this.#open.set(delivery, {
      totals: new TotalsCounter(record?.totals),
      csvLayout: record?.csvLayout,
      bytes: record?.totals.bytes ?? 0,
      usedAtMs: undefined,
    });
  }

  /** Counts a batch of a delivery. */
  add(delivery: Delivery, analyzed: AnalyzedBatch, wallMs: number): void {
    const account = this.#open.get(delivery);
    if (account === undefined) throw new Error("Cannot count a batch: its delivery is not open");
    account.totals.add(analyzed);
    account.csvLayout = analyzed.batch.position.csvLayout;
    account.bytes += analyzed.batch.counts.bytes;
    account.usedAtMs = wallMs;
  }

  /**
   * Closes the account: nothing of the delivery follows. Its sender is told at the next
   * {@linkcode becameDurable}; at once where nothing is kept, or where the body broke off, since
   * then there is no promise to wait for.
   *
   * @returns whether somebody waits for it to become durable
   */
  end(delivery: Delivery, isComplete: boolean, wallMs: number): boolean {
    const account = this.#open.get(delivery);
    if (account === undefined) throw new Error("Cannot end a delivery that is not open");
    this.#open.delete(delivery);
    const { key } = delivery;
    if (isComplete) account.usedAtMs = wallMs;
    if (key !== undefined && account.usedAtMs !== undefined) {
      // Behind all others: the order is that of the last uses.
      this.#keys.delete(key);
      this.#keys.set(key, encode(key, delivery, account, isComplete));
      this.#forgetOldest(wallMs);
    }
    const totals = account.totals.snapshot();
    const waits = isComplete && this.saves;
    if (waits) this.#waiting.push({ delivery, totals });
    else delivery.settle({ kind: "counted", totals, isDurable: false });
    return waits;
  }

  /** What a checkpoint keeps: every key, with how far its body is counted at this place. */
  state(): readonly string[] {
    const open: string[] = [];
    const openKeys = new Set<string>();
    for (const [delivery, account] of this.#open) {
      const { key } = delivery;
      if (key === undefined || account.usedAtMs === undefined) continue;
      openKeys.add(key);
      open.push(encode(key, delivery, account, false));
    }
    const closed = [...this.#keys.values()];
    if (openKeys.size === 0) return closed;
    return [...closed.filter((text) => !openKeys.has(keyOfRecord(text))), ...open];
  }

  /** Says that all that was counted so far is durable. */
  becameDurable(): void {
    for (const { delivery, totals } of this.#waiting) {
      delivery.settle({ kind: "counted", totals, isDurable: true });
    }
    this.#waiting = [];
  }

  /** The chain has ended: whoever still waits learns that it was not for this run. */
  stop(): void {
    for (const { delivery } of this.#waiting) delivery.settle({ kind: "stopped" });
    for (const delivery of this.#open.keys()) delivery.settle({ kind: "stopped" });
  }

  #forgetOldest(wallMs: number): void {
    const { limits, limitCounter } = this.#options;
    for (const [key, text] of this.#keys) {
      const isSurplus = this.#keys.size > limits.idempotencyKeys;
      if (!isSurplus && wallMs - usedAtMsOfRecord(text) < limits.idempotencyKeyAge) return;
      limitCounter.reach(isSurplus ? "idempotencyKeys" : "idempotencyKeyAge");
      this.#keys.delete(key);
    }
  }
}

/** One delivery on its way. */
interface Account {
  readonly totals: TotalsCounter;
  csvLayout: CsvLayout | undefined;
  /** How far the body is counted. */
  bytes: number;
  /** When something was last counted; `undefined` where nothing was in this request. */
  usedAtMs: number | undefined;
}

function encode(
  key: string,
  { head }: Delivery,
  account: Account,
  isComplete: boolean,
): string {
  return encodeKeyRecord({
    key,
    usedAtMs: account.usedAtMs!,
    isComplete,
    headHash: head.hash(account.bytes),
    csvLayout: account.csvLayout,
    totals: account.totals.snapshot(),
  });
}
