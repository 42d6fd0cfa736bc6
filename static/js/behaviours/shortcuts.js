// The button that shows the list of keyboard shortcuts.

import { showShortcuts } from "../keyboard.js";

/** @param {HTMLElement} button */
export default function shortcuts(button) {
  button.addEventListener("click", () => {
    button.closest("details")?.removeAttribute("open");
    showShortcuts();
  });
}
