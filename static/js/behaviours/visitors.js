// The live list of visitors. Rows change in place; new ones wait while somebody points at or works in the list.

import { element } from "../fragment.js";
import { live } from "../live.js";
import { showTimes } from "../times.js";

const LEFT_MS = 20_000;
const CHECK_MS = 5000;

/** @typedef {{ visitor: string, html: string, started: number, is_here: boolean }} Seen */

/** @param {HTMLElement} page */
export default function visitors(page) {
  const rows = page.querySelector("[data-rows]");
  if (rows instanceof HTMLElement) new LiveList(page, rows).start();
}

class LiveList {
  #page;
  #rows;
  #here_ms;
  /** @type {Map<string, Seen>} */
  #waiting = new Map();

  /**
   * @param {HTMLElement} page
   * @param {HTMLElement} rows
   */
  constructor(page, rows) {
    this.#page = page;
    this.#rows = rows;
    this.#here_ms = Number(page.dataset["hereMs"]);
  }

  start() {
    live.onOpen(() => live.send({ type: "visitors", on: true }));
    live.on("visitors", (update) => this.#hear(update));
    this.#rows.addEventListener("pointerleave", () => this.#letIn());
    document.querySelector("[data-new-visitors]")?.addEventListener("click", () => this.#letIn());
    setInterval(() => this.#sweep(), CHECK_MS);
  }

  /** @param {import("../live.js").Update} update */
  #hear(update) {
    const seen = /** @type {Seen[]} */ (update["rows"]);
    for (const visitor of seen) this.#take(visitor);
    if (update["is_all"]) {
      const here = new Set(seen.map((visitor) => visitor.visitor));
      for (const row of this.#all()) if (!here.has(row.dataset["visitor"] ?? "")) leave(row);
    }
    for (const count of document.querySelectorAll("[data-here-count]")) count.textContent = String(update["here"]);
    if (!this.#isBusy()) this.#letIn();
    this.#show();
  }

  /** @param {Seen} visitor */
  #take(visitor) {
    const row = this.#find(visitor.visitor);
    if (!visitor.is_here) {
      this.#waiting.delete(visitor.visitor);
      if (row) leave(row);
      return;
    }
    if (!row) {
      this.#waiting.set(visitor.visitor, visitor);
      return;
    }
    const fresh = element(visitor.html);
    if (!fresh) return;
    const had_focus = row.contains(document.activeElement);
    row.replaceWith(fresh);
    showTimes(fresh);
    if (had_focus) fresh.querySelector("a")?.focus();
  }

  /** Somebody points at the list or works in it with the keyboard: nothing may move. */
  #isBusy() {
    return this.#all().length > 0 && (this.#rows.matches(":hover") || this.#rows.contains(document.activeElement));
  }

  #letIn() {
    for (const visitor of this.#waiting.values()) {
      const fresh = element(visitor.html);
      if (!fresh) continue;
      fresh.classList.add("arrived");
      const older = this.#all().find((row) => Number(row.dataset["started"]) <= visitor.started);
      this.#rows.insertBefore(fresh, older ?? null);
      showTimes(fresh);
    }
    this.#waiting.clear();
    this.#show();
  }

  #show() {
    const is_empty = this.#all().length === 0;
    const table = this.#page.querySelector("[data-table]");
    const empty = this.#page.querySelector("[data-empty]");
    if (table instanceof HTMLElement) table.hidden = is_empty;
    if (empty instanceof HTMLElement) empty.hidden = !is_empty;
    const button = document.querySelector("[data-new-visitors]");
    const label = button?.querySelector("span");
    if (!(button instanceof HTMLElement) || !label) return;
    button.hidden = this.#waiting.size === 0;
    label.textContent = `${this.#waiting.size} new`;
  }

  /** Takes away who left a while ago, and who gave no sign of life. */
  #sweep() {
    if (this.#isBusy()) return;
    const now = Date.now();
    for (const row of this.#all()) {
      const left = Number(row.dataset["left"] ?? Number.NaN);
      if (now - left > LEFT_MS) row.remove();
      else if (now - Number(row.dataset["seen"]) > this.#here_ms) leave(row);
    }
    this.#show();
  }

  /** @returns {HTMLElement[]} */
  #all() {
    return /** @type {HTMLElement[]} */ ([...this.#rows.children]);
  }

  /**
   * @param {string} visitor
   * @returns {HTMLElement | null}
   */
  #find(visitor) {
    return this.#rows.querySelector(`[data-visitor="${CSS.escape(visitor)}"]`);
  }
}

/** @param {HTMLElement} row */
function leave(row) {
  row.dataset["left"] ??= String(Date.now());
  row.classList.add("has-left");
}
