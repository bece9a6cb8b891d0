import { messageOf, StartException } from "../exceptions.ts";
import type { ErrorFilesState } from "../sink/error_files.ts";
import type { Storage } from "../sink/storage.ts";
import type { Checkpoint, CheckpointStore, LoadOptions } from "./checkpoint.ts";
import { decodeCheckpoint, encodeCheckpoint } from "./checkpoint_codec.ts";

/**
 * Checkpoints as two files that are replaced in turn: while one is written, the one before it
 * stays whole.
 */
export class StoredCheckpoints implements CheckpointStore {
  readonly #storage: Storage;
  readonly #label: string;
  /** Where the error files stood in each whole checkpoint, by its path. */
  readonly #errorFiles = new Map<string, ErrorFilesState>();

  /** @param label names set-aside files; goes into a path */
  constructor(storage: Storage, label: string) {
    this.#storage = storage;
    this.#label = label;
  }

  /** Where the error files stood at the checkpoints that can be gone back to. */
  get errorFiles(): readonly ErrorFilesState[] {
    return [...this.#errorFiles.values()];
  }

  async load({ notice, onNoneWhole }: LoadOptions): Promise<Checkpoint | undefined> {
    let latest: Checkpoint | undefined;
    const damages: Damage[] = [];
    for (const path of CHECKPOINT_FILES) {
      const checkpoint = await this.#loadSlot(path, (why) => damages.push({ path, why }));
      if (checkpoint === undefined) continue;
      this.#errorFiles.set(path, checkpoint.errorFiles);
      if (latest === undefined || checkpoint.epoch > latest.epoch) latest = checkpoint;
    }
    if (damages.length > 0 && latest === undefined) await onNoneWhole();
    // What the run goes on from is known only after both were read.
    const rest = latest === undefined
      ? "no other is whole, so the run begins anew"
      : `going on from number ${latest.epoch}`;
    for (const { path, why } of damages) {
      const { root } = this.#storage;
      const aside = `set_aside/${this.#label}-${path}`;
      await this.#storage.move(path, aside);
      notice(
        `Checkpoint ${root}/${path} is damaged (${why}): set aside as ${root}/${aside}; ${rest}`,
      );
    }
    return latest;
  }

  async save(checkpoint: Checkpoint): Promise<void> {
    const path = CHECKPOINT_FILES[checkpoint.epoch % CHECKPOINT_FILES.length]!;
    await this.#storage.replace(path, await encodeCheckpoint(checkpoint));
    this.#errorFiles.set(path, checkpoint.errorFiles);
  }

  async #loadSlot(
    path: string,
    onDamage: (why: string) => void,
  ): Promise<Checkpoint | undefined> {
    const bytes = await this.#storage.read(path);
    if (bytes === undefined) return undefined;
    try {
      return await decodeCheckpoint(bytes);
    } catch (exception) {
      const name = `${this.#storage.root}/${path}`;
      if (exception instanceof RangeError) {
        throw new StartException(
          `Cannot load checkpoint ${name}: ${exception.message}; ` +
            "use the vigie that wrote it, another --output and --checkpoint, or --reset",
          { exitStatus: 2, cause: exception },
        );
      }
      onDamage(messageOf(exception));
      return undefined;
    }
  }
}

interface Damage {
  readonly path: string;
  readonly why: string;
}

/** The two files; a checkpoint goes into the one that its epoch picks. */
export const CHECKPOINT_FILES = ["checkpoint-0.jsonl", "checkpoint-1.jsonl"] as const;
