import { quoteWord } from "../../command_line/deno/permissions.ts";
import { isToken, TOKEN_LENGTH_MAX, TOKEN_LENGTH_MIN } from "../http/bearer_token.ts";
import { messageOf, StartException } from "../exceptions.ts";

/**
 * Reads the token from its file: one line. What the file holds is never part of a message.
 *
 * @param notice told where others than the owner of the file may use it
 * @throws {StartException} where there is no such file, or no token in it
 */
export async function readTokenFile(
  path: string,
  notice: (line: string) => void,
): Promise<string> {
  const { text, mode } = await read(path);
  const token = text.replace(/\r?\n$/, "");
  if (!isToken(token)) {
    const what = `not one line of ${TOKEN_LENGTH_MIN} to ${TOKEN_LENGTH_MAX} of A-Z a-z 0-9 -._~+/`;
    throw new StartException(`The token in ${path} is ${what}: ${howToMakeOne(path)}`, {
      exitStatus: 2,
    });
  }
  // Where the system knows no such modes there is nothing to tell.
  if (mode !== null && (mode & 0o077) !== 0) {
    notice(
      `The token in ${path} is open to other users of this machine: chmod 600 ${quoteWord(path)}`,
    );
  }
  return token;
}

async function read(
  path: string,
): Promise<{ readonly text: string; readonly mode: number | null }> {
  try {
    using file = await Deno.open(path);
    const { isDirectory, mode } = await file.stat();
    if (isDirectory) throw new TypeError("it is a directory");
    // One byte more than the longest token and its line end have: then it is too long.
    const buffer = new Uint8Array(TOKEN_LENGTH_MAX + 3);
    let length = 0;
    for (let read; (read = await file.read(buffer.subarray(length))) !== null;) {
      length += read;
      if (length === buffer.length) break;
    }
    return { text: new TextDecoder().decode(buffer.subarray(0, length)), mode };
  } catch (exception) {
    if (exception instanceof Deno.errors.NotCapable) throw exception;
    const why = exception instanceof Deno.errors.NotFound
      ? `it is not there; ${howToMakeOne(path)}`
      : messageOf(exception);
    throw new StartException(`Cannot read the token file ${path}: ${why}`, {
      exitStatus: 1,
      cause: exception,
    });
  }
}

function howToMakeOne(path: string): string {
  return `make one with (umask 077; head -c 32 /dev/urandom | base64 > ${quoteWord(path)})`;
}
