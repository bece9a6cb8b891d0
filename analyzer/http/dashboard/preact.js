/**
 * Stands in for preact, its hooks and htm where types are checked and tests run. A browser that asks
 * for this file gets the package's own text, one module that holds all three (see `assets.ts`).
 */
export { html, render } from "htm/preact/standalone";
export { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
