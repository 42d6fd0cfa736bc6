// From the wire's snake_case to clients' objects. What is missing or of another type becomes the empty value, so that a newer or older
// server never breaks the page.

import type { Chat, ChatEvent, Session, Thread, ThreadPage, User } from './types';

type Json = Record<string, unknown>;

export function object(value: unknown): Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : {};
}

export function list(value: unknown): Json[] {
  return Array.isArray(value) ? value.map(object) : [];
}

export function string(value: unknown): string {
  return typeof value === 'string' ? value : typeof value === 'number' ? String(value) : '';
}

/** The number in the chat, or 0 where there is none. */
export function seqOf(value: Json): number {
  return typeof value.seq === 'number' && value.seq > 0 ? value.seq : 0;
}

export function readEvent(json: Json, threadId: string): ChatEvent {
  return {
    id: string(json.id),
    type: string(json.type),
    seq: seqOf(json),
    threadId: string(json.thread_id) || threadId,
    createdAt: string(json.created_at),
    authorId: string(json.author_id) || 'system',
    text: string(json.text),
    ...(json.custom_id !== undefined && { customId: string(json.custom_id) }),
    ...(json.system_message_type !== undefined && { systemMessageType: string(json.system_message_type) }),
    ...(json.text_vars !== undefined && { textVars: object(json.text_vars) as Record<string, string> }),
  };
}

export function readUser(json: Json): User {
  return {
    id: string(json.id),
    type: json.type === 'customer' ? 'customer' : 'agent',
    name: string(json.name),
    avatar: string(json.avatar),
    jobTitle: string(json.job_title),
    present: json.present !== false,
    seenUpTo: string(json.events_seen_up_to),
  };
}

export function readThread(json: Json): Thread {
  const id = string(json.id);
  return {
    id,
    active: json.active === true,
    createdAt: string(json.created_at),
    events: list(json.events).map((event) => readEvent(event, id)),
  };
}

export function readChat(json: Json): Chat {
  return {
    id: string(json.id),
    users: list(json.users).map(readUser),
    ...(json.thread !== undefined && json.thread !== null && { thread: readThread(object(json.thread)) }),
  };
}

export function readThreadPage(json: Json): ThreadPage {
  return {
    threads: list(json.threads).map(readThread),
    ...(json.next_page_id !== undefined && json.next_page_id !== null && { nextPageId: string(json.next_page_id) }),
  };
}

export function readSession(json: Json): Session {
  const config = object(json.__priv_dynamic_config);
  const group = object(object(config.customer_groups).monitoring).id;
  const online = Array.isArray(config.online_groups_ids) ? config.online_groups_ids : [];
  return {
    epoch: string(json.epoch),
    customerId: string(object(json.customer).id),
    chatIds: list(json.chats).map((chat) => string(chat.chat_id)).filter(Boolean),
    isOnline: online.includes(group),
  };
}
