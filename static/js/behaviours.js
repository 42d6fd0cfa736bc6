// Attaches behaviours: an element with data-behavior="name other" gets each of them once. One behaviour a file.
// A behaviour is loaded only on pages that ask for it.

/** @typedef {(element: HTMLElement) => void} Behaviour */

/** @type {Record<string, () => Promise<{ default: Behaviour }>>} */
const known = {
  accent: () => import("./behaviours/accent.js"),
  attach: () => import("./behaviours/attach.js"),
  "canned-replies": () => import("./behaviours/canned-replies.js"),
  composer: () => import("./behaviours/composer.js"),
  confirm: () => import("./behaviours/confirm.js"),
  conversation: () => import("./behaviours/conversation.js"),
  copy: () => import("./behaviours/copy.js"),
  "first-page": () => import("./behaviours/first-page.js"),
  "form-editor": () => import("./behaviours/form-editor.js"),
  inbox: () => import("./behaviours/inbox.js"),
  menu: () => import("./behaviours/menu.js"),
  post: () => import("./behaviours/post.js"),
  profile: () => import("./behaviours/profile.js"),
  shortcuts: () => import("./behaviours/shortcuts.js"),
  times: () => import("./behaviours/times.js"),
  visitors: () => import("./behaviours/visitors.js"),
};

/** @type {WeakMap<Element, Set<string>>} */
const attached = new WeakMap();

/**
 * Attaches everything asked for inside `root`, itself included; done when all of it is there.
 * @param {Document | Element} root
 */
export async function attachBehaviours(root) {
  const elements = [...root.querySelectorAll("[data-behavior]")];
  if (root instanceof HTMLElement) elements.unshift(root);
  await Promise.all(elements.map((element) => element instanceof HTMLElement && attach(element)));
}

/** @param {HTMLElement} element */
async function attach(element) {
  const done = attached.get(element) ?? new Set();
  attached.set(element, done);
  for (const name of (element.dataset["behavior"] ?? "").split(" ").filter(Boolean)) {
    const load = known[name];
    if (done.has(name) || !load) continue;
    done.add(name);
    try {
      const module = await load();
      module.default(element);
    } catch (error) {
      // One broken behaviour must not take the others with it.
      console.error(`${name}:`, error);
    }
  }
}
