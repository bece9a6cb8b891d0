/**
 * The part of papaparse that tests use. Its own package of types brings those of Node.js along,
 * which are not the ones that Deno has.
 */
declare const papaparse: {
  parse<Row>(
    text: string,
    options: {
      readonly delimiter: string;
      readonly newline: string;
      readonly skipEmptyLines?: boolean;
    },
  ): { readonly data: Row[] };
};
export default papaparse;
