// A form whose effect comes back over the socket: posted without leaving the page. Without a socket it posts plainly.

import { live } from "../live.js";

/** @param {HTMLElement} form */
export default function post(form) {
  if (!(form instanceof HTMLFormElement)) return;
  form.addEventListener("submit", async (event) => {
    if (!live.isOpen) return;
    event.preventDefault();
    const body = new URLSearchParams();
    for (const [name, value] of new FormData(form, event.submitter)) body.append(name, String(value));
    form.closest("details")?.removeAttribute("open");
    const answer = await fetch(form.action, { method: "POST", body, redirect: "manual" }).catch(() => null);
    // A redirect that was not followed is the answer of success; anything else is shown as the page it is.
    if (answer?.type !== "opaqueredirect") form.submit();
  });
}
