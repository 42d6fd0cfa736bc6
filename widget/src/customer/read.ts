// From the wire's snake_case to clients' objects. What is missing or of another type becomes the empty value, so that a newer or older
// server never breaks the page.

import { object, camel, list, string, type Json } from './case';
import type {
  Agent,
  Chat,
  ChatEvent,
  ChatSummary,
  CustomerProfile,
  CustomerUser,
  Greeting,
  Properties,
  Queue,
  SeenUpToMap,
  Statistics,
  Thread,
  User,
} from './objects';

/** What the server says when a customer has logged in. */
export interface Session {
  epoch: string;
  customerId: string;
  /** The customer's chats with the number of their newest change. */
  chats: { id: string; lastSeq: number }[];
  isOnline: boolean;
  /** The group that a chat begun now would go to. */
  groupId: number;
  customer: CustomerProfile;
  greeting?: Greeting;
}

/** A page of a list, and the cursors of its neighbours. */
export interface Cursors {
  previousPageId: string | null;
  nextPageId: string | null;
}

/** The number in the chat, or 0 where there is none. */
export function seqOf(value: Json): number {
  return typeof value.seq === 'number' && value.seq > 0 ? value.seq : 0;
}

export function readEvent(json: Json, threadId: string): ChatEvent {
  const event = camel(json);
  return {
    // Texts and lists that a client reads without asking first.
    ...(json.type === 'message' && { text: '' }),
    ...(json.type === 'system_message' && { text: '', systemMessageType: '', textVars: {} }),
    ...((json.type === 'filled_form' || json.type === 'form') && { fields: [] }),
    ...(json.type === 'rich_message' && { elements: [] }),
    ...event,
    id: string(json.id),
    type: string(json.type),
    seq: seqOf(json),
    threadId: string(json.thread_id) || threadId,
    createdAt: string(json.created_at),
    authorId: string(json.author_id) || 'system',
    properties: readProperties(json.properties),
  } as unknown as ChatEvent;
}

export function readProperties(value: unknown): Properties {
  return object(value) as Properties;
}

export function readUser(json: Json): User {
  return json.type === 'customer' ? readCustomer(json) : readAgent(json);
}

export function readAgent(json: Json): Agent {
  return {
    id: string(json.id),
    type: 'agent',
    name: string(json.name),
    avatar: string(json.avatar),
    jobTitle: string(json.job_title),
    ...(typeof json.is_bot === 'boolean' && { isBot: json.is_bot }),
    ...(typeof json.present === 'boolean' && { present: json.present }),
  };
}

export function readCustomer(json: Json): CustomerUser {
  return {
    ...readCustomerChange(json),
    id: string(json.id),
    type: 'customer',
    sessionFields: readFields(json.session_fields),
    ...(typeof json.present === 'boolean' && { present: json.present }),
  };
}

/** Name, address, picture and fields, each only where it is said. */
export function readCustomerChange(json: Json): { name?: string; email?: string; avatar?: string; sessionFields?: Record<string, string> } {
  return {
    ...(json.name !== undefined && { name: string(json.name) }),
    ...(json.email !== undefined && { email: string(json.email) }),
    ...(json.avatar !== undefined && { avatar: string(json.avatar) }),
    ...(json.session_fields !== undefined && { sessionFields: readFields(json.session_fields) }),
  };
}

export function readProfile(json: Json): CustomerProfile {
  const statistics = object(json.statistics);
  const count = (name: string): number => (typeof statistics[name] === 'number' ? statistics[name] : 0);
  return {
    ...readCustomer(json),
    statistics: {
      chatsCount: count('chats_count'),
      threadsCount: count('threads_count'),
      visitsCount: count('visits_count'),
      pageViewsCount: count('page_views_count'),
      greetingsShownCount: count('greetings_shown_count'),
      greetingsAcceptedCount: count('greetings_accepted_count'),
    } satisfies Statistics,
  };
}

/** The wire keeps fields as a list of objects with one key each. */
function readFields(value: unknown): Record<string, string> {
  return Object.assign({}, ...list(value)) as Record<string, string>;
}

export function readQueue(value: unknown): Queue | null {
  if (typeof value !== 'object' || value === null) return null;
  return camel(value as Json) as unknown as Queue;
}

export function readThread(json: Json, chatId: string): Thread {
  const id = string(json.id);
  const queue = readQueue(json.queue);
  return {
    id,
    chatId,
    active: json.active === true,
    createdAt: string(json.created_at),
    userIds: Array.isArray(json.user_ids) ? json.user_ids.map(string) : [],
    events: list(json.events).map((event) => readEvent(event, id)),
    properties: readProperties(json.properties),
    access: camel(object(json.access)),
    previousThreadId: string(json.previous_thread_id) || null,
    nextThreadId: string(json.next_thread_id) || null,
    ...(queue && { queue }),
  };
}

export function readChat(json: Json): Chat {
  const id = string(json.id);
  return {
    id,
    access: camel(object(json.access)),
    users: list(json.users).map(readUser),
    properties: readProperties(json.properties),
    thread: json.thread ? readThread(object(json.thread), id) : null,
    eventsSeenUpToMap: readSeen(json),
  };
}

export function readSummary(json: Json): ChatSummary {
  const perType = Object.entries(object(json.last_event_per_type)).map(([type, value]): [string, ChatEvent] => {
    const line = object(value);
    return [type, readEvent(object(line.event), string(line.thread_id))];
  });
  const lastEvent = perType.map(([, event]) => event).sort((a, b) => b.seq - a.seq)[0];
  return {
    id: string(json.id),
    active: json.active === true,
    access: camel(object(json.access)),
    users: list(json.users).map(readUser),
    properties: readProperties(json.properties),
    ...(json.last_thread_id !== undefined && { lastThreadId: string(json.last_thread_id) }),
    ...(json.last_thread_created_at !== undefined && { lastThreadCreatedAt: string(json.last_thread_created_at) }),
    eventsSeenUpToMap: readSeen(json),
    ...(lastEvent && { lastEventsPerType: Object.fromEntries(perType), lastEvent }),
  };
}

function readSeen(json: Json): SeenUpToMap {
  return Object.fromEntries(list(json.users).map((user) => [string(user.id), string(user.events_seen_up_to) || null]));
}

export function readCursors(json: Json): Cursors {
  return { previousPageId: string(json.previous_page_id) || null, nextPageId: string(json.next_page_id) || null };
}

export function readGreeting(json: Json): Greeting {
  const event = readEvent(object(json.event), '') as Greeting['event'];
  return {
    id: Number(json.id) || 0,
    uniqueId: string(json.unique_id),
    displayedFirstTime: json.displayed_first_time === true,
    accepted: json.accepted === true,
    ...(json.addon !== undefined && { addon: string(json.addon) }),
    text: event.type === 'message' ? event.text : (event.elements?.[0]?.title ?? ''),
    event,
    agent: { ...readAgent(object(json.agent)), isBot: object(json.agent).is_bot === true },
  };
}

export function readSession(json: Json): Session {
  const config = object(json.__priv_dynamic_config);
  const group = object(object(config.customer_groups).monitoring).id;
  const online = Array.isArray(config.online_groups_ids) ? config.online_groups_ids : [];
  const customer = readProfile(object(json.customer));
  return {
    epoch: string(json.epoch),
    customerId: customer.id,
    chats: list(json.chats)
      .map((chat) => ({ id: string(chat.chat_id), lastSeq: Number(chat.last_seq) || 0 }))
      .filter(({ id }) => id),
    isOnline: online.includes(group),
    groupId: Number(group) || 0,
    customer,
    ...(json.greeting ? { greeting: readGreeting(object(json.greeting)) } : {}),
  };
}
