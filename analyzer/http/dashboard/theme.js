/** @typedef {"light" | "dark"} Theme */

const KEY = "vigie.theme";

/**
 * The theme in use: the reader's choice, else that of the system.
 *
 * @returns {Theme}
 */
export function currentTheme() {
  const chosen = document.documentElement.dataset["theme"];
  if (chosen === "light" || chosen === "dark") return chosen;
  return matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
}

/** Uses what was chosen at an earlier visit. */
export function restoreTheme() {
  const chosen = storage(() => localStorage.getItem(KEY));
  if (chosen === "light" || chosen === "dark") document.documentElement.dataset["theme"] = chosen;
}

/** @param {Theme} theme */
export function chooseTheme(theme) {
  document.documentElement.dataset["theme"] = theme;
  storage(() => localStorage.setItem(KEY, theme));
}

/**
 * Storage may be turned off, in which case the choice lasts as long as the page.
 *
 * @template T
 * @param {() => T} use
 */
export function storage(use) {
  try {
    return use();
  } catch {
    return null;
  }
}
