import { Failure, LogText, Notice, Skeleton, StatusButton, Time } from "./elements.js";
import { html, useEffect, useRef, useState } from "./preact.js";
import { visible } from "./text.js";

/** @import { Dashboard } from "./dashboard.js" */
/** @import { ErrorJson, State } from "./types.ts" */

/** How long somebody types without a pause before what was typed is looked for, in ms. */
const TYPING_MS = 300;

/**
 * The raw errors, newest first.
 *
 * @param {{ state: State, dashboard: Dashboard }} props
 */
export function ErrorList({ state, dashboard }) {
  const { errors: { value, failure, isLoading }, view, isFrozen } = state;
  const isKept = failure?.code !== "not_saved";
  const errors = value?.errors ?? [];
  return html`<section class="panel" aria-labelledby="errors-title" aria-busy=${String(isLoading)}>
    <div class="panel-head"><h2 id="errors-title">Newest errors</h2>
      ${
    isKept && html`
      <${Search} search=${view.search}
        onSearch=${(/** @type {string} */ search) => dashboard.look({ search })} />
      <button class="button toggle" aria-pressed=${String(isFrozen)}
        title=${isFrozen ? "Follow the newest errors again" : "Hold the list still"}
        onClick=${() =>
          dashboard.freeze(!isFrozen)}><span class="dot" aria-hidden="true"></span>${isFrozen
          ? "Frozen"
          : "Live"}</button>
    `
  }</div>
    ${
    !isKept &&
    html`
      <${Notice} title="Raw errors are not kept in this run"
        detail="It was started with --no-save. The counts above are complete all the same." />
    `
  }
    ${
    failure !== undefined && isKept &&
    html`
      <${Failure} what="Raw errors are not up to date." failure=${failure}
        onRetry=${() => dashboard.retryErrors()} />
    `
  }
    ${
    value === undefined && failure === undefined &&
    html`<${Skeleton} lines=${8} />`
  }
    ${
    value !== undefined && errors.length === 0 && failure === undefined &&
    html`<${Notice} title=${
      view.search === "" ? "No errors in this time" : "No error holds what you look for"
    } detail=${
      value.isComplete
        ? undefined
        : "Not all of the range has been looked through yet: there is more to search below."
    } />`
  }
    ${
    errors.length > 0 && html`<ol class="errors">${
      keyed(errors).map(({ key, error }) =>
        html`<${ErrorRow} key=${key} error=${error} view=${view} dashboard=${dashboard} />`
      )
    }</ol>`
  }
    ${
    value?.nextCursor &&
    html`
      <button class="button more" disabled=${isLoading && isFrozen}
        onClick=${() => dashboard.loadOlderErrors()}>${isLoading && isFrozen
          ? "Loading"
          : errors.length === 0
          ? "Search farther back"
          : "Show older"}</button>
    `
  }
  </section>`;
}

/** @param {{ search: string, onSearch: (search: string) => void }} props */
function Search({ search, onSearch }) {
  const [text, setText] = useState(search);
  const typed = useRef(search);
  const timer = useRef(/** @type {ReturnType<typeof setTimeout> | undefined} */ (undefined));
  useEffect(() => {
    // The address may change without the field, by the button that leads back. What was typed here
    // comes back too, and somebody may have typed on since.
    if (search === typed.current) return;
    clearTimeout(timer.current);
    typed.current = search;
    setText(search);
  }, [search]);
  useEffect(() => () => clearTimeout(timer.current), []);
  const type = (/** @type {InputEvent & { currentTarget: HTMLInputElement }} */ event) => {
    const { value } = event.currentTarget;
    setText(value);
    clearTimeout(timer.current);
    timer.current = setTimeout(() => {
      typed.current = value;
      onSearch(value);
    }, TYPING_MS);
  };
  return html`
    <input class="search" type="search" placeholder="Search in the lines"
      aria-label="Search in the raw errors"
      value=${text} onInput=${type} spellcheck=${false} autocomplete="off" maxlength="200" />
  `;
}

/** @param {{ error: ErrorJson, view: State["view"], dashboard: Dashboard }} props */
function ErrorRow({ error, view, dashboard }) {
  const [isOpen, setIsOpen] = useState(false);
  const { time, status, method, url, ip, record } = error;
  const toggle = () => {
    // Whoever reads a record does not want it to move.
    if (!isOpen) dashboard.freeze(true);
    setIsOpen(!isOpen);
  };
  return html`<li class="error">
    <span class="error-time">${
    time === null
      ? html`<span class="quiet">no time</span>`
      : html`<${Time} timeMs=${Date.parse(time)} />`
  }</span>
    ${
    status === null
      ? html`<span class="quiet">–</span>`
      : html`<${StatusButton} status=${status} isOn=${view.status === status} onChoose=${(
        /** @type {number} */ chosen,
      ) => dashboard.look({ status: view.status === chosen ? undefined : chosen })} />`
  }
    <button class="error-request" aria-expanded=${String(isOpen)} onClick=${toggle}>
      <span class="error-method"><${LogText} text=${method ?? ""} lengthMax=${12} /></span>
      <${LogText} text=${url ?? ""} lengthMax=${140} /></button>
    <span class="error-ip"><${LogText} text=${ip ?? ""} lengthMax=${45} /></span>
    ${isOpen && html`<${Record} record=${record} />`}
  </li>`;
}

/** @param {{ record: unknown }} props */
function Record({ record }) {
  const text = typeof record === "string" ? record : JSON.stringify(record, undefined, 2);
  const [copied, setCopied] = useState("Copy");
  const copy = () =>
    navigator.clipboard.writeText(text)
      .then(() => setCopied("Copied"), () => setCopied("Not allowed"));
  return html`
    <div
      class="record"><pre tabindex="0" aria-label="Whole record"><bdi>${text.split("\n").map(
        visible,
      ).join("\n")}</bdi></pre>${navigator.clipboard !== undefined &&
        html`<button class="button small" onClick=${copy}>${copied}</button>`}</div>
  `;
}

/**
 * A key for each error that stays when newer ones come: records may be alike to the last letter.
 *
 * @param {readonly ErrorJson[]} errors
 */
function keyed(errors) {
  const seen = /** @type {Map<string, number>} */ (new Map());
  // From the oldest on, so that a newer twin gets the next number.
  return [...errors].reverse().map((error) => {
    const text = `${error.time} ${error.status} ${error.ip} ${error.url}`;
    const count = seen.get(text) ?? 0;
    seen.set(text, count + 1);
    return { key: `${text} ${count}`, error };
  }).reverse();
}
