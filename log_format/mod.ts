/**
 * Access-log records, and their lines in JSON and CSV: what generator and analyzer agree on.
 *
 * @module
 */
export * from "./log_record.ts";
export * from "./parse_timestamp.ts";
export * from "./format_timestamp.ts";
export * from "./json_line.ts";
export * from "./csv_line.ts";
