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

/** A whole checkpoint of some version, as text; of the first, the digest did not cover its number. */
export async function checkpointFile(version: number, payload = "{}"): Promise<string> {
  const covered = version === 1 ? payload : `vigie checkpoint ${version}\n${payload}`;
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(covered));
  const sha256 = new Uint8Array(digest).toHex();
  const header = {
    format: "vigie checkpoint",
    version,
    bytes: new TextEncoder().encode(payload).length,
    sha256,
  };
  return `${JSON.stringify(header)}\n${payload}`;
}
