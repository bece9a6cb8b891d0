/** A count and what it counts, in English: `1 error`, `2 errors`. The noun takes a plain `s`. */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}
