// What reaches an agent on any page: the number on the rail and in the title, a sound, a small card.

import { base, live } from "./live.js";

const TOAST_MS = 8000;
const MOST_TOASTS = 3;
/** Two soft notes, a fourth apart. */
const NOTES_HZ = [659.25, 880];
const NOTE_S = 0.18;
const VOLUME = 0.12;
const ALLOWED_MS = 500;
/** @type {Record<string, string>} */
const STATUS_NAMES = { accepting: "Accepting", not_accepting: "Not accepting", away: "Away" };

/** @type {AudioContext | null} */
let audio = null;
const title = document.title;

/** Starts listening on every page. */
export function startNotifying() {
  live.on("counts", (update) => {
    showWaiting(Number(update["waiting"]));
    showTickets(Number(update["tickets"]));
  });
  live.on("agent", (update) => showStatus(update));
  for (const gesture of ["pointerdown", "keydown"]) addEventListener(gesture, readySound, { passive: true });
  const count = document.querySelector("[data-waiting-count]");
  if (count && !count.hasAttribute("hidden")) showWaiting(Number.parseInt(count.textContent ?? "0", 10));
}

/** Browsers let most pages sound only after somebody has touched them. */
function readySound() {
  if (document.body.dataset["sound"] !== "on") return;
  audio ??= new AudioContext();
  if (audio.state === "suspended") void audio.resume();
}

/** @param {number} waiting */
function showWaiting(waiting) {
  const label = waiting > 99 ? "99+" : String(waiting);
  document.title = waiting > 0 ? `(${label}) ${title}` : title;
  const count = document.querySelector("[data-waiting-count]");
  if (!(count instanceof HTMLElement)) return;
  count.hidden = waiting === 0;
  count.textContent = label;
  count.setAttribute("aria-label", `${label} waiting`);
}

/** @param {number} open */
function showTickets(open) {
  const count = document.querySelector("[data-ticket-count]");
  if (!(count instanceof HTMLElement)) return;
  const label = open > 99 ? "99+" : String(open);
  count.hidden = open === 0;
  count.textContent = label;
  count.setAttribute("aria-label", `${label} open`);
}

/** @param {import("./live.js").Update} update */
function showStatus(update) {
  const status = String(update["status"]);
  for (const dot of document.querySelectorAll("[data-own-status]")) dot.className = `status-dot ${status}`;
  const name = document.querySelector("[data-own-status-name]");
  if (name) name.textContent = STATUS_NAMES[status] ?? "";
  for (const button of document.querySelectorAll('[data-own-statuses] button')) {
    button.setAttribute("aria-current", String(button.getAttribute("value") === status));
  }
}

/**
 * A visitor wrote: sounds once among all tabs, and shows a card unless the chat is open here.
 * @param {{ inbox_seq: number, chat: string, name: string, text: string, is_open: boolean }} message
 */
export function announce(message) {
  if (!message.is_open) toast(message);
  void sound(message.inbox_seq);
}

/**
 * A page that was come to by a click may sound before it is touched itself; whether it may is known only by trying.
 * @param {number} inbox_seq
 */
async function sound(inbox_seq) {
  if (document.body.dataset["sound"] !== "on") return;
  audio ??= new AudioContext();
  // Where it may not, this waits for a touch, and then it is too late to ring.
  if (audio.state !== "running") await Promise.race([audio.resume(), new Promise((done) => setTimeout(done, ALLOWED_MS))]);
  if (audio.state === "running" && isFirstTab(inbox_seq)) ring(audio);
}

/**
 * The first tab that says so sounds; the others stay quiet.
 * @param {number} inbox_seq
 */
function isFirstTab(inbox_seq) {
  try {
    if (Number(localStorage.getItem("parlor:rang") ?? 0) >= inbox_seq) return false;
    localStorage.setItem("parlor:rang", String(inbox_seq));
  } catch { /* without storage each tab sounds for itself */ }
  return true;
}

/** @param {AudioContext} audio */
function ring(audio) {
  NOTES_HZ.forEach((hertz, n) => {
    const start = audio.currentTime + n * NOTE_S * 0.7;
    const tone = new OscillatorNode(audio, { type: "sine", frequency: hertz });
    const loudness = new GainNode(audio, { gain: 0 });
    loudness.gain.setValueAtTime(0, start);
    loudness.gain.linearRampToValueAtTime(VOLUME, start + 0.015);
    loudness.gain.exponentialRampToValueAtTime(0.0001, start + NOTE_S * 2);
    tone.connect(loudness).connect(audio.destination);
    tone.start(start);
    tone.stop(start + NOTE_S * 2);
  });
}

/** @param {{ chat: string, name: string, text: string }} message */
function toast(message) {
  const shelf = document.querySelector("[data-toasts]");
  if (!shelf) return;
  shelf.querySelector(`[data-chat="${CSS.escape(message.chat)}"]`)?.remove();
  while (shelf.children.length >= MOST_TOASTS) shelf.firstElementChild?.remove();
  const card = document.createElement("a");
  card.className = "toast";
  card.href = `${base()}/chats/${message.chat}`;
  card.dataset["chat"] = message.chat;
  const name = document.createElement("strong");
  name.className = "cut";
  name.textContent = message.name;
  const text = document.createElement("span");
  text.className = "cut soft";
  text.textContent = message.text;
  card.append(icon("chat"), name, text);
  shelf.append(card);
  setTimeout(() => card.remove(), TOAST_MS);
}

/**
 * An icon of the sprite.
 * @param {string} name
 */
export function icon(name) {
  const space = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(space, "svg");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(space, "use");
  use.setAttribute("href", `${document.body.dataset["assets"] ?? ""}/icons.svg#${name}`);
  svg.append(use);
  return svg;
}
