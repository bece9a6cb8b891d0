import { formatLocal, formatSpan } from "./format.js";
import { html, useEffect, useRef, useState } from "./preact.js";
import { PRESET_DEFAULT, presetOf, PRESETS } from "./ranges.js";
import { LogText } from "./elements.js";
import { chooseTheme, currentTheme } from "./theme.js";

/** @import { Dashboard } from "./dashboard.js" */
/** @import { State, View } from "./types.ts" */

/** @param {{ state: State, dashboard: Dashboard, onTheme: () => void }} props */
export function TopBar({ state, dashboard, onTheme }) {
  return html`
    <header class="top-bar">
      <h1 class="brand"><${Mark} />vigie</h1>
      <${Connection} connection=${state.connection} onRetry=${() => dashboard.retry()} />
      <${RangePicker} state=${state} dashboard=${dashboard} />
      <a class="docs-link" href="docs">HTTP interface</a>
      <${ThemeSwitch} onTheme=${onTheme} />
    </header>
  `;
}

/** A crow's nest on its mast. */
function Mark() {
  return html`
    <svg viewBox="0 0 24 24" width="22" height="22" aria-hidden="true">
      <path d="M12 2v20M6 9h12l-2 6H8z" fill="none" stroke="currentColor" stroke-width="2"
        stroke-linejoin="round" stroke-linecap="round" />
    </svg>
  `;
}

/** @param {{ connection: State["connection"], onRetry: () => void }} props */
function Connection({ connection: { phase, retryAtMs, reason }, onRetry }) {
  const [nowMs, setNowMs] = useState(Date.now());
  useEffect(() => {
    if (phase !== "lost") return;
    const timer = setInterval(() => setNowMs(Date.now()), 1000);
    return () => clearInterval(timer);
  }, [phase]);
  const seconds = Math.max(0, Math.ceil(((retryAtMs ?? nowMs) - nowMs) / 1000));
  const texts = {
    connecting: "Connecting",
    connected: "Live",
    lost: `Connection lost, ${seconds === 0 ? "trying again" : `next try in ${seconds} s`}`,
  };
  return html`<div class="connection" data-phase=${phase}>
    <span class="dot" aria-hidden="true"></span>
    <span>${texts[phase]}</span>
    ${
    phase === "lost" &&
    html`<span class="connection-reason quiet" title=${reason}>${reason}</span>`
  }
    ${phase === "lost" && html`<button class="button small" onClick=${onRetry}>Try now</button>`}
  </div>`;
}

/** @param {{ state: State, dashboard: Dashboard }} props */
function RangePicker({ state: { view: { range } }, dashboard }) {
  const current = "preset" in range ? range.preset : "";
  return html`<div class="ranges" role="group" aria-label="Time range">${
    PRESETS.map(({ name, label, title }) =>
      html`
        <button key=${name} aria-pressed=${String(name === current)} title=${title}
          onClick=${() => dashboard.look({ range: { preset: name } })}>${label}</button>
      `
    )
  }</div>`;
}

/** @param {{ onTheme: () => void }} props */
function ThemeSwitch({ onTheme }) {
  const isDark = currentTheme() === "dark";
  const label = isDark ? "Switch to light" : "Switch to dark";
  const toggle = () => {
    chooseTheme(isDark ? "light" : "dark");
    onTheme();
  };
  return html`<button class="icon-button" aria-label=${label} title=${label} onClick=${toggle}>
    <svg viewBox="0 0 24 24" width="18" height="18" aria-hidden="true" fill="none"
      stroke="currentColor" stroke-width="2" stroke-linecap="round" stroke-linejoin="round">${
    isDark
      ? html`
        <circle cx="12" cy="12" r="4" />
        <path
          d="M12 2v2M12 20v2M4.9 4.9l1.4 1.4M17.7 17.7l1.4 1.4M2 12h2M20 12h2M4.9 19.1l1.4-1.4M17.7 6.3l1.4-1.4" />
      `
      : html`<path d="M20.5 14.5A8.5 8.5 0 0 1 9.5 3.5a8.5 8.5 0 1 0 11 11z" />`
  }</svg></button>`;
}

/**
 * What is looked at, and each part of it to be taken back.
 *
 * @param {{ state: State, dashboard: Dashboard }} props
 */
export function Filters({ state: { view, frame }, dashboard }) {
  const { range, status, url } = view;
  const isFixed = !("preset" in range);
  const element = useRef(/** @type {HTMLElement | null} */ (null));
  const clear = (/** @type {Partial<View>} */ change) => {
    dashboard.look(change);
    // The button that was used goes away, and the focus would go with it.
    element.current?.focus();
  };
  return html`<div class="filters" ref=${element} tabindex="-1" role="group" aria-label="What is shown">
    <p class="filters-span">${
    isFixed
      ? html`<${Chip} label=${`Go back to ${presetOf(PRESET_DEFAULT).title}`} onClear=${() =>
        clear({ range: { preset: PRESET_DEFAULT } })}>${
        formatSpan(range.fromMs, range.toMs)
      } UTC<//>`
      : html`<span title=${`${formatLocal(frame.fromMs)} – ${
        formatLocal(frame.toMs)
      } (your time)`}>${formatSpan(frame.fromMs, frame.toMs)} UTC</span>`
  }</p>
    ${
    status !== undefined &&
    html`
      <${Chip} label="Show all statuses again"
        onClear=${() => clear({ status: undefined })}>status ${status}<//>
    `
  }
    ${
    url !== undefined &&
    html`
      <${Chip} label="Show all URLs again"
        onClear=${() => clear({ url: undefined })}>
        <${LogText} text=${url} lengthMax=${60} />
        <//>
    `
  }
  </div>`;
}

/** @param {{ label: string, onClear: () => void, children?: unknown }} props */
function Chip({ label, onClear, children }) {
  return html`<span class="chip"><span class="chip-text">${children}</span><button
    aria-label=${label} title=${label} onClick=${onClear}>✕</button></span>`;
}
