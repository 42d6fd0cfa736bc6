// The one place where text becomes HTML: partials that our own server rendered, through one Trusted Types policy.

/** @typedef {{ createHTML: (html: string) => string }} Policy */

/** @type {{ createPolicy: (name: string, rules: Policy) => Policy } | undefined} */
const factory = /** @type {any} */ (globalThis).trustedTypes;

/** @type {Policy} */
const rules = { createHTML: (html) => html };
const policy = factory ? factory.createPolicy("parlor-fragment", rules) : rules;

/**
 * The elements of a partial that came over the agents' socket.
 * @param {string} html
 * @returns {DocumentFragment}
 */
export function fragment(html) {
  const template = document.createElement("template");
  template.innerHTML = policy.createHTML(html);
  return template.content;
}

/**
 * The first element of a partial. A row of a table needs the same way in: a template parses it as it stands.
 * @param {string} html
 * @returns {HTMLElement | null}
 */
export function element(html) {
  const first = fragment(html).firstElementChild;
  return first instanceof HTMLElement ? first : null;
}
