// Files for the chat: chosen, dropped or pasted; uploaded with a bar that can be stopped; then sent like a message.

import { base } from "../live.js";
import { enqueue } from "../send_queue.js";

/** The server takes no more. */
const MAX_BYTES = 10 * 1024 * 1024;
/** Uploads at once; further files wait their turn. */
const AT_ONCE = 2;

/** @typedef {{ url: string, name: string }} Uploaded */

/** @param {HTMLElement} form */
export default function attach(form) {
  const section = form.closest("[data-chat]");
  if (form instanceof HTMLFormElement && section instanceof HTMLElement) new Attaching(form, section);
}

class Attaching {
  #form;
  #section;
  #list;
  #input;
  #running = 0;
  /** @type {(() => void)[]} */
  #waiting = [];

  /**
   * @param {HTMLFormElement} form
   * @param {HTMLElement} section
   */
  constructor(form, section) {
    this.#form = form;
    this.#section = section;
    this.#list = form.querySelector("[data-uploads]");
    this.#input = document.createElement("input");
    this.#input.type = "file";
    this.#input.multiple = true;
    this.#input.hidden = true;
    form.after(this.#input);
    this.#input.addEventListener("change", () => {
      this.#take([...(this.#input.files ?? [])]);
      this.#input.value = "";
    });
    form.querySelector("[data-attach]")?.addEventListener("click", (event) => {
      event.preventDefault();
      this.#input.click();
    });
    form.addEventListener("paste", (event) => {
      const files = [...(event.clipboardData?.files ?? [])];
      if (files.length === 0) return;
      event.preventDefault();
      this.#take(files);
    });
    this.#listenToDrops();
  }

  #listenToDrops() {
    const section = this.#section;
    let depth = 0;
    const show = () => section.classList.toggle("dropping", depth > 0);
    section.addEventListener("dragenter", (event) => {
      if (!holdsFiles(event)) return;
      depth += 1;
      show();
    });
    section.addEventListener("dragleave", (event) => {
      if (!holdsFiles(event)) return;
      depth = Math.max(0, depth - 1);
      show();
    });
    section.addEventListener("dragover", (event) => { if (holdsFiles(event)) event.preventDefault(); });
    section.addEventListener("drop", (event) => {
      if (!holdsFiles(event)) return;
      event.preventDefault();
      depth = 0;
      show();
      this.#take([...(event.dataTransfer?.files ?? [])]);
    });
  }

  /** @param {File[]} files */
  #take(files) {
    const isNote = new FormData(this.#form).get("kind") === "note";
    for (const file of files) {
      const row = new Row(file.name || "Picture");
      this.#list?.append(row.element);
      if (file.size > MAX_BYTES) row.refuse("This file is larger than 10 MB. Nothing was sent.");
      else if (file.size === 0) row.refuse("This file is empty. Nothing was sent.");
      else this.#start(() => this.#upload(file, isNote, row));
    }
  }

  /** @param {() => Promise<void>} job */
  #start(job) {
    const run = () => {
      this.#running += 1;
      void job().finally(() => {
        this.#running -= 1;
        this.#waiting.shift()?.();
      });
    };
    if (this.#running < AT_ONCE) run();
    else this.#waiting.push(run);
  }

  /**
   * @param {File} file
   * @param {boolean} isNote
   * @param {Row} row
   */
  async #upload(file, isNote, row) {
    if (row.isGone) return;
    try {
      const uploaded = await send(file, row);
      if (!uploaded) return;
      row.remove();
      const entry = enqueue(this.#section.dataset["chat"] ?? "", uploaded.name, isNote, uploaded.url);
      this.#section.dispatchEvent(new CustomEvent("parlor:sent", { detail: entry }));
    } catch (error) {
      row.refuse(error instanceof Error ? error.message : String(error), () => this.#start(() => this.#upload(file, isNote, row)));
    }
  }
}

/** One upload on the page. */
class Row {
  element = document.createElement("li");
  isGone = false;
  /** @type {XMLHttpRequest | null} */
  request = null;
  #bar = document.createElement("progress");
  #text = document.createElement("span");
  #buttons = document.createElement("span");

  /** @param {string} name */
  constructor(name) {
    const label = document.createElement("span");
    label.className = "name cut";
    label.textContent = name;
    this.#bar.max = 1;
    this.#bar.value = 0;
    this.#bar.setAttribute("aria-label", `Upload of ${name}`);
    this.#text.className = "what number";
    this.#buttons.className = "buttons";
    this.element.append(label, this.#bar, this.#text, this.#buttons);
    this.go();
  }

  /** The upload begins, or begins again. */
  go() {
    this.element.classList.remove("refused");
    this.#text.removeAttribute("role");
    this.#text.textContent = "Waiting";
    this.#bar.hidden = false;
    this.#buttons.replaceChildren(button("Cancel", () => this.remove()));
  }

  /**
   * @param {number} sent
   * @param {number} total
   */
  progress(sent, total) {
    this.#bar.value = total > 0 ? sent / total : 0;
    this.#text.textContent = sent < total ? `${Math.floor((sent / total) * 100)} %` : "Checking";
  }

  /**
   * @param {string} text
   * @param {() => void} [again]
   */
  refuse(text, again) {
    if (this.isGone) return;
    this.element.classList.add("refused");
    this.#bar.hidden = true;
    this.#text.setAttribute("role", "alert");
    this.#text.textContent = text;
    this.#buttons.replaceChildren(button("Remove", () => this.remove()));
    if (again) this.#buttons.prepend(button("Try again", () => { this.go(); again(); }));
  }

  /** Takes the row away, and stops what still goes on. */
  remove() {
    this.isGone = true;
    this.request?.abort();
    this.element.remove();
    document.getElementById("composer-text")?.focus();
  }
}

/**
 * Uploads a file; null where it was stopped.
 * @param {File} file
 * @param {Row} row
 * @returns {Promise<Uploaded | null>}
 */
function send(file, row) {
  return new Promise((done, fail) => {
    const request = new XMLHttpRequest();
    row.request = request;
    request.upload.addEventListener("progress", (event) => row.progress(event.loaded, event.total));
    request.addEventListener("abort", () => done(null));
    request.addEventListener("error", () => fail(new Error("The connection broke. Nothing was sent.")));
    request.addEventListener("load", () => {
      if (request.status === 200) done(JSON.parse(request.responseText));
      else fail(new Error(refusal(request)));
    });
    request.open("POST", `${base()}/chats/upload`);
    request.setRequestHeader("Accept", "application/json");
    const body = new FormData();
    body.append("file", file, file.name || "picture.png");
    request.send(body);
  });
}

/** @param {XMLHttpRequest} request */
function refusal(request) {
  switch (request.status) {
    case 413: return "This file is larger than 10 MB. Nothing was sent.";
    case 415: return "Files of this type are not taken. Nothing was sent.";
    case 401: return "You are logged out. Log in again in another tab, then try again.";
    default:
  }
  try {
    const { message } = JSON.parse(request.responseText).error;
    return `${message.charAt(0).toUpperCase()}${message.slice(1)}. Nothing was sent.`;
  } catch {
    return "The upload failed. Nothing was sent.";
  }
}

/**
 * @param {string} label
 * @param {() => void} press
 */
function button(label, press) {
  const made = document.createElement("button");
  made.type = "button";
  made.className = "link-button";
  made.textContent = label;
  made.addEventListener("click", press);
  return made;
}

/** @param {DragEvent} event */
function holdsFiles(event) {
  return event.dataTransfer?.types.includes("Files") ?? false;
}
