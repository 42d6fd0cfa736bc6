// The editor of a form: another type of field shows its own questions at once, and a draft is not left by accident.

/** @param {HTMLElement} element */
export default function formEditor(element) {
  if (!(element instanceof HTMLFormElement)) return;
  let isChanged = false;
  element.addEventListener("input", () => { isChanged = true; });
  element.addEventListener("submit", () => { isChanged = false; });
  element.addEventListener("change", (event) => {
    const draw = element.querySelector("[data-draw]");
    const isType = event.target instanceof Element && event.target.matches("[data-redraw]");
    if (isType && draw instanceof HTMLElement) element.requestSubmit(draw);
  });
  addEventListener("beforeunload", (event) => { if (isChanged) event.preventDefault(); });
}
