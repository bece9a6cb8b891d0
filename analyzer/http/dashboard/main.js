import { readAddress, writeAddress } from "./address.js";
import { Api } from "./api.js";
import { App } from "./app.js";
import { Dashboard } from "./dashboard.js";
import { html, render } from "./preact.js";
import { restoreTheme, storage } from "./theme.js";

const TOKEN_KEY = "vigie.token";

restoreTheme();
const root = /** @type {HTMLElement} */ (document.getElementById("app"));
const api = new Api(document.baseURI, (input, init) => fetch(input, init));
api.token = storage(() => sessionStorage.getItem(TOKEN_KEY)) ?? "";

const dashboard = new Dashboard({
  api,
  view: readAddress(location.hash),
  onState: () => draw(),
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
  if (address === writeAddress(readAddress(location.hash))) return;
  history.pushState(undefined, "", address === "" ? location.pathname : `#${address}`);
}

addEventListener("popstate", () => dashboard.look(readAddress(location.hash)));
addEventListener("online", () => dashboard.retry());
document.addEventListener("visibilitychange", () => dashboard.hide(document.hidden));

dashboard.start();
draw();
