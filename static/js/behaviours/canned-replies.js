// Canned replies in the composer: # and the beginning of a shortcut (or / at the start of the text) opens a list;
// arrows choose, Enter or Tab inserts, Escape closes. The focus never leaves the text.

/** @typedef {{ shortcut: string, text: string }} Reply */
/** @typedef {{ from: number, to: number, typed: string }} Word */

/** Rows shown at once; typing on narrows them. */
const MAX_ROWS = 8;
/** Replies are asked for again after this time. */
const KEPT_MS = 60_000;

/** @param {HTMLElement} text */
export default function cannedReplies(text) {
  if (text instanceof HTMLTextAreaElement) new Picker(text);
}

/** @type {{ at: number, replies: Promise<Reply[]> } | null} */
let loaded = null;

/** All replies of the site; an empty list where they cannot be had. */
function load() {
  if (loaded && Date.now() - loaded.at < KEPT_MS) return loaded.replies;
  const url = `${document.body.dataset["base"] ?? ""}/canned-replies.json`;
  /** @type {Promise<Reply[]>} */
  const replies = fetch(url)
    .then(async (answer) => (answer.ok ? (await answer.json()).items : []))
    .catch(() => {
      loaded = null;
      return [];
    });
  loaded = { at: Date.now(), replies };
  return replies;
}

/**
 * The word before the caret, if it asks for the list.
 * @param {HTMLTextAreaElement} text
 * @returns {Word | null}
 */
function wordAt(text) {
  if (text.selectionStart !== text.selectionEnd) return null;
  const before = text.value.slice(0, text.selectionStart);
  const found = /(?:^|\s)#([\p{L}\p{N}_-]*)$/u.exec(before) ?? /^\/([\p{L}\p{N}_-]*)$/u.exec(before);
  if (!found) return null;
  const typed = found[1] ?? "";
  return { from: before.length - typed.length - 1, to: before.length, typed: typed.toLowerCase() };
}

/** The list of one text field. */
class Picker {
  #text;
  #list;
  /** @type {Reply[]} */
  #rows = [];
  #chosen = 0;
  /** The word for which Escape closed the list. */
  #dismissed = "";

  /** @param {HTMLTextAreaElement} text */
  constructor(text) {
    this.#text = text;
    this.#list = document.createElement("ul");
    this.#list.id = "canned-replies";
    this.#list.className = "canned-replies";
    this.#list.hidden = true;
    this.#list.setAttribute("role", "listbox");
    this.#list.setAttribute("aria-label", "Canned replies");
    text.form?.append(this.#list);
    text.setAttribute("role", "combobox");
    text.setAttribute("aria-haspopup", "listbox");
    text.setAttribute("aria-autocomplete", "list");
    text.setAttribute("aria-expanded", "false");
    text.setAttribute("aria-controls", this.#list.id);
    text.addEventListener("input", () => this.#look());
    text.addEventListener("click", () => this.#look());
    text.addEventListener("blur", () => this.#close());
    // Before the composer's own keys, which would send the text.
    text.addEventListener("keydown", (event) => this.#press(event), true);
    // The focus stays in the text.
    this.#list.addEventListener("mousedown", (event) => event.preventDefault());
    this.#list.addEventListener("click", (event) => {
      const row = event.target instanceof Element ? event.target.closest("[role=option]") : null;
      const place = row ? [...this.#list.children].indexOf(row) : -1;
      if (place >= 0) this.#insert(place);
    });
  }

  async #look() {
    const word = wordAt(this.#text);
    if (!word) {
      this.#dismissed = "";
      this.#close();
      return;
    }
    const replies = await load();
    const now = wordAt(this.#text);
    if (!now || now.typed !== word.typed || this.#dismissed === this.#name(now)) return;
    const fits = replies.filter((reply) => reply.shortcut.startsWith(now.typed));
    const others = replies.filter((reply) => !fits.includes(reply) && reply.shortcut.includes(now.typed));
    this.#show([...fits, ...others].slice(0, MAX_ROWS));
  }

  /** @param {Word} word */
  #name(word) {
    return `${word.from}:${word.typed}`;
  }

  /** @param {Reply[]} rows */
  #show(rows) {
    this.#rows = rows;
    if (rows.length === 0) {
      this.#close();
      return;
    }
    this.#list.replaceChildren(...rows.map((reply, place) => row(reply, place)));
    this.#list.hidden = false;
    this.#text.setAttribute("aria-expanded", "true");
    this.#choose(0);
  }

  #close() {
    this.#list.hidden = true;
    this.#text.setAttribute("aria-expanded", "false");
    this.#text.removeAttribute("aria-activedescendant");
  }

  /** @param {number} place */
  #choose(place) {
    this.#chosen = (place + this.#rows.length) % this.#rows.length;
    [...this.#list.children].forEach((option, n) => {
      option.setAttribute("aria-selected", String(n === this.#chosen));
      if (n !== this.#chosen) return;
      this.#text.setAttribute("aria-activedescendant", option.id);
      option.scrollIntoView({ block: "nearest" });
    });
  }

  /** @param {KeyboardEvent} event */
  #press(event) {
    if (this.#list.hidden || event.isComposing) return;
    if (event.key === "ArrowDown") this.#choose(this.#chosen + 1);
    else if (event.key === "ArrowUp") this.#choose(this.#chosen - 1);
    else if ((event.key === "Enter" && !event.shiftKey) || (event.key === "Tab" && !event.shiftKey)) this.#insert(this.#chosen);
    else if (event.key === "Escape") {
      const word = wordAt(this.#text);
      this.#dismissed = word ? this.#name(word) : "";
      this.#close();
    } else return;
    event.preventDefault();
    event.stopImmediatePropagation();
  }

  /** @param {number} place */
  #insert(place) {
    const word = wordAt(this.#text);
    const reply = this.#rows[place];
    this.#close();
    if (!word || !reply) return;
    this.#text.setRangeText(reply.text, word.from, word.to, "end");
    // The composer keeps a draft of what is typed, and this is as good as typed.
    this.#text.dispatchEvent(new Event("input", { bubbles: true }));
  }
}

/**
 * @param {Reply} reply
 * @param {number} place
 */
function row(reply, place) {
  const option = document.createElement("li");
  option.id = `canned-reply-${place}`;
  option.setAttribute("role", "option");
  const shortcut = document.createElement("strong");
  shortcut.textContent = `#${reply.shortcut}`;
  const text = document.createElement("span");
  text.className = "cut";
  text.textContent = reply.text;
  option.append(shortcut, text);
  return option;
}
