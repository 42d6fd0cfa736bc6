// The list of chats: rows come, move and go as their chats change.

import { attachBehaviours } from "../behaviours.js";
import { element } from "../fragment.js";
import { onInboxRow } from "../inbox_stream.js";
import { live } from "../live.js";
import { showTimes } from "../times.js";

const LATE_MS = 120_000;
const CHECK_MS = 5000;
const TYPING_MS = 6000;

/** @param {HTMLElement} inbox */
export default function keepInbox(inbox) {
  const rows = inbox.querySelector("[data-rows]");
  if (!(rows instanceof HTMLElement)) return;
  const list = inbox.dataset["list"] ?? "";
  onInboxRow((row) => {
    const old = find(rows, row.chat);
    // A later page of a list takes nothing new: that stands on its first page.
    const belongs = !row.is_gone && holds(list, row) && (old !== null || inbox.dataset["isFirst"] === "true");
    if (belongs) place(inbox, rows, row, old);
    else old?.remove();
    showEmpty(inbox, rows);
  });
  live.on("counts", (update) => showCounts(inbox, update));
  live.on("sneak_peek", (update) => showTyping(rows, String(update["chat"]), String(update["text"])));
  setInterval(() => markLate(rows), CHECK_MS);
}

/**
 * @param {string} list
 * @param {import("../inbox_stream.js").Row} row
 */
function holds(list, row) {
  switch (list) {
    case "mine": return row.is_active && row.agent === document.body.dataset["agent"];
    case "unassigned": return row.is_active && row.agent === "";
    case "closed": return !row.is_active;
    default: return row.is_active;
  }
}

/**
 * Puts a row where its time belongs, the newest first.
 * @param {HTMLElement} inbox
 * @param {HTMLElement} rows
 * @param {import("../inbox_stream.js").Row} row
 * @param {HTMLElement | null} old
 */
function place(inbox, rows, row, old) {
  const fresh = element(row.html);
  if (!fresh) return;
  const link = fresh.querySelector("a");
  if (inbox.dataset["open"] === row.chat) link?.setAttribute("aria-current", "true");
  const had_focus = old?.contains(document.activeElement) ?? false;
  if (!old) fresh.classList.add("arrived");
  old?.remove();
  const later = [...rows.children].find((other) => Number(/** @type {HTMLElement} */ (other).dataset["at"]) <= row.at);
  // Below the last row there may be rows of the next page, which come in their own order.
  if (later || !inbox.querySelector("[data-next]")) rows.insertBefore(fresh, later ?? null);
  showTimes(fresh);
  void attachBehaviours(fresh);
  if (had_focus) link?.focus();
}

/**
 * @param {HTMLElement} inbox
 * @param {HTMLElement} rows
 */
function showEmpty(inbox, rows) {
  const empty = inbox.querySelector("[data-empty]");
  if (empty instanceof HTMLElement) empty.hidden = rows.children.length > 0;
}

/**
 * @param {HTMLElement} inbox
 * @param {import("../live.js").Update} update
 */
function showCounts(inbox, update) {
  const own = inbox.querySelector("[data-own-chats]");
  if (own && typeof update["lists"]?.["mine"] === "string") own.textContent = update["lists"]["mine"];
  for (const number of inbox.querySelectorAll("[data-count]")) {
    if (!(number instanceof HTMLElement)) continue;
    const count = update["lists"]?.[number.dataset["count"] ?? ""];
    if (typeof count === "string") number.textContent = count;
  }
}

/** @type {Map<string, ReturnType<typeof setTimeout>>} */
const typing = new Map();

/**
 * @param {HTMLElement} rows
 * @param {string} chat
 * @param {string} text
 */
function showTyping(rows, chat, text) {
  const line = find(rows, chat)?.querySelector("[data-line]");
  if (!(line instanceof HTMLElement)) return;
  clearTimeout(typing.get(chat));
  line.dataset["before"] ??= line.textContent ?? "";
  const stop = () => {
    line.classList.remove("typing");
    line.textContent = line.dataset["before"] ?? "";
    delete line.dataset["before"];
  };
  if (text === "") {
    stop();
    return;
  }
  line.classList.add("typing");
  line.textContent = "is typing …";
  typing.set(chat, setTimeout(stop, TYPING_MS));
}

/** @param {HTMLElement} rows */
function markLate(rows) {
  for (const waiting of rows.querySelectorAll("[data-waiting]")) {
    if (!(waiting instanceof HTMLElement)) continue;
    waiting.classList.toggle("late", Date.now() - Number(waiting.dataset["waiting"]) > LATE_MS);
  }
}

/**
 * @param {HTMLElement} rows
 * @param {string} chat
 * @returns {HTMLElement | null}
 */
function find(rows, chat) {
  return rows.querySelector(`[data-chat="${CSS.escape(chat)}"]`);
}
