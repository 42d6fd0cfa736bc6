import { type Clock, systemClock } from '../clock';
import { Emitter } from '../emitter';
import { type Push, toWireError, WireError } from '../wire/frames';
import { type Socket, Wire, type WireState } from '../wire/wire';
import { type Call, updateCustomerPage } from './actions';
import { list, object, string } from './case';
import type { CustomerEvents } from './objects';
import { readSession, type Session } from './read';

export interface Page {
  url: string;
  title: string;
}

/** What a customer of the chat is made from. */
export interface CustomerOptions {
  /** Address of the server, with a slash at its end. */
  base: string;
  /** What names the site in a query, such as `site=KEY`. */
  tenant: string;
  application: { name: string; version: string };
  /** Who is to be logged in. A `WireError` says whether to try again. */
  token(): string | Promise<string>;
  /** The server refused this token: another one takes its place. */
  replaceToken(refused: string): void;
  /** Where the customer is, if that is to be told. */
  page(): Page | undefined;
  /** Further fields of a login, asked for before each. */
  login?(): object | Promise<object>;
  /** Whether this reason ends everything, and not only a connection. */
  isFinal?(reason: string): boolean;
  /** Takes the pushes to tell them in their order. */
  follow?(push: Push): void;
  clock?: Clock;
  openSocket?(address: string): Socket;
}

/** What a client of the page's own machinery listens to, beside the documented events of the connection. */
interface InnerEvents {
  state: WireState;
  push: Push;
  too_large: undefined;
}

type Events = Pick<CustomerEvents, 'connected' | 'disconnected' | 'connection_unstable' | 'connection_recovered'> & InnerEvents;

const RENEWALS_APART_MS = 60_000;
/** The server wants to see less of this address. */
const SLOW_MS = 30_000;
const SLOW = ['too_many_connections', 'customer_temporarily_blocked', 'license_not_found', 'unsupported_version', 'customer_banned'];

/**
 * A customer of the chat: one login on one connection that comes back by itself. Actions are the functions of `actions.ts` over `call`;
 * what the server sends comes as events, the documented ones and `push` with the bare push.
 */
export class Customer {
  readonly #options: CustomerOptions;
  readonly #clock: Clock;
  readonly #wire: Wire;
  readonly #events = new Emitter<Events>();
  #session: Session | null = null;
  #isOnline = false;
  #renewedAt = Number.NEGATIVE_INFINITY;
  #usedToken = '';
  #toldPage = '';
  #isWanted = false;
  /** Whoever ends the connection now has said, or will say, why. */
  #isQuiet = false;
  #cancelRenewal = (): void => {};

  constructor(options: CustomerOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    let state: WireState = 'stopped';
    this.#wire = new Wire(
      () => this.#address(),
      {
        login: () => this.#login(),
        push: (push) => this.#push(push),
        changed: (next) => {
          const wasReady = state === 'ready';
          state = next;
          this.#events.emit('state', next);
          if (next === 'ready') this.#ready();
          if (wasReady && !this.#isQuiet) this.#events.emit('disconnected', { reason: 'connection_lost' });
        },
        unauthorized: () => this.#renew(),
        failed: ({ type }) => this.#events.emit('disconnected', { reason: type }),
        tooLarge: () => this.#events.emit('too_large', undefined),
        doubted: (isDoubtful) => this.#events.emit(isDoubtful ? 'connection_unstable' : 'connection_recovered', undefined),
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

  /** Ready, or on the way there by itself. */
  get isWanted(): boolean {
    return this.#isWanted;
  }

  on<Name extends keyof Events>(name: Name, listener: (detail: Events[Name]) => void): void {
    this.#events.on(name, listener);
  }

  /** Sends an action; rejects with a `WireError`. */
  readonly call: Call = (action, payload, settledBy) => this.#wire.request(action, payload, settledBy);

  connect(): void {
    this.#isWanted = true;
    this.#wire.start();
  }

  disconnect(): void {
    this.#isWanted = false;
    this.suspend();
  }

  /** Leaves for now, as a page does that may be come back to. */
  suspend(): void {
    this.#cancelRenewal();
    this.#quietly(() => this.#wire.stop());
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

  /** The browser says that there is no network; the connection may outlive that. */
  doubt(): void {
    this.#wire.doubt();
  }

  /** Comes back at once if the server sent an idle tab to sleep. */
  wake(): void {
    if (this.state === 'asleep') this.#wire.start();
  }

  /** Tells the agents where the customer is, unless they know. */
  tellPage(): void {
    const page = this.#options.page();
    if (this.state !== 'ready' || !page || JSON.stringify(page) === this.#toldPage) return;
    this.#toldPage = JSON.stringify(page);
    // Lost with the connection, it is told again by the next login.
    updateCustomerPage(this.call, page).catch(() => {});
  }

  /** The token is asked for before the server's time for a login begins. */
  #address(): string | Promise<string> {
    const { base, tenant, token } = this.#options;
    const address = `${base.replace(/^http/, 'ws')}v3.2/customer/rtm/ws?${tenant}`;
    const use = (token: string): string => {
      this.#usedToken = token;
      return address;
    };
    const found = token();
    return typeof found === 'string' ? use(found) : found.then(use);
  }

  async #login(): Promise<void> {
    const page = this.#options.page();
    // Asked before anything is awaited where nothing has to be: the first frame leaves with the opening of the socket.
    const asked = this.#options.login?.() ?? {};
    const fields = asked instanceof Promise ? await asked : asked;
    const answer = await this.call('login', {
      token: `Bearer ${this.#usedToken}`,
      customer: {},
      customer_side_storage: {},
      is_mobile: matchesPhone(),
      application: this.#options.application,
      ...(page && { customer_page: page }),
      ...fields,
    }).catch((error: unknown) => {
      const { type, message } = toWireError(error);
      throw this.#options.isFinal?.(type) ? new WireError(type, message, false) : error;
    });
    this.#toldPage = JSON.stringify(page);
    this.#renewedAt = Number.NEGATIVE_INFINITY;
    const session = readSession(answer);
    this.#session = session;
    this.#isOnline = session.isOnline;
  }

  #ready(): void {
    const session = this.#session;
    if (!session) return;
    const { customer, greeting } = session;
    this.#events.emit('connected', { customer, availability: session.isOnline ? 'online' : 'offline', ...(greeting && { greeting }) });
  }

  #push(push: Push): void {
    if (push.action === 'customer_disconnected') return this.#ended(string(push.payload.reason) || 'connection_lost');
    const status = push.action === 'incoming_multicast' && groupStatus(push.payload);
    if (status) this.#isOnline = status !== 'offline';
    this.#events.emit('push', push);
    this.#options.follow?.(push);
  }

  /** The server says why it ends the connection. */
  #ended(reason: string): void {
    this.#quietly(() => {
      if (reason === 'access_token_expired') this.#wire.stop();
      else if (reason === 'inactivity_timeout') this.#wire.sleep();
      else if (this.#options.isFinal?.(reason)) this.#wire.stop();
      else this.#wire.restart(SLOW.includes(reason) ? SLOW_MS : 0);
    });
    this.#events.emit('disconnected', { reason });
    if (reason === 'access_token_expired') this.#renew();
  }

  /** A refused token is replaced at once, and then once a minute at most until a login goes through: never a tight loop. */
  #renew(): void {
    const wait = this.#renewedAt + RENEWALS_APART_MS - this.#clock.now();
    this.#cancelRenewal();
    if (wait > 0) {
      this.#cancelRenewal = this.#clock.after(wait, () => this.#renew());
      return;
    }
    this.#renewedAt = this.#clock.now();
    this.#options.replaceToken(this.#usedToken);
    if (this.#isWanted) this.#wire.start();
  }

  #quietly(end: () => void): void {
    this.#isQuiet = true;
    end();
    this.#isQuiet = false;
  }
}

/** The status of the customer's own group, where the push tells it. */
export function groupStatus({ content }: Push['payload']): string | undefined {
  const { name, groups } = object(content);
  const group = list(groups)[0];
  return name === 'groups_update' && group ? string(group.status) : undefined;
}

function matchesPhone(): boolean {
  return typeof matchMedia === 'function' && matchMedia('(width < 480px)').matches;
}
