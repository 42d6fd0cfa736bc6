import { backoff } from '../backoff';
import { type Clock, systemClock } from '../clock';
import type { Store } from '../host';
import { randomId } from '../random';
import { type Push, toWireError, type WireError } from '../wire/frames';
import type { WireState } from '../wire/wire';
import { acceptGreeting, EVENTS_A_PAGE, getChat, listThreads, markEventsAsSeen, resume, setSneakPeek } from './actions';
import { object, string } from './case';
import type { Customer } from './customer';
import { deliver, type Target } from './delivery';
import type { ChatEvent, Greeting, NewEvent, Queue } from './objects';
import { Outbox, type Unsent } from './outbox';
import { type Participant, Replica, type ThreadHead } from './replica';
import { readGreeting } from './read';
import { Sender } from './sender';

/** Everything a window needs to draw the chat. */
export interface View {
  connection: WireState;
  /** The chat is up to date, or there is none. */
  isLoaded: boolean;
  isOnline: boolean;
  isActive: boolean;
  events: ChatEvent[];
  threads: ReadonlyMap<string, ThreadHead>;
  users: ReadonlyMap<string, Participant>;
  /** Messages on their way, oldest first; `isAcknowledged` once the server has them. */
  unsent: (Unsent & { isAcknowledged: boolean })[];
  typing: Participant[];
  /** The place in the queue while the chat waits for an agent. */
  queue: Queue | null;
  /** Up to when any agent has seen the chat. */
  agentSeenUpTo: string;
  /** Messages of agents the visitor has not seen. */
  unread: number;
  hasEarlier: boolean;
  isLoadingEarlier: boolean;
  /** The server will not have this visitor; nothing is tried any more. */
  isRefused: boolean;
  newestThread: ThreadHead | undefined;
  greeting: ShownGreeting | null;
}

/** A greeting in its place among the events: below the one with this number. */
export interface ShownGreeting extends Greeting {
  afterSeq: number;
}

/** After these, coming back is of no use. */
const REFUSALS = ['customer_banned', 'customer_temporarily_blocked', 'license_not_found', 'product_version_changed', 'unsupported_version'];
export const isRefusal = (reason: string): boolean => REFUSALS.includes(reason);

/** What somebody wrote, in difference to what happened. */
const SAID = ['message', 'file', 'rich_message'];
const TYPING_MS = 6_000;
const PEEK_MS = 400;
const SEEN_MS = 300;

/** The one lasting chat of a visitor, kept complete and in order whatever the connection does. */
export class Conversation {
  readonly #customer: Customer;
  readonly #clock: Clock;
  readonly #store: Store;
  readonly #changed: () => void;
  readonly #replica = new Replica();
  readonly #outbox: Outbox;
  readonly #sender: Sender<Unsent>;
  readonly #acknowledged = new Map<string, Unsent>();
  /** Agents who type, with their names and what ends it. */
  readonly #typing = new Map<string, { name: string; cancel(): void }>();
  readonly #target: Target;
  #isRefused = false;
  #greeting: ShownGreeting | null = null;
  /** A chat has begun below the greeting. */
  #isAnswered = false;
  #isLoaded = false;
  #isSyncing = false;
  #failures = 0;
  #earlierPage: string | undefined;
  #isLoadingEarlier = false;
  #peek = '';
  #toldPeek = '';
  #cancelPeek: (() => void) | undefined;
  #seenUpTo = '';
  #cancelSeen: (() => void) | undefined;
  #cancelSync = (): void => {};

  constructor(customer: Customer, store: Store, changed: () => void, clock: Clock = systemClock) {
    this.#customer = customer;
    this.#store = store;
    this.#changed = changed;
    this.#clock = clock;
    this.#outbox = new Outbox(store, 'outbox', ({ text }) => typeof text === 'string', () => {
      this.#changed();
      void this.#sender.run();
    });
    const replica = this.#replica;
    this.#target = {
      get chatId() {
        return replica.chatId;
      },
      set chatId(chatId: string) {
        replica.chatId ||= chatId;
      },
      get isActive() {
        return replica.isActive;
      },
    };
    this.#sender = new Sender(this.#outbox, clock, {
      deliver: async ({ id, text, event }) => {
        if (!replica.hasCustomId(id)) await this.deliver({ ...(event ?? { type: 'message', text }), customId: id });
      },
      acknowledged: (entry) => this.#acknowledged.set(entry.id, entry),
      refused: ({ id }, reason) => this.#outbox.refuse(id, reason),
      changed: () => this.#sent(),
    });
    customer.on('connected', ({ greeting }) => {
      this.#isRefused = false;
      this.#greet(greeting);
      void this.#sync();
    });
    customer.on('disconnected', ({ reason }) => {
      this.#isRefused = isRefusal(reason);
      this.#changed();
    });
    customer.on('push', (push) => this.#push(push));
    customer.on('too_large', () => this.#sender.refuseInFlight('too_large'));
    customer.on('state', (state) => {
      if (state !== 'ready') this.#disconnected();
      this.#changed();
    });
  }

  get view(): View {
    const replica = this.#replica;
    const waiting = this.#outbox.entries.map((entry) => ({ ...entry, isAcknowledged: false }));
    const acknowledged = [...this.#acknowledged.values()].map((entry) => ({ ...entry, isAcknowledged: true }));
    return {
      connection: this.#customer.state,
      isLoaded: this.#isLoaded,
      isOnline: this.#customer.isOnline,
      isActive: replica.isActive,
      events: replica.events,
      threads: replica.threads,
      users: replica.users,
      unsent: [...acknowledged, ...waiting].filter(({ id }) => !replica.hasCustomId(id)),
      typing: [...this.#typing].map(([id, { name }]) => replica.users.get(id) ?? unknownAgent(id, name)),
      queue: replica.queue,
      agentSeenUpTo: [...replica.users.values()]
        .filter(({ type }) => type === 'agent')
        .reduce((latest, { seenUpTo }) => (isAfter(seenUpTo, latest) ? seenUpTo : latest), ''),
      unread: this.#unread().length,
      hasEarlier: this.#earlierPage !== undefined,
      isLoadingEarlier: this.#isLoadingEarlier,
      isRefused: this.#isRefused,
      newestThread: replica.newestThread,
      greeting: this.#placedGreeting(),
    };
  }

  get customer(): Customer {
    return this.#customer;
  }

  get chatId(): string {
    return this.#replica.chatId;
  }

  /** The group that has the chat, or would get it. */
  get groupId(): number {
    return this.#replica.groupId ?? this.#customer.session?.groupId ?? 0;
  }

  /** Stores an event in the chat, which is opened for it where it is not; what the server refuses rejects. */
  deliver(event: NewEvent): Promise<void> {
    return deliver(this.#customer.call, this.#target, event);
  }

  /** The visitor sees the greeting. */
  acceptGreeting(): void {
    const greeting = this.#greeting;
    if (!greeting || greeting.accepted || this.#customer.state !== 'ready') return;
    greeting.accepted = true;
    // It counts what was seen; a greeting that has ended meanwhile counts no more.
    acceptGreeting(this.#customer.call, { greetingId: greeting.id, uniqueId: greeting.uniqueId }).catch(toWireError);
  }

  #greet(greeting: Greeting | undefined): void {
    if (!greeting && this.#isAnswered) return;
    this.#isAnswered = false;
    this.#greeting = greeting ? { ...greeting, afterSeq: 0 } : null;
    this.#changed();
  }

  /** Until it is answered, a greeting stands below everything. */
  #placedGreeting(): ShownGreeting | null {
    if (!this.#greeting) return null;
    if (this.#replica.isActive) this.#isAnswered = true;
    if (!this.#isAnswered) this.#greeting.afterSeq = this.#replica.events.at(-1)?.seq ?? 0;
    return this.#greeting;
  }

  isOwn(event: ChatEvent): boolean {
    return event.authorId === this.#customer.session?.customerId || this.#replica.users.get(event.authorId)?.type === 'customer';
  }

  /** Takes a message, or an event that this text stands for, for sending. False when too many are waiting already. */
  send(text: string, event?: NewEvent): boolean {
    if (this.#outbox.isFull) return false;
    this.#outbox.add({ id: randomId(), text, at: this.#clock.now(), ...(event && { event }) });
    this.#peek = '';
    this.#cancelPeek?.();
    this.#cancelPeek = undefined;
    this.#toldPeek = '';
    this.#changed();
    this.#customer.wake();
    void this.#sender.run();
    return true;
  }

  retry(id: string): void {
    this.#outbox.retry(id);
    this.#changed();
    void this.#sender.run();
  }

  discard(id: string): void {
    this.#outbox.remove(id);
    this.#changed();
  }

  /** Shows agents what is being typed, a moment after the last key. */
  peek(text: string): void {
    this.#customer.wake();
    this.#peek = text;
    this.#cancelPeek ??= this.#clock.after(PEEK_MS, () => {
      this.#cancelPeek = undefined;
      if (this.#peek === this.#toldPeek || !this.#replica.isActive || this.#customer.state !== 'ready') return;
      this.#toldPeek = this.#peek;
      // Only a courtesy: what is lost is told by the next key.
      setSneakPeek(this.#customer.call, this.#replica.chatId, this.#peek).catch(() => {});
    });
  }

  /** The visitor has the newest messages before their eyes. */
  markSeen(): void {
    const newest = this.#unread().at(-1);
    if (!newest || this.#cancelSeen || this.#customer.state !== 'ready') return;
    this.#cancelSeen = this.#clock.after(SEEN_MS, () => {
      this.#cancelSeen = undefined;
      const latest = this.#unread().at(-1) ?? newest;
      // Believed at once; if it does not arrive, the next connection shows them as unread and they are marked again.
      this.#seenUpTo = latest.createdAt;
      this.#changed();
      markEventsAsSeen(this.#customer.call, { chatId: this.#replica.chatId, seenUpTo: latest.createdAt }).catch(() => {
        this.#seenUpTo = '';
      });
    });
  }

  /** Loads earlier threads above those shown. */
  async loadEarlier(): Promise<void> {
    const page = this.#earlierPage;
    if (page === undefined || this.#isLoadingEarlier) return;
    this.#isLoadingEarlier = true;
    this.#changed();
    try {
      const { threads, nextPageId } = await listThreads(this.#customer.call, { chatId: this.#replica.chatId, pageId: page });
      this.#replica.addThreads(threads);
      this.#earlierPage = nextPageId ?? undefined;
    } catch (error) {
      // The button stays: the visitor asks again.
      toWireError(error);
    } finally {
      this.#isLoadingEarlier = false;
      this.#changed();
    }
  }

  /** Looks whether something was missed while the tab slept or the network was away. */
  wake(): void {
    this.#customer.probe();
    if (this.#customer.state === 'ready') void this.#sync();
  }

  /** The browser now speaks for another visitor. */
  visitorChanged(): void {
    this.#outbox.forget();
    this.#acknowledged.clear();
    this.#replica.clear();
    this.#greeting = null;
    this.#isAnswered = false;
    this.#isLoaded = false;
    this.#earlierPage = undefined;
    this.#seenUpTo = '';
    this.#sender.allow(false);
    this.#customer.relogin();
    this.#changed();
  }

  #disconnected(): void {
    this.#sender.allow(false);
    this.#cancelSync();
    this.#quiet();
    this.#toldPeek = '';
  }

  /** Nobody is typing. */
  #quiet(): void {
    for (const { cancel } of this.#typing.values()) cancel();
    this.#typing.clear();
  }

  #push(push: Push): void {
    const { action, payload } = push;
    if (action === 'incoming_typing_indicator') return this.#types(object(payload.typing_indicator));
    if (action === 'incoming_greeting') this.#greet(readGreeting(payload));
    if (action === 'greeting_canceled' && payload.unique_id === this.#greeting?.uniqueId) this.#greet(undefined);
    this.#replica.push(push);
    if (action === 'incoming_event') this.#stopTyping(string(object(payload.event).author_id));
    if (action === 'incoming_chat') this.#remember();
    if (action === 'chat_deactivated') this.#quiet();
    if (this.#isLoaded && this.#replica.hasHole) void this.#sync();
    if (this.#isLoaded) void this.#sender.run();
    this.#sent();
  }

  /** Brings the copy up to date; again and again until nothing is missing. */
  async #sync(): Promise<void> {
    const session = this.#customer.session;
    if (this.#isSyncing || !session) return;
    this.#isSyncing = true;
    this.#cancelSync();
    try {
      const { chatId, epoch } = this.#replica;
      const isSame = chatId !== '' && epoch === session.epoch && this.#isLoaded;
      if (!isSame) await this.#load(session.chats.some(({ id }) => id === chatId) ? chatId : (session.chats[0]?.id ?? chatId));
      while (this.#replica.chatId) {
        const answer = await resume(this.#customer.call, this.#replica.chatId, this.#replica.last, session.epoch);
        const next = this.#replica.resumed(answer);
        if (next === 'resync') await this.#load(this.#replica.chatId);
        if (next === 'complete') break;
      }
      this.#failures = 0;
      this.#isLoaded = true;
      this.#sender.allow(true);
    } catch (error) {
      this.#syncFailed(toWireError(error));
    } finally {
      this.#isSyncing = false;
      this.#sent();
    }
  }

  #syncFailed(error: WireError): void {
    if (error.type === 'connection_lost') return;
    // "Not found": the chat belongs to an earlier visitor of this browser; the next login names the right one.
    if (error.type === 'not_found') {
      this.#replica.clear();
      this.#isLoaded = false;
    }
    const wait = Math.max(error.retryAfterMs, backoff(this.#failures++, this.#clock.random));
    this.#cancelSync = this.#clock.after(wait, () => void this.#sync());
  }

  async #load(chatId: string | undefined): Promise<void> {
    const epoch = this.#customer.session?.epoch ?? '';
    if (!chatId) {
      this.#replica.clear(epoch);
      return;
    }
    const { call } = this.#customer;
    const [chat, page] = await Promise.all([getChat(call, { chatId }), listThreads(call, { chatId, minEventsCount: EVENTS_A_PAGE })]);
    this.#replica.load(chat, epoch);
    this.#replica.addThreads(page.threads);
    this.#earlierPage = page.nextPageId ?? undefined;
    this.#seenUpTo = '';
    this.#remember();
  }

  /** Notes that this browser has a chat, so that the next page connects without being asked. */
  #remember(): void {
    if (this.#store.get('chat') === null) this.#store.set('chat', '1');
  }

  /** Something was acknowledged or arrived: acknowledged messages give way to the events they have become. */
  #sent(): void {
    for (const id of this.#acknowledged.keys()) if (this.#replica.hasCustomId(id)) this.#acknowledged.delete(id);
    for (const { id } of this.#outbox.entries) if (this.#replica.hasCustomId(id)) this.#outbox.remove(id);
    this.#changed();
  }

  #unread(): ChatEvent[] {
    const { events, users } = this.#replica;
    const customer = users.get(this.#customer.session?.customerId ?? '');
    // Whoever writes has read what stands above.
    const written = events.findLast((event) => this.isOwn(event))?.createdAt ?? '';
    const seen = [customer?.seenUpTo ?? '', this.#seenUpTo, written].reduce((latest, time) => (isAfter(time, latest) ? time : latest));
    return events.filter(
      (event) => SAID.includes(event.type) && !this.isOwn(event) && event.authorId !== 'system' && isAfter(event.createdAt, seen),
    );
  }

  #types(indicator: Record<string, unknown>): void {
    const id = string(indicator.author_id);
    this.#typing.get(id)?.cancel();
    this.#typing.delete(id);
    if (indicator.is_typing === true) {
      this.#typing.set(id, { name: string(indicator.author_name), cancel: this.#clock.after(TYPING_MS, () => this.#stopTyping(id)) });
    }
    this.#changed();
  }

  #stopTyping(id: string): void {
    this.#typing.get(id)?.cancel();
    if (this.#typing.delete(id)) this.#changed();
  }
}

/** Whether a time is later than another; an empty text is before all. Both are RFC 3339 in UTC with the same number of digits. */
export function isAfter(a: string, b: string): boolean {
  return a > b;
}

function unknownAgent(id: string, name: string): Participant {
  return { id, type: 'agent', name, avatar: '', jobTitle: '', present: true, seenUpTo: '' };
}
