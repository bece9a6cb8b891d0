/**
 * Access-log traffic as a stream: what `deno task gen` writes, for use inside a program. What needs
 * Deno itself (standard output, sockets) is in `generator/deno/`.
 *
 * ```ts
 * import { generatorConfig, generatorStream } from "./generator/mod.ts";
 * ```
 *
 * @module
 */
export type { HostPort, Option, OptionTable, OptionValues } from "../command_line/options.ts";
export { type Clock, systemClock } from "./clock.ts";
export { type GeneratorConfig, generatorConfig, generatorOptions } from "./config.ts";
export { GeneratorStream, generatorStream } from "./generator_stream.ts";
export type { LineFormat } from "./line_templates.ts";
export { type Burst, STATUSES, type StatusShares } from "./status_shares.ts";
export { IP_COUNT_MAX, type Traffic, URL_COUNT_MAX } from "./traffic_model.ts";
