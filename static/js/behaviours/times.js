// Keeps the times inside an element true: <time datetime data-as="ago | clock | day | since">.
// The server wrote them once; ages grow while the page is open.

import { showTimes } from "../times.js";

const EVERY_MS = 1000;

/** @param {HTMLElement} element */
export default function times(element) {
  const show = () => showTimes(element);
  show();
  setInterval(show, EVERY_MS);
}
