// The dashboard's keyboard: single keys, and g followed by a letter. Silent while somebody types.

const PAIR_MS = 1200;

/** @type {Record<string, string>} */
const places = { c: "/chats", v: "/visitors", s: "/settings" };

/** @type {Record<string, () => void>} */
const actions = {
  "?": showShortcuts,
  j: () => move(1),
  k: () => move(-1),
  r: () => press("reply"),
  n: () => press("note"),
  e: () => press("close"),
};

let lastG = -Infinity;

/** Starts listening. */
export function listenToKeyboard() {
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
    const place = places[event.key];
    if (place && event.timeStamp - lastG < PAIR_MS) {
      lastG = -Infinity;
      location.assign((document.body.dataset["base"] ?? "") + place);
      return;
    }
    lastG = event.key === "g" ? event.timeStamp : -Infinity;
    const action = actions[event.key];
    if (!action) return;
    event.preventDefault();
    action();
  });
}

/** Opens the list of shortcuts. */
export function showShortcuts() {
  const dialog = document.getElementById("shortcuts");
  if (dialog instanceof HTMLDialogElement && !dialog.open) dialog.showModal();
}

/** @param {EventTarget | null} target */
function isTyping(target) {
  return target instanceof HTMLElement
    && (target.isContentEditable || target.closest("input, textarea, select, dialog[open]") !== null);
}

/**
 * Moves the focus between the rows of the page's list; Enter opens.
 * @param {1 | -1} step
 */
function move(step) {
  const rows = [...document.querySelectorAll("[data-rows] [data-row]:not([hidden])")];
  const focused = rows.findIndex((row) => row.contains(document.activeElement));
  const from = focused >= 0 ? focused : rows.findIndex((row) => row.querySelector('[aria-current="true"]'));
  const next = rows[Math.min(rows.length - 1, Math.max(0, from + step))];
  next?.querySelector("a")?.focus();
}

/**
 * Presses the visible button with this key; every shortcut has one.
 * @param {string} key
 */
function press(key) {
  const button = document.querySelector(`[data-key="${key}"]`);
  if (button instanceof HTMLElement) button.click();
}
