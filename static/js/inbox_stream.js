// The agents' inbox on every page: follows it without holes, whatever happens to the socket.
// The page says where it stands; the server sends what came after that, in order.

import { live } from "./live.js";
import { announce } from "./notify.js";

/** @typedef {{ inbox_seq: number, chat: string, at: number, is_active: boolean, agent: string, name: string, text: string, is_new: boolean, is_gone: boolean, html: string }} Row */

/** @type {Set<(row: Row) => void>} */
const listeners = new Set();
let seen = 0;
let epoch = "";

/** Starts following from where the page stands: a list knows better than the room round it. */
export function followInbox() {
  const list = document.querySelector(":not(body)[data-inbox-seq]");
  const { dataset } = list instanceof HTMLElement ? list : document.body;
  seen = Number(dataset["inboxSeq"]);
  epoch = dataset["epoch"] ?? "";
  live.onOpen(() => live.send({ type: "follow", inbox_after: seen, epoch }));
  live.on("inbox", (update) => hear(/** @type {Row[]} */ (update["rows"])));
  live.on("resync", (update) => { if (update["of"] === "inbox") location.reload(); });
}

/**
 * Calls `listener` with each change of a chat, in order.
 * @param {(row: Row) => void} listener
 */
export function onInboxRow(listener) {
  listeners.add(listener);
}

/** @param {Row[]} rows */
function hear(rows) {
  for (const row of rows) {
    if (row.inbox_seq <= seen) continue;
    seen = row.inbox_seq;
    for (const listener of listeners) listener(row);
    if (row.is_new && concerns(row)) announce({ ...row, is_open: isOpen(row.chat) });
  }
}

/**
 * Own chats and those of nobody.
 * @param {Row} row
 */
function concerns(row) {
  return row.agent === "" || row.agent === document.body.dataset["agent"];
}

/** @param {string} chat */
function isOpen(chat) {
  const open = document.querySelector("[data-behavior~=conversation]");
  return open instanceof HTMLElement && open.dataset["chat"] === chat && !document.hidden;
}
