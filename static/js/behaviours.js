// Attaches behaviours: an element with data-behavior="name other" gets each of them once. One behaviour a file.
// A behaviour is loaded only on pages that ask for it.

/** @typedef {(element: HTMLElement) => void} Behaviour */

/** @type {Record<string, () => Promise<{ default: Behaviour }>>} */
const known = {
  copy: () => import("./behaviours/copy.js"),
  menu: () => import("./behaviours/menu.js"),
  shortcuts: () => import("./behaviours/shortcuts.js"),
  times: () => import("./behaviours/times.js"),
};

/** @type {WeakMap<Element, Set<string>>} */
const attached = new WeakMap();

/**
 * Attaches everything asked for inside `root`, itself included.
 * @param {Document | Element} root
 */
export function attachBehaviours(root) {
  if (root instanceof HTMLElement) attach(root);
  for (const element of root.querySelectorAll("[data-behavior]")) {
    if (element instanceof HTMLElement) attach(element);
  }
}

/** @param {HTMLElement} element */
function attach(element) {
  const done = attached.get(element) ?? new Set();
  attached.set(element, done);
  for (const name of (element.dataset["behavior"] ?? "").split(" ").filter(Boolean)) {
    const load = known[name];
    if (done.has(name) || !load) continue;
    done.add(name);
    load().then((module) => module.default(element), console.error);
  }
}
