import * as actions from '../customer/actions';
import { type Call } from '../customer/actions';
import { object, snake, string } from '../customer/case';
import { Customer, type Page } from '../customer/customer';
import { Follower } from '../customer/follower';
import type { Chat, ChatEvent, CustomerEvents, NewEvent, User } from '../customer/objects';
import { readEvent } from '../customer/read';
import { tellPush } from '../customer/pushes';
import { Emitter } from '../emitter';
import { toJson } from '../json';
import { randomId } from '../random';
import { type Push, WireError } from '../wire/frames';
import type { AllEvents, Config, CustomerSDK, ThreadsHistory, Upload } from './api';
import { TokenAuth } from './auth';
import { serverBase, type WireTenant, wireTenant } from './config';
import type { Environment } from './environment';
import { History } from './history';
import { SendQueue } from './queue';
import { sendTicket, ticketBody } from './tickets';
import { upload } from './upload';

type Args<Name extends keyof CustomerSDK> = CustomerSDK[Name] extends (...args: infer A) => unknown ? A : never;

/** After these the instance is of no use any more. The last ones are refusals of a token. */
const FINAL = [
  'customer_banned',
  'customer_temporarily_blocked',
  'identity_mismatch',
  'license_not_found',
  'product_version_changed',
  'too_many_connections',
  'unsupported_version',
  'users_limit_reached',
  'wrong_product_version',
  'unauthorized_client',
  'validation',
];

/** The documented Customer SDK: one customer of one site. */
export class Sdk implements CustomerSDK {
  readonly auth: TokenAuth;
  readonly #config: Config;
  readonly #environment: Environment;
  readonly #base: string;
  readonly #tenant: WireTenant;
  readonly #events = new Emitter<AllEvents>();
  readonly #customer: Customer;
  readonly #follower: Follower;
  readonly #queue: SendQueue;
  readonly #active = new Set<string>();
  readonly #ownThreads = new Set<string>();
  readonly #stopListening: () => void;
  #page: Page | undefined;
  #entityId = '';
  #isDestroyed = false;

  constructor(config: Config, script: string | undefined, environment: Environment) {
    this.#config = config;
    this.#environment = environment;
    this.#base = serverBase(config.server, script);
    this.#tenant = wireTenant(config);
    this.#page = (config.page && { title: '', ...config.page }) ?? environment.page();
    const { clock } = environment;
    this.auth = new TokenAuth({ ...environment, base: this.#base, tenant: this.#tenant });
    this.#customer = new Customer({
      base: this.#base,
      tenant: this.#query,
      application: { name: 'customer_sdk', version: environment.version },
      token: () => this.#token(),
      replaceToken: () => this.auth.invalidate(),
      page: () => this.#page,
      login: () => this.#login(),
      isFinal: (reason) => FINAL.includes(reason),
      follow: (push) => this.#follower.push(push),
      clock,
      ...(environment.openSocket && { openSocket: environment.openSocket }),
    });
    this.#follower = new Follower(this.#customer.call, clock, {
      tell: (push) => this.#tell(push),
      lost: (chatId) => this.#events.emit('history_lost', { chatId }),
    });
    this.#queue = new SendQueue(this.#customer.call, environment.openStore(`sdk:${this.#base}?${this.#query}`), clock, {
      customerId: () => this.#entityId || (this.auth.held?.entityId ?? ''),
      stored: (chatId, event) => this.#events.emit('incoming_event', { chatId, event }),
      failed: (chatId, event, code) => this.#events.emit('send_failed', { chatId, event, code }),
    });
    this.#stopListening = environment.listen({
      online: () => this.#customer.state !== 'asleep' && this.#customer.probe(),
      offline: () => this.#customer.doubt(),
      // An open socket would keep the page out of the browser's cache of pages to go back to.
      hide: () => this.#customer.suspend(),
      show: () => this.#customer.isWanted && this.#customer.connect(),
    });
    this.#listen();
    if (config.autoConnect ?? true) this.connect();
    else if (config.page) void this.#checkGoals(config.page.url);
  }

  get #query(): string {
    return new URLSearchParams(Object.entries(this.#tenant).map(([name, value]) => [name, String(value)])).toString();
  }

  connect(): void {
    if (this.#isDestroyed) throw destroyed();
    this.#customer.connect();
  }

  disconnect(): void {
    this.#customer.disconnect();
  }

  destroy(): void {
    if (this.#isDestroyed) return;
    this.#isDestroyed = true;
    this.#stopListening();
    this.#customer.disconnect();
    this.#follower.disconnected();
    this.#queue.destroy(destroyed());
    this.#events.clear();
  }

  on<Name extends keyof AllEvents>(name: Name, listener: (payload: AllEvents[Name]) => void): void {
    if (!this.#isDestroyed) this.#events.on(name, listener);
  }

  off<Name extends keyof AllEvents>(name: Name, listener: (payload: AllEvents[Name]) => void): void {
    this.#events.off(name, listener);
  }

  once<Name extends keyof AllEvents>(name: Name, listener: (payload: AllEvents[Name]) => void): void {
    if (!this.#isDestroyed) this.#events.on(name, listener, true);
  }

  acceptGreeting = (...[greeting]: Args<'acceptGreeting'>) => actions.acceptGreeting(this.#call, greeting);
  cancelGreeting = (...[greeting]: Args<'cancelGreeting'>) => actions.cancelGreeting(this.#call, greeting);
  cancelRate = (...[rate]: Args<'cancelRate'>) => actions.cancelRate(this.#call, rate);
  deactivateChat = (...[chat]: Args<'deactivateChat'>) => actions.deactivateChat(this.#call, chat);
  deleteChatProperties = (...[data]: Args<'deleteChatProperties'>) => actions.deleteChatProperties(this.#call, data);
  deleteEventProperties = (...[data]: Args<'deleteEventProperties'>) => actions.deleteEventProperties(this.#call, data);
  deleteThreadProperties = (...[data]: Args<'deleteThreadProperties'>) => actions.deleteThreadProperties(this.#call, data);
  getCustomer = () => actions.getCustomer(this.#call);
  getForm = (...[form]: Args<'getForm'>) => actions.getForm(this.#call, form);
  getPredictedAgent = (...[group]: Args<'getPredictedAgent'>) => actions.getPredictedAgent(this.#call, group);
  getUrlInfo = (...[page]: Args<'getUrlInfo'>) => actions.getUrlInfo(this.#call, page);
  listGroupStatuses = (...[groups]: Args<'listGroupStatuses'>) => actions.listGroupStatuses(this.#call, groups);
  listThreads = (...[page]: Args<'listThreads'>) => actions.listThreads(this.#call, page);
  markEventsAsSeen = (...[seen]: Args<'markEventsAsSeen'>) => actions.markEventsAsSeen(this.#call, seen);
  rateChat = (...[rate]: Args<'rateChat'>) => actions.rateChat(this.#call, rate);
  sendRichMessagePostback = (...[data]: Args<'sendRichMessagePostback'>) => actions.sendRichMessagePostback(this.#call, data);
  setCustomerSessionFields = (...[data]: Args<'setCustomerSessionFields'>) => actions.setCustomerSessionFields(this.#call, data);
  updateChatProperties = (...[data]: Args<'updateChatProperties'>) => actions.updateChatProperties(this.#call, data);
  updateCustomer = (...[data]: Args<'updateCustomer'>) => actions.updateCustomer(this.#call, data);
  updateEventProperties = (...[data]: Args<'updateEventProperties'>) => actions.updateEventProperties(this.#call, data);
  updateThreadProperties = (...[data]: Args<'updateThreadProperties'>) => actions.updateThreadProperties(this.#call, data);

  async startChat(...[data = {}]: Args<'startChat'>): Promise<{ chat: Chat }> {
    return this.#opened(await actions.startChat(this.#call, data));
  }

  async activateChat(...[data]: Args<'activateChat'>): Promise<{ chat: Chat }> {
    return this.#opened(await actions.activateChat(this.#call, data));
  }

  async getChat(...[chat]: Args<'getChat'>): Promise<Chat> {
    const found = await actions.getChat(this.#call, chat);
    this.#tellUsers(found.users);
    return found;
  }

  getChatHistory({ chatId }: { chatId: string }): ThreadsHistory {
    return new History(this.#call, chatId);
  }

  async listChats(...[page]: Args<'listChats'>): ReturnType<CustomerSDK['listChats']> {
    const found = await actions.listChats(this.#call, page);
    for (const { id, active } of found.chatsSummary) this.#setActive(id, active);
    this.#tellUsers(found.users);
    return found;
  }

  sendEvent(...[entry]: Args<'sendEvent'>): Promise<ChatEvent> {
    if (this.#isDestroyed) return Promise.reject(destroyed());
    if (!this.#customer.isWanted || this.#customer.state === 'asleep') return Promise.reject(notConnected());
    return this.#queue.send(entry);
  }

  listUnsentEvents(): { chatId: string; event: NewEvent }[] {
    return this.#queue.entries;
  }

  async sendTicketForm(...[ticket]: Args<'sendTicketForm'>): Promise<{ id: string; text: string }> {
    if (this.#isDestroyed) throw destroyed();
    const { accessToken, entityId, licenseId } = await this.auth.getToken();
    const sender = { licenseId, visitorId: entityId, pageUrl: this.#page?.url, customId: randomId() };
    return sendTicket(`${this.#base}v2/tickets/new`, accessToken, ticketBody(ticket, sender), this.#environment.fetch);
  }

  setSneakPeek({ chatId, sneakPeekText }: { chatId: string; sneakPeekText: string }): void {
    if (!this.#active.has(chatId) || this.#customer.state !== 'ready') return;
    // Only a courtesy: what is lost is told by the next key.
    actions.setSneakPeek(this.#customer.call, chatId, sneakPeekText).catch(() => {});
  }

  updateCustomerPage({ url, title = '' }: { url: string; title?: string }): void {
    this.#page = { url, title };
    this.#customer.tellPage();
  }

  uploadFile({ file, onProgress }: Args<'uploadFile'>[0]): Upload {
    if (this.#isDestroyed) return { promise: Promise.reject(destroyed()), cancel: () => {} };
    return upload({
      url: `${this.#base}v3.2/customer/action/upload_file?${this.#query}`,
      file,
      onProgress,
      token: () => this.auth.getToken().then(({ accessToken }) => accessToken),
      open: this.#environment.openRequest,
    });
  }

  /** Sends a request while the connection stands; what may wait is `sendEvent` alone. */
  readonly #call: Call = (action, payload, settledBy) => {
    if (this.#isDestroyed) return Promise.reject(destroyed());
    if (this.#customer.state !== 'ready') return Promise.reject(notConnected());
    return this.#customer.call(action, payload, settledBy);
  };

  #listen(): void {
    const customer = this.#customer;
    customer.on('connected', (detail) => {
      this.#events.emit('connected', detail);
      if (customer.session) void this.#follower.connected(customer.session).then(() => this.#queue.allow(customer.state === 'ready'));
    });
    customer.on('state', (state) => {
      if (state === 'ready') return;
      this.#follower.disconnected();
      this.#queue.allow(false);
    });
    customer.on('disconnected', (detail) => {
      this.#events.emit('disconnected', detail);
      if (FINAL.includes(detail.reason)) this.destroy();
    });
    customer.on('too_large', () => this.#queue.refuseInFlight());
    customer.on('connection_unstable', () => this.#events.emit('connection_unstable', undefined));
    customer.on('connection_recovered', () => this.#events.emit('connection_recovered', undefined));
  }

  async #token(): Promise<string> {
    const { accessToken, entityId } = await this.auth.getToken();
    if (this.#entityId && this.#entityId !== entityId) {
      throw new WireError('identity_mismatch', 'The browser belongs to another visitor now.', false);
    }
    if (!this.#entityId) {
      this.#entityId = entityId;
      this.#events.emit('customer_id', entityId);
    }
    return accessToken;
  }

  async #login(): Promise<object> {
    const { groupId, referrer, customerDataProvider } = this.#config;
    const data = await customerDataProvider?.();
    return {
      ...(data && { customer: actions.customerFields(data) }),
      ...(groupId !== undefined && { group_id: groupId }),
      ...(referrer !== undefined && { referrer }),
    };
  }

  /** A push whose turn in its chat has come. */
  #tell(push: Push): void {
    const { action, payload, isOwn } = push;
    const chatId = string(payload.chat_id) || string(object(payload.chat).id);
    if (action === 'incoming_chat') this.#setActive(chatId, true);
    if (action === 'chat_deactivated') this.#setActive(chatId, false);
    // Whoever asked has it as the answer.
    if (isOwn) return;
    if (action === 'incoming_event' && this.#queue.arrived(readEvent(object(payload.event), string(payload.thread_id)))) return;
    if (action === 'incoming_chat' && this.#ownThreads.has(string(object(object(payload.chat).thread).id))) return;
    tellPush(push, (name, detail) => this.#events.emit(name, detail as AllEvents[typeof name]));
  }

  #opened(opened: { chat: Chat }): { chat: Chat } {
    if (opened.chat.thread) this.#ownThreads.add(opened.chat.thread.id);
    this.#tellUsers(opened.chat.users);
    return opened;
  }

  #tellUsers(users: User[]): void {
    for (const user of users) this.#events.emit('user_data' satisfies keyof CustomerEvents, user);
  }

  #setActive(chatId: string, isActive: boolean): void {
    if (isActive) this.#active.add(chatId);
    else this.#active.delete(chatId);
  }

  /** A visit without a connection: what the page is about may earn the visitor a greeting later. */
  async #checkGoals(url: string): Promise<void> {
    const { sessionFields = {} } = (await this.#config.customerDataProvider?.()) ?? {};
    const fields = Object.entries(sessionFields).map(([name, value]) => ({ [name]: value }));
    const body = { ...snake({ pageUrl: url, groupId: this.#config.groupId ?? 0 }), session_fields: fields, customer_fields: {} };
    try {
      const { accessToken } = await this.auth.getToken();
      const headers = { 'Content-Type': 'application/json', Authorization: `Bearer ${accessToken}` };
      const address = `${this.#base}v3.2/customer/action/check_goals?${this.#query}`;
      await this.#environment.fetch(address, { method: 'POST', headers, body: toJson(body), credentials: 'omit' });
    } catch {
      // Nobody waits for it, and the next page tells again.
    }
  }
}

function destroyed(): WireError {
  return new WireError('sdk_destroyed', 'This instance was destroyed.', false);
}

function notConnected(): WireError {
  return new WireError('no_connection', 'Not connected.', true);
}
