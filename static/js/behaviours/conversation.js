// One open chat: events come in order, without holes and once; seen marks, typing and the visitor's place stay true.

import { element } from "../fragment.js";
import { live } from "../live.js";
import { refill } from "../refill.js";
import { onSettled, waiting } from "../send_queue.js";
import { showTimes } from "../times.js";

const GROUP_MS = 60_000;
/** Typing that is not said again is over. */
const TYPING_MS = 10_000;
/** This near to the end counts as the end, px. */
const END_PX = 48;

/** @typedef {{ seq: number, html?: string, custom_id?: string, author: string, seen_up_to?: number, edits?: number }} ChatEvent */

/** @param {HTMLElement} section */
export default function conversation(section) {
  new Conversation(section).start();
}

class Conversation {
  #section;
  #events;
  #scroll;
  #chat;
  #last;
  #visitorSeen;
  #marked = 0;
  /** The buttons of the head as they came last. */
  #actions = "";
  #isAtEnd = true;
  /** @type {Map<string, { name: string, timer: ReturnType<typeof setTimeout> }>} */
  #typing = new Map();
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #ghostTimer;

  /** @param {HTMLElement} section */
  constructor(section) {
    this.#section = section;
    this.#events = find(section, "[data-events]");
    this.#scroll = find(section, "[data-scroll]");
    this.#chat = section.dataset["chat"] ?? "";
    this.#last = Number(section.dataset["lastSeq"]);
    this.#visitorSeen = Number(section.dataset["visitorSeen"]);
  }

  start() {
    this.#toEnd();
    for (const entry of waiting(this.#chat)) this.addPending(entry);
    live.onOpen(() => {
      this.#open();
      this.#marked = 0;
      this.#markSeen();
    });
    live.on("events", (update) => { if (update["chat"] === this.#chat) this.#hear(update); });
    live.on("resync", (update) => { if (update["of"] === this.#chat) location.reload(); });
    live.on("typing", (update) => { if (update["chat"] === this.#chat) this.#showTyping(update); });
    live.on("sneak_peek", (update) => { if (update["chat"] === this.#chat) this.#showGhost(String(update["text"])); });
    live.on("chat", (update) => { if (update["chat"] === this.#chat) this.#showHead(update); });
    live.on("beside", (update) => { if (update["chat"] === this.#chat) this.#showBeside(String(update["html"])); });
    onSettled((entry, outcome) => { if (entry.chat === this.#chat) this.#settled(entry, outcome); });
    this.#section.addEventListener("parlor:sent", (event) => {
      if (event instanceof CustomEvent) {
        this.addPending(event.detail);
        this.#toEnd();
      }
    });
    this.#scroll.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    new ResizeObserver(() => { if (this.#isAtEnd) this.#toEnd(); }).observe(this.#scroll);
    document.addEventListener("visibilitychange", () => this.#markSeen());
    addEventListener("focus", () => this.#markSeen());
    find(this.#section, "[data-jump]").addEventListener("click", () => this.#toEnd());
  }

  #open() {
    live.send({ type: "open", chat: this.#chat, after_seq: this.#last });
  }

  /** @param {import("../live.js").Update} update */
  #hear(update) {
    const stay = !this.#isAtEnd;
    for (const event of /** @type {ChatEvent[]} */ (update["events"])) {
      if (event.seq <= this.#last) continue;
      if (event.seq > this.#last + 1) {
        this.#open();
        break;
      }
      this.#last = event.seq;
      this.#take(event);
    }
    this.#mark();
    if (stay) find(this.#section, "[data-jump]").hidden = !update["events"].some((/** @type {ChatEvent} */ e) => e.html && e.edits === undefined);
    else this.#toEnd();
    this.#markSeen();
  }

  /** @param {ChatEvent} event */
  #take(event) {
    if (event.seen_up_to !== undefined && event.author === this.#section.dataset["visitorAuthor"]) {
      this.#visitorSeen = Math.max(this.#visitorSeen, event.seen_up_to);
    }
    if (!event.html) return;
    const item = element(event.html);
    if (!item) return;
    if (event.edits !== undefined) {
      this.#replace(event.edits, item);
      return;
    }
    if (event.custom_id) this.#pending(event.custom_id)?.remove();
    if (event.author === this.#section.dataset["visitorAuthor"]) this.#showGhost("");
    this.#stopTyping(event.author);
    this.#append(item);
  }

  /**
   * An entry that reads differently now stays where it stands.
   * @param {number} seq
   * @param {HTMLElement} item
   */
  #replace(seq, item) {
    const before = this.#events.querySelector(`[data-seq="${seq}"]`);
    if (!before) return;
    item.classList.toggle("continues", before.classList.contains("continues"));
    showOwn(item);
    before.replaceWith(item);
    showTimes(item);
  }

  /** @param {HTMLElement} item */
  #append(item) {
    showOwn(item);
    const before = this.#lastStored();
    const at = Number(item.dataset["at"]);
    if (!before || new Date(Number(before.dataset["at"])).toDateString() !== new Date(at).toDateString()) {
      this.#insert(dayDivider(at));
    } else if (continues(item, before)) {
      item.classList.add("continues");
    }
    this.#insert(item);
    showTimes(item);
  }

  /**
   * Stored entries stand before those that wait.
   * @param {HTMLElement} item
   */
  #insert(item) {
    this.#events.insertBefore(item, this.#events.querySelector(".pending, .refused"));
  }

  #lastStored() {
    const stored = [...this.#events.querySelectorAll("[data-seq]")].at(-1);
    return stored instanceof HTMLElement ? stored : null;
  }

  /** "Seen" under the last message the visitor has seen, "Sent" under the last one if it comes later. */
  #mark() {
    const ours = [...this.#events.querySelectorAll(".ours[data-seq]:not(.note)")];
    const last = ours.at(-1);
    const seen = ours.findLast((item) => seqOf(item) <= this.#visitorSeen);
    for (const item of ours) {
      const state = item.querySelector("[data-state]");
      if (!state) continue;
      const text = item === seen ? "Seen" : item === last ? "Sent" : "";
      if (state.textContent !== text) state.textContent = text;
    }
  }

  /** @param {import("../send_queue.js").Entry} entry */
  addPending(entry) {
    const template = this.#section.querySelector("template[data-pending]");
    if (!(template instanceof HTMLTemplateElement) || this.#pending(entry.custom_id)) return;
    const item = template.content.firstElementChild?.cloneNode(true);
    if (!(item instanceof HTMLElement)) return;
    item.dataset["customId"] = entry.custom_id;
    item.classList.toggle("note", entry.note);
    find(item, "[data-text]").textContent = entry.text;
    find(item, "[data-note-kind]").hidden = !entry.note;
    this.#events.append(item);
  }

  /**
   * @param {import("../send_queue.js").Entry} entry
   * @param {{ seq?: number, error?: string }} outcome
   */
  #settled(entry, outcome) {
    const item = this.#pending(entry.custom_id);
    if (!item) return;
    const state = find(item, "[data-state]");
    if (outcome.error === undefined) {
      state.textContent = "Sent";
      return;
    }
    item.classList.replace("pending", "refused");
    state.textContent = `Not sent: ${outcome.error}. `;
    // A file is chosen anew; its upload may be too old by now.
    if (entry.file !== undefined) return;
    const again = document.createElement("button");
    again.type = "button";
    again.className = "link-button";
    again.textContent = "Edit and send again";
    again.addEventListener("click", () => {
      this.#section.dispatchEvent(new CustomEvent("parlor:edit", { detail: entry }));
      item.remove();
    });
    state.append(again);
  }

  /**
   * @param {string} custom_id
   * @returns {HTMLElement | null}
   */
  #pending(custom_id) {
    return this.#events.querySelector(`:is(.pending, .refused)[data-custom-id="${CSS.escape(custom_id)}"]`);
  }

  /** Tells the server how far the visitor's messages were seen, while somebody is really looking. */
  #markSeen() {
    if (document.hidden || !document.hasFocus() || !this.#isAtEnd) return;
    const last = [...this.#events.querySelectorAll(".theirs[data-seq]")].at(-1);
    const seq = last ? seqOf(last) : 0;
    if (seq <= this.#marked) return;
    if (live.send({ type: "seen", chat: this.#chat, seq })) this.#marked = seq;
  }

  /** @param {import("../live.js").Update} update */
  #showTyping(update) {
    const author = String(update["author"]);
    this.#stopTyping(author);
    if (update["is_typing"]) {
      const timer = setTimeout(() => this.#stopTyping(author), TYPING_MS);
      this.#typing.set(author, { name: String(update["name"]), timer });
    }
    this.#sayTyping();
  }

  /** @param {string} author */
  #stopTyping(author) {
    clearTimeout(this.#typing.get(author)?.timer);
    if (this.#typing.delete(author)) this.#sayTyping();
  }

  #sayTyping() {
    const names = [...this.#typing.values()].map((who) => who.name);
    const text = names.length === 0 ? "" : `${names.join(" and ")} ${names.length === 1 ? "is" : "are"} typing …`;
    find(this.#section, "[data-typing]").textContent = text;
  }

  /** @param {string} text */
  #showGhost(text) {
    const ghost = find(this.#section, "[data-ghost]");
    const stay = this.#isAtEnd;
    clearTimeout(this.#ghostTimer);
    ghost.hidden = text === "";
    find(ghost, "[data-ghost-text]").textContent = text;
    if (text !== "") this.#ghostTimer = setTimeout(() => { ghost.hidden = true; }, TYPING_MS * 6);
    if (stay) this.#toEnd();
  }

  /** @param {import("../live.js").Update} update */
  #showHead(update) {
    const actions = find(this.#section, "[data-chat-actions]");
    const html = String(update["actions"]);
    // The place in a queue changes often, the buttons seldom: an open menu stays open.
    if (html !== this.#actions) refill(actions, html);
    this.#actions = html;
    find(this.#section, "[data-chat-status]").textContent = String(update["status"]);
  }

  /** @param {string} html */
  #showBeside(html) {
    const pane = document.querySelector("[data-beside]");
    if (pane instanceof HTMLElement) refill(pane, html);
  }

  #scrolled() {
    const { scrollTop, scrollHeight, clientHeight } = this.#scroll;
    this.#isAtEnd = scrollHeight - scrollTop - clientHeight < END_PX;
    if (!this.#isAtEnd) return;
    find(this.#section, "[data-jump]").hidden = true;
    this.#markSeen();
  }

  #toEnd() {
    this.#scroll.scrollTop = this.#scroll.scrollHeight;
    this.#isAtEnd = true;
  }
}

/**
 * @param {ParentNode} root
 * @param {string} selector
 * @returns {HTMLElement}
 */
function find(root, selector) {
  const found = root.querySelector(selector);
  if (!(found instanceof HTMLElement)) throw new Error(`the page has no ${selector}`);
  return found;
}

/**
 * What is drawn once for all agents hides what only its author can do.
 * @param {HTMLElement} item
 */
function showOwn(item) {
  if (item.dataset["author"] !== `agent-${document.body.dataset["agent"]}`) return;
  for (const link of item.querySelectorAll("[data-own]")) link.removeAttribute("hidden");
}

/** @param {Element} item */
function seqOf(item) {
  return item instanceof HTMLElement ? Number(item.dataset["seq"]) : 0;
}

/**
 * @param {HTMLElement} item
 * @param {HTMLElement} before
 */
function continues(item, before) {
  return item.classList.contains("message") && before.classList.contains("message")
    && item.dataset["author"] === before.dataset["author"]
    && item.classList.contains("note") === before.classList.contains("note")
    && Number(item.dataset["at"]) - Number(before.dataset["at"]) < GROUP_MS;
}

/** @param {number} at */
function dayDivider(at) {
  const item = document.createElement("li");
  item.className = "day-divider";
  const time = document.createElement("time");
  time.dateTime = new Date(at).toISOString();
  time.dataset["as"] = "day";
  item.append(time);
  showTimes(item);
  return item;
}
