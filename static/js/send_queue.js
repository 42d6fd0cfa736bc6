// What an agent wrote and the server has not acknowledged: kept in localStorage, sent in order, one in flight a chat,
// repeated under the same id until it is stored. Any page of the dashboard sends what another one left behind.

import { live } from "./live.js";

/** @typedef {{ custom_id: string, chat: string, text: string, note: boolean, at: number, file?: string }} Entry */
/** @typedef {(entry: Entry, outcome: { seq?: number, error?: string }) => void} Listener */

const RETRY_MS = 2000;
/** A refused entry stays on the page as refused and leaves the queue. */
const ID_BYTES = 16;

/** @type {Map<string, string>} chat → custom_id in flight */
const inFlight = new Map();
/** @type {Set<Listener>} */
const listeners = new Set();

/** Agents who share a browser do not send each other's words. */
const prefix = () => `parlor:send:${document.body.dataset["agent"] ?? ""}:`;

/** Starts sending whatever waits, each time the socket opens. */
export function startSending() {
  live.onOpen(() => {
    inFlight.clear();
    flush();
  });
  live.on("stored", (update) => settle(update, { seq: Number(update["seq"]) }));
  live.on("refused", (update) => {
    if (!update["custom_id"]) return;
    if (update["retryable"]) retry(update);
    else settle(update, { error: String(update["message"]) });
  });
  addEventListener("storage", (event) => { if (event.key?.startsWith(prefix())) flush(); });
}

/**
 * Calls `listener` when an entry is stored or finally refused.
 * @param {Listener} listener
 */
export function onSettled(listener) {
  listeners.add(listener);
}

/**
 * Keeps a message and sends it; with the address of an upload, that file, whose name the text is.
 * @param {string} chat
 * @param {string} text
 * @param {boolean} note
 * @param {string} [file]
 * @returns {Entry}
 */
export function enqueue(chat, text, note, file) {
  /** @type {Entry} */
  const entry = { custom_id: randomId(), chat, text, note, at: Date.now(), ...(file === undefined ? {} : { file }) };
  write(chat, [...waiting(chat), entry]);
  flush();
  return entry;
}

/**
 * What waits for a chat, in order.
 * @param {string} chat
 * @returns {Entry[]}
 */
export function waiting(chat) {
  const kept = memory.get(chat);
  if (kept) return kept;
  try {
    const list = JSON.parse(localStorage.getItem(prefix() + chat) ?? "[]");
    return Array.isArray(list) ? list : [];
  } catch {
    return [];
  }
}

/**
 * Where localStorage is full or switched off, what waits lives as long as the page. A chat in here is all that waits of it:
 * what is stored stayed behind. @type {Map<string, Entry[]>}
 */
const memory = new Map();

/**
 * @param {string} chat
 * @param {Entry[]} list
 */
function write(chat, list) {
  try {
    if (list.length === 0) localStorage.removeItem(prefix() + chat);
    else localStorage.setItem(prefix() + chat, JSON.stringify(list));
    memory.delete(chat);
  } catch {
    memory.set(chat, list);
  }
}

function flush() {
  for (const chat of chatsWaiting()) {
    const first = waiting(chat)[0];
    if (!first || inFlight.has(chat)) continue;
    const { custom_id, text, note, file } = first;
    const said = file === undefined ? { text } : { text: "", file };
    if (live.send({ type: "send", chat, custom_id, note, ...said })) inFlight.set(chat, custom_id);
  }
}

function chatsWaiting() {
  const chats = new Set(memory.keys());
  try {
    for (const key of Object.keys(localStorage)) {
      if (key.startsWith(prefix())) chats.add(key.slice(prefix().length));
    }
  } catch { /* switched off: what is in memory is all there is */ }
  return chats;
}

/**
 * @param {import("./live.js").Update} update
 * @param {{ seq?: number, error?: string }} outcome
 */
function settle(update, outcome) {
  const chat = String(update["chat"]);
  const list = waiting(chat);
  const entry = list.find((waits) => waits.custom_id === update["custom_id"]);
  if (inFlight.get(chat) === update["custom_id"]) inFlight.delete(chat);
  if (entry) {
    write(chat, list.filter((waits) => waits !== entry));
    for (const listener of listeners) listener(entry, outcome);
  }
  flush();
}

/** @param {import("./live.js").Update} update */
function retry(update) {
  const wait_ms = Number(update["retry_after"] ?? 0) * 1000 || RETRY_MS;
  setTimeout(() => {
    inFlight.delete(String(update["chat"]));
    flush();
  }, wait_ms * (1 + Math.random()));
}

/** 128 random bits. */
function randomId() {
  const bytes = crypto.getRandomValues(new Uint8Array(ID_BYTES));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
