import { type Clock, systemClock } from '../clock';
import type { Push } from '../wire/frames';
import { type Socket, Wire, type WireState } from '../wire/wire';
import type { Call } from './actions';
import { list, object, readSession } from './read';
import type { Session } from './types';

/** What a customer of the chat is made from. */
export interface CustomerOptions {
  /** Address of the server, with a slash at its end. */
  base: string;
  site: string;
  version: string;
  token(): string;
  /** The server refused this token: another one takes its place. */
  replaceToken(refused: string): void;
  page(): { url: string; title: string };
  clock?: Clock;
  openSocket?(address: string): Socket;
}

interface Events {
  /** Logged in, the first time or again. */
  connected: Session;
  state: WireState;
  push: Push;
  availability: boolean;
  too_large: undefined;
}

type Listener<Name extends keyof Events> = (detail: Events[Name]) => void;

const RENEWALS_APART_MS = 60_000;

/**
 * A customer of the chat: one login on one connection that comes back by itself. Actions are the functions of `actions.ts` over `call`;
 * what the server sends comes as events.
 */
export class Customer {
  readonly #options: CustomerOptions;
  readonly #clock: Clock;
  readonly #wire: Wire;
  readonly #listeners: { [Name in keyof Events]?: Listener<Name>[] } = {};
  #session: Session | null = null;
  #isOnline = false;
  #renewedAt = Number.NEGATIVE_INFINITY;
  #usedToken = '';
  #toldPage = '';
  #isWanted = false;

  constructor(options: CustomerOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    const address = `${options.base.replace(/^http/, 'ws')}v3.2/customer/rtm/ws?site=${encodeURIComponent(options.site)}`;
    this.#wire = new Wire(
      () => address,
      {
        login: () => this.#login(),
        push: (push) => this.#push(push),
        changed: (state) => this.#emit('state', state),
        unauthorized: () => this.#renew(),
        tooLarge: () => this.#emit('too_large', undefined),
      },
      this.#clock,
      options.openSocket ?? ((url) => new WebSocket(url) as unknown as Socket),
    );
  }

  get state(): WireState {
    return this.#wire.state;
  }

  /** Who is logged in, or was last. */
  get session(): Session | null {
    return this.#session;
  }

  get isOnline(): boolean {
    return this.#isOnline;
  }

  on<Name extends keyof Events>(name: Name, listener: Listener<Name>): void {
    const listeners: Listener<Name>[] = this.#listeners[name] ?? [];
    listeners.push(listener);
    Object.assign(this.#listeners, { [name]: listeners });
  }

  /** Sends an action; rejects with a `WireError`. */
  readonly call: Call = (action, payload) => this.#wire.request(action, payload);

  connect(): void {
    this.#isWanted = true;
    this.#wire.start();
  }

  disconnect(): void {
    this.#isWanted = false;
    this.#wire.stop();
  }

  /** Logs in afresh, because the token belongs to somebody else now. */
  relogin(): void {
    if (!this.#isWanted) return;
    this.disconnect();
    this.connect();
  }

  /** Looks at once whether the connection still lives. */
  probe(): void {
    this.#wire.probe();
  }

  /** Comes back at once if the server sent an idle tab to sleep. */
  wake(): void {
    if (this.state === 'asleep') this.#wire.start();
  }

  /** Tells the agents where the customer is, unless they know. */
  tellPage(): void {
    this.wake();
    const page = this.#options.page();
    if (this.state !== 'ready' || JSON.stringify(page) === this.#toldPage) return;
    this.#toldPage = JSON.stringify(page);
    // Lost with the connection, it is told again by the next login.
    this.call('update_customer_page', page).catch(() => {});
  }

  async #login(): Promise<void> {
    const page = this.#options.page();
    this.#usedToken = this.#options.token();
    const answer = await this.call('login', {
      token: `Bearer ${this.#usedToken}`,
      customer: {},
      customer_side_storage: {},
      is_mobile: matchesPhone(),
      application: { name: 'parlor_widget', version: this.#options.version },
      customer_page: page,
    });
    this.#toldPage = JSON.stringify(page);
    this.#session = readSession(answer);
    this.#isOnline = this.#session.isOnline;
    // After the wire has entered `ready`: listeners send at once.
    queueMicrotask(() => this.#session && this.#emit('connected', this.#session));
  }

  #push(push: Push): void {
    if (push.action === 'incoming_multicast') {
      const content = object(push.payload.content);
      const group = list(content.groups)[0];
      if (content.name === 'groups_update' && group) {
        this.#isOnline = group.status !== 'offline';
        this.#emit('availability', this.#isOnline);
      }
    }
    this.#emit('push', push);
  }

  /** A refused token is replaced once a minute at most: never an automatic loop. */
  #renew(): void {
    const now = this.#clock.now();
    if (now - this.#renewedAt < RENEWALS_APART_MS) return;
    this.#renewedAt = now;
    this.#options.replaceToken(this.#usedToken);
    if (this.#isWanted) this.#wire.start();
  }

  #emit<Name extends keyof Events>(name: Name, detail: Events[Name]): void {
    for (const listener of this.#listeners[name] ?? []) listener(detail);
  }
}

function matchesPhone(): boolean {
  return typeof matchMedia === 'function' && matchMedia('(width < 480px)').matches;
}
