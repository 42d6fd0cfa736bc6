// The actions of the protocol, one function each, in the shapes of v3.2. A further action is one more function here.

import { camel, type Json, list, object, snake, string } from './case';
import type {
  Agent,
  Chat,
  ChatEvent,
  ChatSummary,
  CustomerProfile,
  EventId,
  Form,
  FormType,
  GroupStatus,
  NewChat,
  NewEvent,
  Properties,
  PropertyNames,
  Rating,
  Thread,
  ThreadId,
  UrlInfo,
} from './objects';
import { type Cursors, readAgent, readChat, readCursors, readEvent, readProfile, readSummary, readThread } from './read';
import { WireError } from '../wire/frames';

/**
 * Sends a request and gives the payload of its response; with `settledBy` that of the push of this name which the request causes, since
 * it holds what was stored.
 */
export type Call = (action: string, payload: object, settledBy?: string) => Promise<Json>;

export interface Success {
  success: true;
}

export interface CustomerFields {
  name?: string;
  email?: string;
  avatar?: string;
  sessionFields?: Record<string, string>;
}

/** How many events a page of the history holds at least. */
export const EVENTS_A_PAGE = 25;
const DONE: Success = { success: true };

async function done(answer: Promise<Json>): Promise<Success> {
  await answer;
  return DONE;
}

/** Opens the customer's chat. */
export async function startChat(call: Call, { chat = {}, continuous }: NewChat): Promise<{ chat: Chat }> {
  return opened(await call('start_chat', { chat: newChat(chat), continuous }, 'incoming_chat'));
}

/** Opens a new thread of a chat whose last one was closed. */
export async function activateChat(call: Call, { chat, continuous }: NewChat & { chat: { id: string } }): Promise<{ chat: Chat }> {
  return opened(await call('activate_chat', { chat: { id: chat.id, ...newChat(chat) }, continuous }, 'incoming_chat'));
}

function opened(payload: Json): { chat: Chat } {
  return { chat: readChat({ id: payload.chat_id, ...object(payload.chat) }) };
}

function newChat({ access, properties, thread }: NonNullable<NewChat['chat']>): Json {
  const events = thread?.events?.map(newEvent);
  return { ...(access && { access: snake(access) }), properties, thread: thread && { events, properties: thread.properties } };
}

export function deactivateChat(call: Call, { chatId }: { chatId: string }): Promise<Success> {
  return done(call('deactivate_chat', { chat_id: chatId }, 'chat_deactivated'));
}

export interface NewEntry {
  chatId: string;
  event: NewEvent;
  attachToLastThread?: boolean;
}

/** Adds an event to the open thread. A repeat with the same `customId` is stored once. */
export async function sendEvent(call: Call, { chatId, event, attachToLastThread }: NewEntry): Promise<ChatEvent> {
  const payload = { chat_id: chatId, event: newEvent(event), ...(attachToLastThread && { attach_to_last_thread: true }) };
  const stored = await call('send_event', payload, 'incoming_event');
  return readEvent(object(stored.event), string(stored.thread_id));
}

export function newEvent(event: NewEvent): Json {
  return snake(event);
}

export function sendRichMessagePostback(
  call: Call,
  { chatId, threadId, eventId, postback }: EventId & { postback: { id: string; toggled?: boolean } },
): Promise<Success> {
  const { id, toggled = true } = postback;
  return done(call('send_rich_message_postback', { ...ids({ chatId, threadId, eventId }), postback: { id, toggled } }));
}

/** What is being typed, for agents only; an empty text takes it back. */
export async function setSneakPeek(call: Call, chatId: string, text: string): Promise<void> {
  await call('send_sneak_peek', { chat_id: chatId, sneak_peek_text: text });
}

/** A chat with one thread, the newest where none is named. */
export async function getChat(call: Call, { chatId, threadId }: { chatId: string; threadId?: string }): Promise<Chat> {
  return readChat(await call('get_chat', { chat_id: chatId, thread_id: threadId }));
}

export interface ChatsPage extends Cursors {
  chatsSummary: ChatSummary[];
  totalChats: number;
  users: ChatSummary['users'];
}

/** Summaries of the customer's chats, the one with the newest event first. */
export async function listChats(call: Call, { pageId, limit = 10 }: { pageId?: string; limit?: number } = {}): Promise<ChatsPage> {
  const payload = await call('list_chats', { limit, page_id: pageId });
  const summaries = list(payload.chats_summary).map(readSummary);
  const newest = ({ lastEvent, lastThreadCreatedAt = '' }: ChatSummary): string => lastEvent?.createdAt ?? lastThreadCreatedAt;
  const users = new Map(summaries.flatMap((summary) => summary.users).map((user) => [user.id, user]));
  return {
    chatsSummary: summaries.sort((a, b) => (newest(a) < newest(b) ? 1 : -1)),
    totalChats: Number(payload.total_chats) || summaries.length,
    users: [...users.values()],
    ...readCursors(payload),
  };
}

export interface ThreadsQuery {
  chatId: string;
  pageId?: string;
  sortOrder?: 'asc' | 'desc';
  limit?: number;
  minEventsCount?: number;
}

export interface ThreadsPage extends Cursors {
  /** In the order asked for. */
  threads: Thread[];
}

/** Threads from the newest backwards, or from the oldest on. A cursor goes on as its first page was asked for. */
export async function listThreads(call: Call, { chatId, pageId, ...first }: ThreadsQuery): Promise<ThreadsPage> {
  const page = pageId ? { page_id: pageId } : snake({ sortOrder: 'desc', ...first });
  const payload = await call('list_threads', { chat_id: chatId, ...page });
  return { threads: list(payload.threads).map((thread) => readThread(thread, chatId)), ...readCursors(payload) };
}

/** Says that everything created up to then was seen. */
export function markEventsAsSeen(call: Call, { chatId, seenUpTo }: { chatId: string; seenUpTo: string }): Promise<Success> {
  return done(call('mark_events_as_seen', { chat_id: chatId, seen_up_to: seenUpTo }));
}

export function updateChatProperties(call: Call, { chatId, properties }: { chatId: string; properties: Properties }): Promise<Success> {
  return done(call('update_chat_properties', { chat_id: chatId, properties }));
}

export function deleteChatProperties(call: Call, { chatId, properties }: { chatId: string; properties: PropertyNames }): Promise<Success> {
  return done(call('delete_chat_properties', { chat_id: chatId, properties }));
}

export function updateThreadProperties(call: Call, { properties, ...thread }: ThreadId & { properties: Properties }): Promise<Success> {
  return done(call('update_thread_properties', { ...ids(thread), properties }));
}

export function deleteThreadProperties(call: Call, { properties, ...thread }: ThreadId & { properties: PropertyNames }): Promise<Success> {
  return done(call('delete_thread_properties', { ...ids(thread), properties }));
}

export function updateEventProperties(call: Call, { properties, ...event }: EventId & { properties: Properties }): Promise<Success> {
  return done(call('update_event_properties', { ...ids(event), properties }));
}

export function deleteEventProperties(call: Call, { properties, ...event }: EventId & { properties: PropertyNames }): Promise<Success> {
  return done(call('delete_event_properties', { ...ids(event), properties }));
}

function ids({ chatId, threadId, eventId }: ThreadId & { eventId?: string }): Json {
  return { chat_id: chatId, thread_id: threadId, event_id: eventId };
}

/** Rates the newest thread. */
export async function rateChat(call: Call, { chatId, rating }: { chatId: string; rating: Rating }): Promise<Success> {
  const { score, comment } = rating;
  const properties = { rating: { score, ...(comment !== undefined && { comment }) } };
  return updateThreadProperties(call, { chatId, threadId: await newestThread(call, chatId), properties });
}

/** Takes the rating of the newest thread back, or parts of it. */
export async function cancelRate(
  call: Call,
  { chatId, properties = ['score'] }: { chatId: string; properties?: string[] },
): Promise<Success> {
  return deleteThreadProperties(call, { chatId, threadId: await newestThread(call, chatId), properties: { rating: properties } });
}

async function newestThread(call: Call, chatId: string): Promise<string> {
  const { threads } = await listThreads(call, { chatId, limit: 1 });
  if (!threads[0]) throw new WireError('missing_chat_thread', 'The chat has no threads.', false);
  return threads[0].id;
}

export async function getCustomer(call: Call): Promise<CustomerProfile> {
  return readProfile(await call('get_customer', {}));
}

export function updateCustomer(call: Call, fields: CustomerFields): Promise<Success> {
  return done(call('update_customer', customerFields(fields)));
}

export function setCustomerSessionFields(call: Call, { sessionFields }: { sessionFields: Record<string, string> }): Promise<Success> {
  return done(call('set_customer_session_fields', { session_fields: fieldList(sessionFields) }));
}

/** As a login and `update_customer` take them. */
export function customerFields({ name, email, avatar, sessionFields }: CustomerFields): Json {
  return { name, email, avatar, session_fields: sessionFields && fieldList(sessionFields) };
}

function fieldList(fields: Record<string, string>): Json[] {
  return Object.entries(fields).map(([name, value]) => ({ [name]: value }));
}

export function updateCustomerPage(call: Call, { url, title }: { url: string; title: string }): Promise<Success> {
  return done(call('update_customer_page', { url, title }));
}

/** Statuses of the groups by their ids; of all groups where none are named. */
export async function listGroupStatuses(
  call: Call,
  { groupIds }: { groupIds?: number[] } = {},
): Promise<Record<number, GroupStatus>> {
  const payload = await call('list_group_statuses', groupIds ? { group_ids: groupIds } : { all: true });
  return object(payload.groups_status) as Record<number, GroupStatus>;
}

export async function getForm(call: Call, { groupId, type }: { groupId: number; type: FormType }): Promise<Form> {
  const payload = await call('get_form', { group_id: groupId, type });
  const form = object(payload.form);
  const fields = list(form.fields).map((field, index) => camel({ ...field, id: string(field.id) || String(index) }));
  return {
    enabled: payload.enabled === true,
    ...(payload.form ? { form: { id: string(form.id), fields: fields as never } } : {}),
  };
}

export async function getPredictedAgent(call: Call, { groupId }: { groupId?: number } = {}): Promise<Agent> {
  return readAgent(await call('get_predicted_agent', { group_id: groupId }));
}

export async function getUrlInfo(call: Call, { url }: { url: string }): Promise<UrlInfo> {
  const payload = await call('get_url_info', { url });
  const image = string(payload.image_url);
  const { image_width, image_height } = payload;
  return {
    url: string(payload.url),
    ...(payload.title ? { title: string(payload.title) } : {}),
    ...(payload.description ? { description: string(payload.description) } : {}),
    // The wire leaves the scheme away.
    ...(image && { imageUrl: /^https?:\/\//.test(image) ? image : `https://${image.replace(/^\/\//, '')}` }),
    ...(typeof image_width === 'number' && typeof image_height === 'number' && { imageWidth: image_width, imageHeight: image_height }),
  };
}

export function acceptGreeting(call: Call, { greetingId, uniqueId }: { greetingId: number; uniqueId: string }): Promise<Success> {
  return done(call('accept_greeting', { greeting_id: greetingId, unique_id: uniqueId }));
}

export function cancelGreeting(call: Call, { uniqueId }: { uniqueId: string }): Promise<Success> {
  return done(call('cancel_greeting', { unique_id: uniqueId }));
}

/** One page of what happened after a number; raw, since it is read in order with the pushes. */
export async function resume(call: Call, chatId: string, afterSeq: number, epoch: string): Promise<Json> {
  return call('resume', { chat_id: chatId, after_seq: afterSeq, epoch });
}
