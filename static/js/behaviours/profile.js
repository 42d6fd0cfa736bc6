// A profile stays true while it is looked at: where the visitor is, facts and attributes.

import { live } from "../live.js";
import { refill } from "../refill.js";

/** @param {HTMLElement} page */
export default function profile(page) {
  const visitor = page.dataset["visitor"] ?? "";
  const about = page.querySelector("[data-about]");
  if (!(about instanceof HTMLElement)) return;
  live.onOpen(() => live.send({ type: "watch", visitor }));
  live.on("about", (update) => {
    if (update["visitor"] === visitor) refill(about, String(update["html"]));
  });
}
