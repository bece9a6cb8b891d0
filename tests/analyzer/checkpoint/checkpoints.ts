import type { Checkpoint } from "../../../analyzer/checkpoint/checkpoint.ts";
import { NO_ERROR_FILES } from "../../../analyzer/sink/error_files.ts";
import { emptyTotals } from "../../../analyzer/sink/totals.ts";
import { LENGTH_MS } from "../../support/window_fixtures.ts";

/** A checkpoint of a run that has read nothing yet, but for what a test says. */
export function checkpoint(epoch: number, overrides: Partial<Checkpoint> = {}): Checkpoint {
  return {
    epoch,
    identity: { outputId: "an-output", windowLengthMs: LENGTH_MS, minStatus: 400 },
    watermark: { timeMs: 0, eventTimeMaxMs: 0, inputs: [] },
    windows: { closedUpToMs: 0, windows: [] },
    totals: emptyTotals(),
    errorFiles: NO_ERROR_FILES,
    positions: new Map(),
    sources: [],
    ...overrides,
  };
}
