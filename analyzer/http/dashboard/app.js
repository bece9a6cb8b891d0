import { Charts } from "./charts.js";
import { ErrorList } from "./error_list.js";
import { html, useEffect, useState } from "./preact.js";
import { SourcesView } from "./sources_view.js";
import { currentTheme } from "./theme.js";
import { TokenForm } from "./token_form.js";
import { Filters, TopBar } from "./top_bar.js";
import { UrlTable } from "./url_table.js";
import { VerdictView } from "./verdict_view.js";

/** @import { Dashboard } from "./dashboard.js" */
/** @import { State } from "./types.ts" */

/**
 * The page.
 *
 * @param {{ state: State, dashboard: Dashboard, onToken: (token: string) => void }} props
 */
export function App({ state, dashboard, onToken }) {
  const theme = useTheme();
  if (state.needsToken) {
    return html`<${TokenForm} isWrong=${state.isTokenWrong} onToken=${onToken} />`;
  }
  return html`
    <a class="skip" href="#urls-title" onClick=${skip}>To the failing URLs</a>
    <${TopBar} state=${state} dashboard=${dashboard} onTheme=${theme.onChosen} />
    <main>
      <div class="now" data-lost=${state.connection.phase === "lost"}>
        <${VerdictView} state=${state} />
        <${SourcesView} status=${state.status} windows=${state.windows.value?.buckets ?? []} />
      </div>
      <${Filters} state=${state} dashboard=${dashboard} />
      <${Charts} state=${state} dashboard=${dashboard} theme=${theme.name} />
      <${UrlTable} state=${state} dashboard=${dashboard} />
      <${ErrorList} state=${state} dashboard=${dashboard} />
    </main>
  `;
}

/**
 * The theme in use, also where the system changes it at dusk.
 *
 * @returns {{ name: string, onChosen: () => void }}
 */
function useTheme() {
  const [name, setName] = useState(currentTheme());
  const onChosen = () => setName(currentTheme());
  useEffect(() => {
    const query = matchMedia("(prefers-color-scheme: dark)");
    query.addEventListener("change", onChosen);
    return () => query.removeEventListener("change", onChosen);
  }, []);
  return { name, onChosen };
}

/**
 * The address holds the view, so that a link within the page cannot lead there by it.
 *
 * @param {Event} event
 */
function skip(event) {
  event.preventDefault();
  const first = /** @type {HTMLElement | null} */ (document.querySelector(".urls button"));
  first?.focus();
}
