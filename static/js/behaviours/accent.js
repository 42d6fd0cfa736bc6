// The colour field of Settings → Site: a picker beside it, and at once how the colour will look.
// The server applies the same rule when the page is loaded; see domain/colour.rs.

const READABLE = 4.5;

/** @typedef {[number, number, number]} Rgb */

/** @param {HTMLElement} field */
export default function accent(field) {
  const text = field.querySelector("input[name=accent]");
  const picker = field.querySelector("[data-picker]");
  if (!(text instanceof HTMLInputElement) || !(picker instanceof HTMLInputElement)) return;
  picker.hidden = false;
  text.addEventListener("input", () => {
    const colour = parse(text.value);
    if (!colour) return;
    picker.value = hex(colour);
    show(field, colour);
  });
  picker.addEventListener("input", () => {
    text.value = picker.value;
    const colour = parse(picker.value);
    if (colour) show(field, colour);
  });
}

/**
 * @param {HTMLElement} field
 * @param {Rgb} colour
 */
function show(field, colour) {
  const onWhite = readableOnWhite(colour);
  const fills = {
    "[data-accent]": colour,
    "[data-ink]": ink(colour),
    "[data-on-white]": onWhite,
  };
  for (const [selector, fill] of Object.entries(fills)) {
    for (const shape of field.querySelectorAll(selector)) shape.setAttribute("fill", hex(fill));
  }
  const note = field.querySelector("[data-correction]");
  if (!note) return;
  note.textContent = hex(onWhite) === hex(colour)
    ? "Text on it and in it is easy to read."
    : `Text in this colour would be hard to read, so links are drawn in ${hex(onWhite)}.`;
}

/**
 * @param {string} text
 * @returns {Rgb | undefined}
 */
function parse(text) {
  const digits = /^#?([0-9a-f]{3}|[0-9a-f]{6})$/i.exec(text.trim())?.[1];
  if (!digits) return undefined;
  const long = digits.length === 3 ? digits.replace(/./g, "$&$&") : digits;
  const n = Number.parseInt(long, 16);
  return [n >> 16, (n >> 8) & 255, n & 255];
}

/** @param {Rgb} colour */
function hex(colour) {
  return `#${colour.map((part) => part.toString(16).padStart(2, "0")).join("")}`;
}

/**
 * @param {Rgb} colour
 * @returns {Rgb}
 */
function ink(colour) {
  return contrastToWhite(colour) >= READABLE ? [255, 255, 255] : [0, 0, 0];
}

/**
 * @param {Rgb} colour
 * @returns {Rgb}
 */
function readableOnWhite(colour) {
  let [r, g, b] = colour;
  while (contrastToWhite([r, g, b]) < READABLE) {
    [r, g, b] = [darker(r), darker(g), darker(b)];
  }
  return [r, g, b];
}

/** @param {number} part */
function darker(part) {
  return part - Math.min(part, Math.ceil(part / 24));
}

/** @param {Rgb} colour */
function contrastToWhite([r, g, b]) {
  return 1.05 / (0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b) + 0.05);
}

/** @param {number} part */
function linear(part) {
  const c = part / 255;
  return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
}
