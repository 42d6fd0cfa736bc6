// A <details> menu: Escape and a click elsewhere close it.

/** @param {HTMLElement} element */
export default function menu(element) {
  if (!(element instanceof HTMLDetailsElement)) return;
  const summary = element.querySelector("summary");
  document.addEventListener("click", (event) => {
    if (element.open && event.target instanceof Node && !element.contains(event.target)) element.open = false;
  });
  element.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !element.open) return;
    element.open = false;
    summary?.focus();
    event.stopPropagation();
  });
}
