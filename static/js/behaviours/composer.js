// Writing: Enter sends, Shift+Enter breaks the line; a draft survives a reload; what is sent waits in the queue.

import { live } from "../live.js";
import { enqueue } from "../send_queue.js";

/** While somebody types, it is said again this often. */
const TYPING_EVERY_MS = 3000;

/** @param {HTMLElement} form */
export default function composer(form) {
  const text = form.querySelector("textarea");
  const section = form.closest("[data-chat]");
  if (!(form instanceof HTMLFormElement) || !text || !(section instanceof HTMLElement)) return;
  const chat = section.dataset["chat"] ?? "";
  const draft = `parlor:draft:${document.body.dataset["agent"] ?? ""}:${chat}`;
  const typing = new Typing(chat, () => isNote(form));

  if (text.value === "") text.value = recall(draft);
  showKind(form, text);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const words = text.value.trim();
    if (words === "") return;
    const entry = enqueue(chat, words, isNote(form));
    text.value = "";
    keep(draft, "");
    typing.stop();
    section.dispatchEvent(new CustomEvent("parlor:sent", { detail: entry }));
    text.focus();
  });
  section.addEventListener("parlor:edit", (event) => {
    if (!(event instanceof CustomEvent)) return;
    text.value = event.detail.text;
    text.focus();
  });
  text.addEventListener("keydown", (event) => {
    if (event.key === "Escape") text.blur();
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    form.requestSubmit();
  });
  text.addEventListener("input", () => {
    keep(draft, text.value);
    if (text.value.trim() === "") typing.stop();
    else typing.go();
  });
  text.addEventListener("blur", () => typing.stop());
  form.addEventListener("change", () => showKind(form, text));
  for (const label of form.querySelectorAll("[data-key]")) {
    // Arrow keys inside the group click the input itself: then the focus stays there.
    label.addEventListener("click", (event) => {
      if (!(event.target instanceof HTMLInputElement)) setTimeout(() => text.focus());
    });
  }
}

/** Says that the agent types, and that they ceased to. */
class Typing {
  #chat;
  #isNote;
  #saidAt = 0;

  /**
   * @param {string} chat
   * @param {() => boolean} isNote
   */
  constructor(chat, isNote) {
    this.#chat = chat;
    this.#isNote = isNote;
  }

  go() {
    if (Date.now() - this.#saidAt < TYPING_EVERY_MS) return;
    this.#saidAt = Date.now();
    this.#say(true);
  }

  stop() {
    if (this.#saidAt === 0) return;
    this.#saidAt = 0;
    this.#say(false);
  }

  /** @param {boolean} is_typing */
  #say(is_typing) {
    live.send({ type: "typing", chat: this.#chat, is_typing, note: this.#isNote() });
  }
}

/** @param {HTMLFormElement} form */
function isNote(form) {
  return new FormData(form).get("kind") === "note";
}

/**
 * @param {HTMLFormElement} form
 * @param {HTMLTextAreaElement} text
 */
function showKind(form, text) {
  text.placeholder = isNote(form) ? "Write a note that only agents see" : "Write a reply";
}

/** @param {string} key */
function recall(key) {
  try {
    return sessionStorage.getItem(key) ?? "";
  } catch {
    return "";
  }
}

/**
 * @param {string} key
 * @param {string} text
 */
function keep(key, text) {
  try {
    if (text === "") sessionStorage.removeItem(key);
    else sessionStorage.setItem(key, text);
  } catch { /* without storage the draft lives as long as the page */ }
}
