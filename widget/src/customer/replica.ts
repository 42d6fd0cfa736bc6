import type { Push } from '../wire/frames';
import { type Json, object, string } from './case';
import type { Chat, ChatEvent, Properties, Queue, Thread, User } from './objects';
import { readChat, readEvent, readProperties, readQueue, readUser } from './read';
import { chatOf, type Resumed, Stream } from './stream';

/** Somebody in the chat, with all that a window shows of them. */
export interface Participant {
  id: string;
  type: 'agent' | 'customer';
  name: string;
  avatar: string;
  jobTitle: string;
  present: boolean;
  /** Creation time of the newest event seen, or an empty text. */
  seenUpTo: string;
}

/** A thread without its events. */
export interface ThreadHead {
  id: string;
  active: boolean;
  createdAt: string;
  properties: Properties;
}

/**
 * The local copy of one chat. Numbered changes are applied once each and in order: what was seen already is dropped, and what
 * leaves a hole is not applied, but makes the copy ask for `resume`. It holds no timer and no connection.
 */
export class Replica {
  chatId = '';
  epoch = '';
  /** The group that has the chat, as far as that was told. */
  groupId: number | undefined;
  readonly users = new Map<string, Participant>();
  readonly threads = new Map<string, ThreadHead>();
  /** The place in the queue, while the chat waits for an agent; not numbered. */
  queue: Queue | null = null;
  readonly #events = new Map<number, ChatEvent>();
  readonly #stream = new Stream((push) => this.#apply(push));
  #sorted: ChatEvent[] | null = null;

  /** The number up to which nothing is missing. */
  get last(): number {
    return this.#stream.last;
  }

  /** A number above `last` was heard of, so something is missing. */
  get hasHole(): boolean {
    return this.#stream.hasHole;
  }

  /** An open thread exists. */
  get isActive(): boolean {
    return this.#openThreadHead !== undefined;
  }

  /** The newest thread, open or closed. */
  get newestThread(): ThreadHead | undefined {
    return [...this.threads.values()].reduce<ThreadHead | undefined>(
      (newest, thread) => (newest && newest.createdAt > thread.createdAt ? newest : thread),
      undefined,
    );
  }

  get #openThreadHead(): ThreadHead | undefined {
    for (const thread of this.threads.values()) if (thread.active) return thread;
    return undefined;
  }

  /** The entries to show, by number. */
  get events(): ChatEvent[] {
    this.#sorted ??= [...this.#events.values()].sort((a, b) => a.seq - b.seq);
    return this.#sorted;
  }

  hasCustomId(customId: string): boolean {
    return this.events.some((event) => event.customId === customId);
  }

  /** Starts an empty copy. */
  clear(epoch = ''): void {
    this.chatId = '';
    this.epoch = epoch;
    this.groupId = undefined;
    this.users.clear();
    this.threads.clear();
    this.queue = null;
    this.#events.clear();
    this.#stream.start(0);
    this.#sorted = null;
  }

  /** Starts from a chat as loaded; what happened since its newest event comes by `resume`. */
  load(chat: Chat, epoch: string): void {
    this.clear(epoch);
    this.chatId = chat.id;
    this.#takeUsers(chat);
    this.groupId = chat.access.groupIds?.[0];
    if (!chat.thread) return;
    this.addThreads([chat.thread]);
    this.queue = chat.thread.queue ?? null;
    this.#stream.start(Math.max(0, ...chat.thread.events.map((event) => event.seq)));
  }

  /** Adds threads read apart, such as earlier ones. Events above `last` come in order later and are left out here. */
  addThreads(threads: Thread[]): void {
    for (const thread of threads) {
      if (!this.threads.has(thread.id)) this.#addThread(thread);
      for (const event of thread.events) if (event.seq && (this.last === 0 || event.seq <= this.last)) this.#put(event);
    }
  }

  /** Takes a push. */
  push(push: Push): void {
    const chatId = chatOf(push);
    if (!chatId || (this.chatId && chatId !== this.chatId)) return;
    if (!this.chatId) this.chatId = chatId;
    this.#stream.push(push);
  }

  /** Takes one answer of `resume`. */
  resumed(payload: Json): Resumed {
    return this.#stream.resumed(this.chatId, payload);
  }

  /** What a push changes. A change that is not shown has its number and nothing else. */
  #apply({ action, payload }: Push): void {
    const userId = string(payload.user_id);
    const threadId = string(payload.thread_id);
    switch (action) {
      case 'incoming_event':
        this.#put(readEvent(object(payload.event), threadId));
        break;
      case 'incoming_chat':
        this.#takeChat(payload);
        break;
      case 'chat_deactivated':
        this.#closeThread(threadId);
        this.queue = null;
        break;
      case 'chat_transferred': {
        const groups = object(payload.transferred_to).group_ids;
        if (Array.isArray(groups)) this.groupId = Number(groups[0]) || 0;
        this.queue = readQueue(payload.queue);
        break;
      }
      case 'queue_position_updated':
        this.queue = { ...this.queue, ...readQueue(payload.queue) } as Queue;
        break;
      case 'events_marked_as_seen':
        this.#updateUser(userId, { seenUpTo: string(payload.seen_up_to) });
        break;
      case 'user_added_to_chat':
        this.#takeUser(object(payload.user));
        break;
      case 'user_removed_from_chat':
        this.#updateUser(userId, { present: false });
        break;
      case 'event_updated':
        this.#edit(readEvent(object(payload.event), threadId));
        break;
      case 'incoming_rich_message_postback':
        this.#toggle(string(payload.event_id), string(object(payload.postback).id), userId, object(payload.postback).toggled === true);
        break;
      case 'thread_properties_updated':
        this.#changeThread(threadId, (known) => merged(known, readProperties(payload.properties)));
        break;
      case 'thread_properties_deleted':
        this.#changeThread(threadId, (known) => without(known, object(payload.properties)));
        break;
      case 'event_properties_updated':
        this.#changeEvent(string(payload.event_id), (known) => merged(known, readProperties(payload.properties)));
        break;
      case 'event_properties_deleted':
        this.#changeEvent(string(payload.event_id), (known) => without(known, object(payload.properties)));
        break;
      default:
    }
  }

  /** The start of a thread, with what it held when it was drawn, up to its `last_seq`. */
  #takeChat(payload: Json): void {
    const chat = readChat(object(payload.chat));
    const lastSeq = Number(payload.last_seq) || 0;
    this.#takeUsers(chat);
    this.groupId = chat.access.groupIds?.[0] ?? this.groupId;
    if (!chat.thread) return;
    for (const other of this.threads.values()) other.active = false;
    this.#addThread(chat.thread);
    this.queue = chat.thread.queue ?? null;
    for (const event of chat.thread.events) if (event.seq <= lastSeq) this.#put(event);
  }

  #takeUsers(chat: Chat): void {
    for (const user of chat.users) this.users.set(user.id, participant(user, chat.eventsSeenUpToMap[user.id]));
  }

  #takeUser(json: Json): void {
    const user = readUser(json);
    const seen = string(json.events_seen_up_to) || this.users.get(user.id)?.seenUpTo;
    this.users.set(user.id, participant(user, seen));
    if (user.type === 'agent') this.queue = null;
  }

  #put(event: ChatEvent): void {
    this.#events.set(event.seq, event);
    this.#sorted = null;
    if (event.threadId && !this.threads.has(event.threadId)) {
      this.#addThread({ id: event.threadId, active: false, createdAt: event.createdAt, properties: {} });
    }
  }

  #edit(event: ChatEvent): void {
    if (this.#events.has(event.seq)) this.#put(event);
  }

  #changeEvent(id: string, change: (properties: Properties) => Properties): void {
    const event = this.events.find((event) => event.id === id);
    if (event) this.#put({ ...event, properties: change(event.properties) });
  }

  /** Somebody pressed a button of a rich message, or took it back. */
  #toggle(eventId: string, buttonId: string, userId: string, isToggled: boolean): void {
    const event = this.events.find(({ id }) => id === eventId);
    if (event?.type !== 'rich_message') return;
    const elements = event.elements.map((element) => ({
      ...element,
      ...(element.buttons && {
        buttons: element.buttons.map((button) => {
          if (button.postbackId !== buttonId) return button;
          const others = (button.userIds ?? []).filter((id) => id !== userId);
          return { ...button, userIds: isToggled ? [...others, userId] : others };
        }),
      }),
    }));
    this.#put({ ...event, elements });
  }

  #addThread({ id, active, createdAt, properties }: ThreadHead): void {
    this.threads.set(id, { id, active, createdAt, properties });
  }

  #closeThread(threadId: string): void {
    for (const thread of this.threads.values()) if (!threadId || thread.id === threadId) thread.active = false;
  }

  #changeThread(id: string, change: (properties: Properties) => Properties): void {
    const thread = this.threads.get(id);
    if (thread) this.threads.set(id, { ...thread, properties: change(thread.properties) });
  }

  #updateUser(userId: string, change: Partial<Participant>): void {
    const user = this.users.get(userId);
    if (user) this.users.set(userId, { ...user, ...change });
  }
}

function participant(user: User, seenUpTo: string | null | undefined): Participant {
  const { id, type, name = '', avatar = '', present = true } = user;
  return { id, type, name, avatar, present, jobTitle: user.type === 'agent' ? user.jobTitle : '', seenUpTo: seenUpTo ?? '' };
}

function merged(known: Properties, changed: Properties): Properties {
  const all = { ...known };
  for (const [space, values] of Object.entries(changed)) all[space] = { ...all[space], ...values };
  return all;
}

function without(known: Properties, names: Json): Properties {
  const rest = { ...known };
  for (const [space, gone] of Object.entries(names)) {
    const values = Object.entries(rest[space] ?? {}).filter(([name]) => !(Array.isArray(gone) && gone.includes(name)));
    rest[space] = Object.fromEntries(values);
  }
  return rest;
}
