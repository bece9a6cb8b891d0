import { messageOf, StorageException } from "../exceptions.ts";

/** Whether the machine said no; Deno has no class for a full disk, but gives its code. */
export function isOfTheSystem(exception: unknown): boolean {
  return Object.values(Deno.errors).some((kind) => exception instanceof kind) ||
    (exception instanceof Error && "code" in exception &&
      /^E[A-Z0-9]+$/.test(String(exception.code)));
}

/**
 * Runs an operation of the storage, and makes one kind of exception of whatever the machine
 * refuses. A permission that Deno lacks is none: only another start can bring it.
 *
 * @param what the operation in a few words, such as `write /a/b`
 * @throws {StorageException} where the machine says no
 */
export async function onStorage<T>(what: string, operation: () => Promise<T>): Promise<T> {
  try {
    return await operation();
  } catch (exception) {
    if (!isOfTheSystem(exception) || exception instanceof Deno.errors.NotCapable) throw exception;
    throw new StorageException(`Cannot ${what}: ${messageOf(exception)}`, { cause: exception });
  }
}
