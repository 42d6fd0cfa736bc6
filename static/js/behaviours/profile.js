// A profile stays true while it is looked at: where the visitor is, facts and attributes.

import { fragment } from "../fragment.js";
import { live } from "../live.js";
import { showTimes } from "../times.js";

/** @param {HTMLElement} page */
export default function profile(page) {
  const visitor = page.dataset["visitor"] ?? "";
  const about = page.querySelector("[data-about]");
  if (!about) return;
  live.onOpen(() => live.send({ type: "watch", visitor }));
  live.on("about", (update) => {
    if (update["visitor"] !== visitor || about.contains(document.activeElement)) return;
    about.replaceChildren(fragment(String(update["html"])));
    showTimes(about);
  });
}
