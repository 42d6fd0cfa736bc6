// A link to a form of its own (data-sheet) opens that form as a dialog over the page. Without a script it is followed.

import { attachBehaviours } from "./behaviours.js";
import { fragment } from "./fragment.js";

/** Starts listening: links come and go with the partials they stand in. */
export function openSheets() {
  document.addEventListener("click", (event) => {
    const link = event.target instanceof Element ? event.target.closest("a[data-sheet]") : null;
    if (!(link instanceof HTMLAnchorElement) || event.defaultPrevented) return;
    if (event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    link.closest("details.menu")?.removeAttribute("open");
    void open(link);
  });
}

/** @param {HTMLAnchorElement} link */
async function open(link) {
  const body = await load(link.href);
  if (!body) {
    location.assign(link.href);
    return;
  }
  const dialog = document.createElement("dialog");
  dialog.className = "sheet-dialog";
  show(dialog, body);
  dialog.addEventListener("click", (event) => {
    if (!(event.target instanceof Element) || !event.target.closest("[data-cancel]")) return;
    event.preventDefault();
    dialog.close();
  });
  dialog.addEventListener("submit", (event) => {
    if (!(event.target instanceof HTMLFormElement)) return;
    event.preventDefault();
    void send(dialog, event.target, event.submitter);
  });
  dialog.addEventListener("close", () => {
    dialog.remove();
    // What was changed may have taken the link away.
    const place = link.isConnected && link.checkVisibility() ? link : document.querySelector("#composer-text, #content");
    if (place instanceof HTMLElement) place.focus();
  });
  document.body.append(dialog);
  dialog.showModal();
}

/**
 * The form of a page; null where it cannot be had, and the page itself says why.
 * @param {string} href
 */
async function load(href) {
  const answer = await fetch(href, { headers: { Accept: "text/html" } }).catch(() => null);
  return answer?.ok ? bodyOf(await answer.text()) : null;
}

/**
 * @param {string} html
 * @returns {Element | null}
 */
function bodyOf(html) {
  return fragment(html).querySelector("[data-sheet-body]");
}

/**
 * @param {HTMLDialogElement} dialog
 * @param {Element} body
 */
function show(dialog, body) {
  dialog.replaceChildren(...body.children);
  dialog.setAttribute("aria-labelledby", "sheet-title");
  void attachBehaviours(dialog);
  const wrong = dialog.querySelector("[aria-invalid=true]");
  if (wrong instanceof HTMLElement) wrong.focus();
}

/**
 * @param {HTMLDialogElement} dialog
 * @param {HTMLFormElement} form
 * @param {HTMLElement | null} submitter
 */
async function send(dialog, form, submitter) {
  const buttons = [...form.querySelectorAll("button")];
  const body = new URLSearchParams();
  for (const [name, value] of new FormData(form, submitter)) body.append(name, String(value));
  for (const button of buttons) button.disabled = true;
  const answer = await fetch(form.action, { method: "POST", body, redirect: "manual" }).catch(() => null);
  for (const button of buttons) button.disabled = false;
  // A redirect that was not followed is the answer of success; what changed comes over the socket.
  if (answer?.type === "opaqueredirect") {
    dialog.close();
    if (form.dataset["then"] === "reload") location.reload();
    return;
  }
  const text = (await answer?.text()) ?? "";
  const again = answer?.status === 422 ? bodyOf(text) : null;
  if (again) show(dialog, again);
  else say(form, problem(text));
}

/**
 * What the server says in JSON, else that nothing was heard.
 * @param {string} text
 */
function problem(text) {
  try {
    const { message } = JSON.parse(text).error;
    return `That did not work: ${message}.`;
  } catch {
    return "Parlor did not answer. Nothing was changed; try again.";
  }
}

/**
 * @param {HTMLFormElement} form
 * @param {string} text
 */
function say(form, text) {
  form.querySelector("[data-problem]")?.remove();
  const notice = document.createElement("p");
  notice.className = "notice bad";
  notice.setAttribute("role", "alert");
  notice.dataset["problem"] = "";
  notice.textContent = text;
  form.querySelector("h1")?.after(notice);
}
