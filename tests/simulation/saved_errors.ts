import assert from "node:assert/strict";
import { ErrorSearch } from "../../analyzer/history/error_search.ts";
import type { ErrorQuery } from "../../analyzer/history/error_reader.ts";
import type { ErrorBlockStore, ErrorPlace } from "../../analyzer/sink/error_index.ts";
import { ErrorIndex } from "../../analyzer/sink/error_index.ts";
import { testLimits } from "../support/limits.ts";
import { OUTPUT, type SimulatedMachine } from "./simulated_machine.ts";

/** What a start knows of the error files, and the search in them. */
export class SavedErrors {
  readonly index: ErrorIndex;
  readonly search: ErrorSearch;
  readonly #machine: SimulatedMachine;
  readonly #windowLengthMs: number;

  constructor(machine: SimulatedMachine, store: ErrorBlockStore, windowLengthMs: number) {
    const { disk } = machine;
    const files = disk.paths(`${OUTPUT}/errors`).map((path) => ({
      path: path.slice(OUTPUT.length + 1),
      bytes: disk.bytes(path)!.length,
      modifiedAtMs: 0,
    }));
    this.#machine = machine;
    this.#windowLengthMs = windowLengthMs;
    this.index = new ErrorIndex(files, store, windowLengthMs);
    this.search = new ErrorSearch({
      files: {
        readPiece: (path, startBytes, endBytes) =>
          Promise.resolve(disk.bytes(`${OUTPUT}/${path}`)?.slice(startBytes, endBytes)),
      },
      index: this.index,
      windowLengthMs,
      ...testLimits(),
      monotonicMs: () => 0,
    });
  }

  /** All that is in the files is found, each once, and by its time as well. */
  async check(): Promise<void> {
    const lines = this.#machine.errorLines().slice(this.#machine.removedLines.length);
    const urls = (of: readonly string[]) => of.map((line) => JSON.parse(line).url as string).sort();
    assert.deepEqual(await this.#find({ limit: 1000 }), urls(lines), "errors that are found");
    if (lines.length === 0) return;
    const line = lines[this.#machine.random.below(lines.length)]!;
    const timeOf = (line: string) => Date.parse(JSON.parse(line).timestamp);
    const fromMs = Math.floor(timeOf(line) / this.#windowLengthMs) * this.#windowLengthMs;
    const toMs = fromMs + this.#windowLengthMs;
    assert.deepEqual(
      await this.#find({ fromMs, toMs, limit: 7 }),
      urls(lines.filter((line) => timeOf(line) >= fromMs && timeOf(line) < toMs)),
      "errors of a window",
    );
  }

  async #find(query: ErrorQuery): Promise<(string | undefined)[]> {
    const found: (string | undefined)[] = [];
    let before: ErrorPlace | undefined;
    for (;;) {
      const { errors, next } = await this.search.find({ ...query, before });
      found.push(...errors.map(({ url }) => url));
      if (next === undefined) return found.sort();
      before = next;
    }
  }
}
