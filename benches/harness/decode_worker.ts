/**
 * Decodes files in a Worker: told a path, it posts the batches, whose arrays change hands without
 * being copied, and at the end `null`. Never more than a few are on their way that the other
 * side has not answered with `null`.
 *
 * @module
 */
import { decodeFile } from "./decode_file.ts";

/** What a Worker has besides what a page has. */
interface WorkerScope {
  onmessage: ((event: MessageEvent<string | null>) => void) | null;
  postMessage(message: unknown, transfer?: readonly Transferable[]): void;
}

const scope = globalThis as unknown as WorkerScope;
let credit = 4;
let taken = Promise.withResolvers<void>();

async function decode(path: string): Promise<void> {
  for await (const batch of decodeFile(path)) {
    while (credit === 0) await taken.promise;
    credit--;
    const { ipHashes, urlBytes, lineBytes } = batch.errors;
    const buffers = new Set([ipHashes, urlBytes, lineBytes].map(({ buffer }) => buffer));
    scope.postMessage(batch, [...buffers] as ArrayBuffer[]);
  }
  scope.postMessage(null);
}

scope.onmessage = ({ data }) => {
  if (data !== null) return void decode(data);
  credit++;
  taken.resolve();
  taken = Promise.withResolvers();
};
