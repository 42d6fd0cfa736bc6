import type { Push } from '../wire/frames';
import { list, object, readChat, readEvent, readUser, seqOf, string } from './read';
import type { Chat, ChatEvent, Thread, User } from './types';

type Json = Record<string, unknown>;

/** What a page of `resume` asks for next. */
export type Resumed = 'more' | 'complete' | 'resync';

interface Change {
  /** 0 where the change is not numbered. */
  seq: number;
  apply(): void;
}

export interface ThreadHead {
  id: string;
  active: boolean;
  createdAt: string;
}

/**
 * The local copy of one chat. Numbered changes are applied once each and in order: what was seen already is dropped, and what
 * leaves a hole is not applied, but makes the copy ask for `resume`. It holds no timer and no connection.
 */
export class Replica {
  chatId = '';
  epoch = '';
  readonly users = new Map<string, User>();
  readonly threads = new Map<string, ThreadHead>();
  readonly #events = new Map<number, ChatEvent>();
  #last = 0;
  #highest = 0;
  #sorted: ChatEvent[] | null = null;

  /** The number up to which nothing is missing. */
  get last(): number {
    return this.#last;
  }

  /** A number above `last` was heard of, so something is missing. */
  get hasHole(): boolean {
    return this.#highest > this.#last;
  }

  /** An open thread exists. */
  get isActive(): boolean {
    for (const thread of this.threads.values()) if (thread.active) return true;
    return false;
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
    this.users.clear();
    this.threads.clear();
    this.#events.clear();
    this.#last = 0;
    this.#highest = 0;
    this.#sorted = null;
  }

  /** Starts from a chat as loaded; what happened since its newest event comes by `resume`. */
  load(chat: Chat, epoch: string): void {
    this.clear(epoch);
    this.chatId = chat.id;
    for (const user of chat.users) this.users.set(user.id, user);
    if (!chat.thread) return;
    this.addThreads([chat.thread]);
    this.#last = Math.max(0, ...chat.thread.events.map((event) => event.seq));
    this.#highest = this.#last;
  }

  /** Adds threads read apart, such as earlier ones. Events above `last` come in order later and are left out here. */
  addThreads(threads: Thread[]): void {
    for (const thread of threads) {
      if (!this.threads.has(thread.id)) this.#addThread(thread);
      for (const event of thread.events) if (event.seq && (this.#last === 0 || event.seq <= this.#last)) this.#put(event);
    }
  }

  /** Takes a push. */
  push({ action, payload }: Push): void {
    const chatId = string(payload.chat_id) || string(object(payload.chat).id);
    if (!chatId || (this.chatId && chatId !== this.chatId)) return;
    if (!this.chatId) this.chatId = chatId;
    if (action === 'incoming_chat') this.#takeChat(payload);
    else this.#step(this.#change(action, payload));
  }

  /** Takes one answer of `resume`. */
  resumed(payload: Json): Resumed {
    if (payload.resync === true) return 'resync';
    const before = this.#last;
    for (const entry of list(payload.events)) {
      const seq = seqOf(entry);
      if (seq <= this.#last) continue;
      // The server's own page has no holes: what it leaves out is not for this customer.
      this.#last = seq - 1;
      this.#step(entry.action ? this.#change(string(entry.action), { ...object(entry.payload), seq }) : this.#entry(entry));
    }
    const lastSeq = typeof payload.last_seq === 'number' ? payload.last_seq : this.#last;
    if (this.#last === before) this.#last = Math.max(this.#last, lastSeq);
    this.#highest = Math.max(this.#highest, this.#last, lastSeq);
    return this.#last < this.#highest ? 'more' : 'complete';
  }

  #step({ seq, apply }: Change): void {
    if (seq > this.#highest) this.#highest = seq;
    if (seq > this.#last + 1 || (seq !== 0 && seq <= this.#last)) return;
    if (seq) this.#last = seq;
    apply();
  }

  /** The start of a thread. The connection that asked for it gets all that happened up to `last_seq` in one piece. */
  #takeChat(payload: Json): void {
    const change = this.#change('incoming_chat', payload);
    const lastSeq = Math.max(change.seq, Number(payload.last_seq) || 0);
    this.#highest = Math.max(this.#highest, lastSeq);
    if (change.seq > this.#last + 1 || lastSeq <= this.#last) return;
    change.apply();
    for (const event of readChat(object(payload.chat)).thread?.events ?? []) if (event.seq > this.#last) this.#put(event);
    this.#last = lastSeq;
  }

  /** An entry of `resume`: an event, or a bare number. */
  #entry(entry: Json): Change {
    return { seq: seqOf(entry), apply: () => entry.type !== undefined && this.#put(readEvent(entry, '')) };
  }

  #change(action: string, payload: Json): Change {
    if (action !== 'incoming_event') return { seq: seqOf(payload), apply: () => this.#apply(action, payload) };
    const event = readEvent(object(payload.event), string(payload.thread_id));
    return { seq: event.seq, apply: () => this.#put(event) };
  }

  #apply(action: string, payload: Json): void {
    const userId = string(payload.user_id);
    switch (action) {
      case 'incoming_chat': {
        const chat = readChat(object(payload.chat));
        for (const user of chat.users) this.users.set(user.id, user);
        if (chat.thread) this.#openThread(chat.thread);
        break;
      }
      case 'chat_deactivated':
        this.#closeThread(string(payload.thread_id));
        break;
      case 'events_marked_as_seen':
        this.#updateUser(userId, { seenUpTo: string(payload.seen_up_to) });
        break;
      case 'user_added_to_chat': {
        const user = readUser(object(payload.user));
        this.users.set(user.id, { ...user, seenUpTo: user.seenUpTo || (this.users.get(user.id)?.seenUpTo ?? '') });
        break;
      }
      case 'user_removed_from_chat':
        this.#updateUser(userId, { present: false });
        break;
      case 'event_updated':
        this.#edit(readEvent(object(payload.event), string(payload.thread_id)));
        break;
      default:
      // A change this client does not show: only its number counts.
    }
  }

  #put(event: ChatEvent): void {
    this.#events.set(event.seq, event);
    this.#sorted = null;
    if (event.threadId && !this.threads.has(event.threadId)) {
      this.#addThread({ id: event.threadId, active: false, createdAt: event.createdAt });
    }
  }

  #edit(event: ChatEvent): void {
    if (this.#events.has(event.seq)) this.#put(event);
  }

  #addThread({ id, active, createdAt }: ThreadHead): void {
    this.threads.set(id, { id, active, createdAt });
  }

  #openThread(thread: Thread): void {
    for (const other of this.threads.values()) other.active = false;
    this.#addThread(readThreadHead(thread));
  }

  #closeThread(threadId: string): void {
    for (const thread of this.threads.values()) if (!threadId || thread.id === threadId) thread.active = false;
  }

  #updateUser(userId: string, change: Partial<User>): void {
    const user = this.users.get(userId);
    if (user) this.users.set(userId, { ...user, ...change });
  }
}

function readThreadHead({ id, active, createdAt }: Thread): ThreadHead {
  return { id, active, createdAt };
}
