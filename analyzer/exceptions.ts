/**
 * Something that keeps the program from starting, and that its user can mend: the message is one
 * line that says what is wrong and what to do, and is shown as it is.
 */
export class StartException extends Error {
  override readonly name = "StartException";
  /** 2 where the program was asked for something impossible, 1 where the machine says no. */
  readonly exitStatus: 1 | 2;

  constructor(message: string, options: ErrorOptions & { readonly exitStatus: 1 | 2 }) {
    super(message, options);
    this.exitStatus = options.exitStatus;
  }
}

/**
 * The storage said no: the disk is full or failing, a file is locked. It may say yes later, so what
 * was to be written is kept and tried again. The message is one line: what, and why not.
 */
export class StorageException extends Error {
  override readonly name = "StorageException";
}

/** The message of whatever was thrown, for a line on the screen. */
export function messageOf(exception: unknown): string {
  return exception instanceof Error ? exception.message : String(exception);
}
