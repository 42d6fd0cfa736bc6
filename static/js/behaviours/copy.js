// A button that copies the text of the element named by data-copy, and says so.

const SHOWN_MS = 2000;

/** @param {HTMLElement} button */
export default function copy(button) {
  const label = button.querySelector("[data-label]") ?? button;
  const before = label.textContent;
  button.addEventListener("click", async () => {
    const source = document.getElementById(button.dataset["copy"] ?? "");
    if (!source) return;
    label.textContent = await written(source) ? "Copied" : "Press Ctrl+C";
    setTimeout(() => { label.textContent = before; }, SHOWN_MS);
  });
}

/**
 * Plain http has no clipboard for scripts: then the text is selected and the reader copies it.
 * @param {HTMLElement} source
 */
async function written(source) {
  try {
    await navigator.clipboard.writeText(source.textContent?.trim() ?? "");
    return true;
  } catch {
    getSelection()?.selectAllChildren(source);
    return false;
  }
}
