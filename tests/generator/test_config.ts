import { parseOptions } from "../../command_line/deno/parse_options.ts";
import { type GeneratorConfig, generatorConfig, generatorOptions } from "../../generator/config.ts";

/** The configuration that a command line gives, with a fixed seed unless it names one. */
export function configOf(commandLine: string): GeneratorConfig {
  const args = commandLine.split(" ").filter((arg) => arg !== "");
  if (!args.includes("--seed")) args.push("--seed", "7");
  return generatorConfig(parseOptions(generatorOptions, args));
}

/** A stream to its end, as text. */
export async function textOf(stream: ReadableStream<Uint8Array>): Promise<string> {
  return await new Response(stream as ReadableStream<Uint8Array<ArrayBuffer>>).text();
}

/** The lines of a text that ends with a line ending. */
export function linesOf(text: string): string[] {
  return text.split("\n").slice(0, -1);
}
