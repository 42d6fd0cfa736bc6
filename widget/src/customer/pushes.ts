// What the server pushes, as the documented events. A further event is one more line of the table.

import type { Push } from '../wire/frames';
import { camel, type Json, object, string } from './case';
import { groupStatus } from './customer';
import type { CustomerEvents, EventId, Postback, PropertyNames, ThreadId } from './objects';
import { readChat, readCustomerChange, readEvent, readGreeting, readProperties, readQueue, readUser } from './read';

type Told<Name extends keyof CustomerEvents> = CustomerEvents[Name] | null;
type Readers = { [Name in keyof CustomerEvents]?: (payload: Json) => Told<Name> };

const MS = 1_000;

/** Pushes that are told under their own name. What is no such event gives null. */
const READERS: Readers = {
  chat_deactivated: (payload) => ({ chatId: chatId(payload) }),
  chat_properties_deleted: (payload) => ({ chatId: chatId(payload), properties: names(payload) }),
  chat_properties_updated: (payload) => ({ chatId: chatId(payload), properties: readProperties(payload.properties) }),
  chat_transferred: (payload) => ({
    ...thread(payload),
    reason: string(payload.reason),
    ...(payload.requester_id !== undefined && payload.requester_id !== null && { requesterId: string(payload.requester_id) }),
    transferredTo: camel(object(payload.transferred_to)),
    queue: readQueue(payload.queue),
  }),
  customer_page_updated: ({ url, title, timestamp, opened_at }) => ({
    url: string(url),
    title: string(title),
    timestamp: typeof timestamp === 'number' ? timestamp * MS : Date.parse(string(opened_at)) || 0,
  }),
  customer_updated: (payload) => ({ customer: readCustomerChange(object(payload.customer)) }),
  event_properties_deleted: (payload) => ({ ...eventId(payload), properties: names(payload) }),
  event_properties_updated: (payload) => ({ ...eventId(payload), properties: readProperties(payload.properties) }),
  event_updated: (payload) => ({ ...thread(payload), event: readEvent(object(payload.event), string(payload.thread_id)) }),
  events_marked_as_seen: (payload) => ({
    chatId: chatId(payload),
    userId: string(payload.user_id),
    seenUpTo: string(payload.seen_up_to),
  }),
  greeting_accepted: ({ unique_id }) => ({ uniqueId: string(unique_id) }),
  greeting_canceled: ({ unique_id }) => ({ uniqueId: string(unique_id) }),
  incoming_chat: (payload) => ({ chat: readChat(object(payload.chat)) }),
  incoming_event: (payload) => ({
    chatId: chatId(payload),
    event: readEvent(object(payload.event), string(payload.thread_id)),
  }),
  incoming_greeting: (payload) => readGreeting(payload),
  incoming_rich_message_postback: (payload) => ({
    ...eventId(payload),
    userId: string(payload.user_id),
    postback: postback(object(payload.postback)),
  }),
  incoming_typing_indicator: (payload) => {
    const { author_id, is_typing } = object(payload.typing_indicator);
    return { chatId: chatId(payload), typingIndicator: { authorId: string(author_id), isTyping: is_typing === true } };
  },
  queue_position_updated: (payload) => ({ ...thread(payload), queue: readQueue(payload.queue) ?? { position: 0, waitTime: 0 } }),
  thread_properties_deleted: (payload) => ({ ...thread(payload), properties: names(payload) }),
  thread_properties_updated: (payload) => ({ ...thread(payload), properties: readProperties(payload.properties) }),
  user_added_to_chat: (payload) => {
    const user = readUser(object(payload.user));
    return { chatId: chatId(payload), user, present: user.present !== false };
  },
  user_removed_from_chat: (payload) => ({ chatId: chatId(payload), userId: string(payload.user_id) }),
};

/** Tells the documented events that a push means, `user_data` before what brought the user. */
export function tellPush(
  { action, payload }: Push,
  tell: <Name extends keyof CustomerEvents>(name: Name, detail: CustomerEvents[Name]) => void,
): void {
  const status = action === 'incoming_multicast' ? groupStatus(payload) : undefined;
  if (status) return tell('availability_updated', { availability: status === 'offline' ? 'offline' : 'online' });
  const name = action as keyof CustomerEvents;
  const detail = Object.hasOwn(READERS, name) ? READERS[name]?.(payload) : null;
  if (!detail) return;
  if (name === 'incoming_chat') for (const user of (detail as CustomerEvents['incoming_chat']).chat.users) tell('user_data', user);
  if (name === 'user_added_to_chat') tell('user_data', (detail as CustomerEvents['user_added_to_chat']).user);
  tell(name, detail);
}

function chatId(payload: Json): string {
  return string(payload.chat_id);
}

function thread(payload: Json): ThreadId {
  return { chatId: chatId(payload), threadId: string(payload.thread_id) };
}

function eventId(payload: Json): EventId {
  return { ...thread(payload), eventId: string(payload.event_id) };
}

function names(payload: Json): PropertyNames {
  return object(payload.properties) as PropertyNames;
}

function postback({ id, toggled }: Json): Postback {
  return { id: string(id), toggled: toggled === true };
}
