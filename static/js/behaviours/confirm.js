// A form that asks once more before it is sent: data-confirm is the question, data-confirm-button the word on the button.
// Without scripts the form is sent at once; what it does can be undone.

/** @param {HTMLElement} element */
export default function confirm(element) {
  if (!(element instanceof HTMLFormElement)) return;
  const form = element;
  let isSure = false;
  form.addEventListener("submit", (event) => {
    if (isSure) return;
    event.preventDefault();
    const dialog = question(form);
    document.body.append(dialog);
    dialog.addEventListener("close", () => {
      isSure = dialog.returnValue === "yes";
      dialog.remove();
      if (isSure) form.requestSubmit();
    });
    dialog.showModal();
  });
}

/** @param {HTMLFormElement} form */
function question(form) {
  const dialog = document.createElement("dialog");
  const inner = document.createElement("form");
  inner.method = "dialog";
  inner.className = "form";
  const title = document.createElement("h2");
  title.id = "confirm-title";
  title.textContent = form.dataset["confirm"] ?? "Are you sure?";
  dialog.setAttribute("aria-labelledby", title.id);
  const actions = document.createElement("p");
  actions.className = "actions";
  actions.append(
    button("Cancel", "no", "button"),
    button(form.dataset["confirmButton"] ?? "Yes", "yes", "button danger"),
  );
  inner.append(title, actions);
  dialog.append(inner);
  return dialog;
}

/**
 * @param {string} label
 * @param {string} value
 * @param {string} className
 */
function button(label, value, className) {
  const made = document.createElement("button");
  made.textContent = label;
  made.value = value;
  made.className = className;
  return made;
}
