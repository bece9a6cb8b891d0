import { readAddress, writeAddress } from "./address.js";
import { Api } from "./api.js";
import { App } from "./app.js";
import { Dashboard } from "./dashboard.js";
import { html, render } from "./preact.js";
import { restoreTheme, storage } from "./theme.js";
import { titleOf } from "./verdict.js";

const TOKEN_KEY = "vigie.token";

restoreTheme();
const root = /** @type {HTMLElement} */ (document.getElementById("app"));
const api = new Api(document.baseURI, (input, init) => fetch(input, init));
api.token = storage(() => sessionStorage.getItem(TOKEN_KEY)) ?? "";

const dashboard = new Dashboard({
  api,
  view: readAddress(location.hash),
  onState: (state) => {
    // Not with the page, which is not drawn as long as nobody sees it.
    document.title = titleOf(state.status, { isLost: state.connection.phase === "lost" });
    draw();
  },
});

/** @param {string} token */
function useToken(token) {
  storage(() => sessionStorage.setItem(TOKEN_KEY, token));
  dashboard.useToken(token);
}

let isDrawing = false;

/** Draws the state once, however often it has changed since the last frame. */
function draw() {
  if (isDrawing) return;
  isDrawing = true;
  requestAnimationFrame(() => {
    isDrawing = false;
    const { state } = dashboard;
    keepAddress(writeAddress(state.view));
    render(
      html`<${App} state=${state} dashboard=${dashboard} onToken=${useToken} />`,
      root,
    );
  });
}

/**
 * The button that leads back goes through the views one by one.
 *
 * @param {string} address
 */
function keepAddress(address) {
  const before = readAddress(location.hash);
  if (address === writeAddress(before)) return;
  const url = address === "" ? location.pathname : `#${address}`;
  // Who types would have to go back letter by letter.
  const isSearchOnly = address === writeAddress({ ...before, search: dashboard.state.view.search });
  if (isSearchOnly) history.replaceState(undefined, "", url);
  else history.pushState(undefined, "", url);
}

addEventListener("popstate", () => dashboard.look(readAddress(location.hash)));
addEventListener("online", () => dashboard.retry());
document.addEventListener("visibilitychange", () => dashboard.hide(document.hidden));

dashboard.hide(document.hidden);
dashboard.start();
draw();
