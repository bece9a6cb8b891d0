import type { DatabaseSync, StatementSync } from "node:sqlite";

/** Prepares statements, each under its name. */
export function prepareStatements<Name extends string>(
  database: DatabaseSync,
  sql: Readonly<Record<Name, string>>,
): Record<Name, StatementSync> {
  const statements = Object.entries<string>(sql).map(([name, text]) => [
    name,
    database.prepare(text),
  ]);
  return Object.fromEntries(statements) as Record<Name, StatementSync>;
}
