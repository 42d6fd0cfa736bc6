// The actions of the protocol, one function each, in the shapes of v3.2. A further action is one more function here.

import { list, object, readChat, readThreadPage, string } from './read';
import type { Chat, OutgoingMessage, ThreadPage } from './types';

type Json = Record<string, unknown>;

/** Sends a request and gives the payload of its response. */
export type Call = (action: string, payload: object) => Promise<Json>;

const EVENTS_A_PAGE = 25;

/** Opens the customer's chat. Settles when it is stored. */
export async function startChat(call: Call, message: OutgoingMessage): Promise<{ chatId: string }> {
  const payload = await call('start_chat', { chat: { thread: { events: [event(message)] } }, continuous: true });
  return { chatId: string(payload.chat_id) };
}

/** Opens a new thread of a chat whose last one was closed. */
export async function activateChat(call: Call, chatId: string, message: OutgoingMessage): Promise<void> {
  await call('activate_chat', { chat: { id: chatId, thread: { events: [event(message)] } }, continuous: true });
}

export async function deactivateChat(call: Call, chatId: string): Promise<void> {
  await call('deactivate_chat', { chat_id: chatId });
}

/** Adds a message to the open thread. A repeat with the same `customId` is stored once. */
export async function sendEvent(call: Call, chatId: string, message: OutgoingMessage): Promise<void> {
  await call('send_event', { chat_id: chatId, event: event(message) });
}

/** What is being typed, for agents only; an empty text takes it back. */
export async function setSneakPeek(call: Call, chatId: string, text: string): Promise<void> {
  await call('send_sneak_peek', { chat_id: chatId, sneak_peek_text: text });
}

/** A chat with its newest thread. */
export async function getChat(call: Call, chatId: string): Promise<Chat> {
  return readChat(await call('get_chat', { chat_id: chatId }));
}

/** Ids of the customer's chats, the one with the newest event first. */
export async function listChats(call: Call): Promise<string[]> {
  const payload = await call('list_chats', { limit: 10 });
  return list(payload.chats_summary).map((summary) => string(summary.id));
}

/** Threads from the newest backwards, as many as hold 25 events. */
export async function listThreads(call: Call, chatId: string, pageId?: string): Promise<ThreadPage> {
  const page = pageId ? { page_id: pageId } : { sort_order: 'desc', min_events_count: EVENTS_A_PAGE };
  return readThreadPage(await call('list_threads', { chat_id: chatId, ...page }));
}

/** Says that everything created up to then was seen. */
export async function markEventsAsSeen(call: Call, chatId: string, seenUpTo: string): Promise<void> {
  await call('mark_events_as_seen', { chat_id: chatId, seen_up_to: seenUpTo });
}

export async function getCustomer(call: Call): Promise<Json> {
  return call('get_customer', {});
}

export async function updateCustomer(call: Call, fields: { name?: string; email?: string }): Promise<void> {
  await call('update_customer', fields);
}

export async function updateCustomerPage(call: Call, page: { url: string; title: string }): Promise<void> {
  await call('update_customer_page', page);
}

/** Every group's status by its id. */
export async function listGroupStatuses(call: Call): Promise<Record<string, string>> {
  return object((await call('list_group_statuses', { all: true })).groups_status) as Record<string, string>;
}

/** One page of what happened after a number; raw, since the replica reads it. */
export async function resume(call: Call, chatId: string, afterSeq: number, epoch: string): Promise<Json> {
  return call('resume', { chat_id: chatId, after_seq: afterSeq, epoch });
}

function event({ text, customId }: OutgoingMessage): object {
  return { type: 'message', text, custom_id: customId };
}
