/**
 * Stands in for uPlot where types are checked. A browser that asks for this file gets the package's
 * own text (see `assets.ts`).
 */
export { default } from "uplot";
