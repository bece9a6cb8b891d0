import { html, useLayoutEffect, useRef, useState } from "./preact.js";

/**
 * Asks for the token of a server that was started with one.
 *
 * @param {{ isWrong: boolean, onToken: (token: string) => void }} props
 */
export function TokenForm({ isWrong, onToken }) {
  const [token, setToken] = useState("");
  const field = useRef(/** @type {HTMLInputElement | null} */ (null));
  // Before it is seen: whoever types at once means the field.
  useLayoutEffect(() => field.current?.focus(), []);
  const submit = (/** @type {SubmitEvent} */ event) => {
    event.preventDefault();
    if (token.trim() !== "") onToken(token.trim());
  };
  return html`
    <main class="token">
      <form onSubmit=${submit}>
        <h1>This vigie is locked</h1>
        <p>It was started with a token. Enter it once; this tab keeps it until it is closed.</p>
        <label for="token">Token</label>
        <input id="token" ref=${field} type="password" autocomplete="current-password" required value=${token}
          aria-invalid=${String(isWrong)} aria-describedby=${isWrong ? "token-wrong" : undefined}
          onInput=${(/** @type {InputEvent & { currentTarget: HTMLInputElement }} */ event) =>
            setToken(event.currentTarget.value)} />
        ${isWrong &&
          html`<p id="token-wrong" class="token-wrong" role="alert">That is not the token, or not any more.</p>`}
        <button class="button primary" type="submit">Open</button>
      </form>
    </main>
  `;
}
