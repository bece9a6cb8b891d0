/**
 * @typedef {object} ServerEvent
 * @property {string} type
 * @property {string} data
 */

/**
 * Reads a stream of server-sent events from its text (HTML standard, section 9.2.6). `EventSource`
 * would do, but cannot send a token.
 */
export class EventParser {
  /** The id of the latest event that had one: what `Last-Event-ID` says at the next connection. */
  lastId = "";
  /** What the server asks to wait before the next connection, in ms. */
  retryMs = /** @type {number | undefined} */ (undefined);
  #text = "";
  #type = "";
  #data = /** @type {string[]} */ ([]);
  #id = /** @type {string | undefined} */ (undefined);

  /**
   * @param {string} text the next piece, cut anywhere
   * @returns {ServerEvent[]} events that are complete by now
   */
  push(text) {
    this.#text += text;
    const events = /** @type {ServerEvent[]} */ ([]);
    // A \r at the end may be half of a \r\n.
    for (let match; (match = /\r\n|\n|\r(?=[^])/.exec(this.#text)) !== null;) {
      const line = this.#text.slice(0, match.index);
      this.#text = this.#text.slice(match.index + match[0].length);
      if (line !== "") this.#field(line);
      else this.#dispatch(events);
    }
    return events;
  }

  /** Forgets an event that was begun, when its connection is lost. */
  reset() {
    this.#text = this.#type = "";
    this.#data = [];
    this.#id = undefined;
  }

  /** @param {string} line */
  #field(line) {
    const colon = line.indexOf(":");
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (name === "event") this.#type = value;
    else if (name === "data") this.#data.push(value);
    else if (name === "id" && !value.includes("\0")) this.#id = value;
    else if (name === "retry" && /^\d+$/.test(value)) this.retryMs = Number(value);
  }

  /** @param {ServerEvent[]} events */
  #dispatch(events) {
    // An id counts once its event is whole: what was cut has to come again.
    this.lastId = this.#id ?? this.lastId;
    if (this.#data.length > 0) {
      events.push({ type: this.#type || "message", data: this.#data.join("\n") });
    }
    this.#type = "";
    this.#data = [];
    this.#id = undefined;
  }
}
