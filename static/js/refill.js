// Fills a pane with a partial that came over the socket. Whoever works in it from the keyboard keeps their place.

import { attachBehaviours } from "./behaviours.js";
import { fragment } from "./fragment.js";
import { showTimes } from "./times.js";

/**
 * @param {HTMLElement} pane
 * @param {string} html
 */
export function refill(pane, html) {
  const focused = document.activeElement;
  const had_focus = focused !== null && pane.contains(focused);
  // A choice that is being made is not taken away; the next update fills the pane.
  if (had_focus && focused.matches("input, select, textarea")) return;
  const href = focused?.getAttribute("href");
  pane.replaceChildren(fragment(html));
  showTimes(pane);
  void attachBehaviours(pane);
  if (!had_focus) return;
  const again = (href && pane.querySelector(`a[href="${CSS.escape(href)}"]`)) || pane.querySelector("a, button");
  if (again instanceof HTMLElement) again.focus({ preventScroll: true });
}
