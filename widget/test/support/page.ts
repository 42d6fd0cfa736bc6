import type { Config } from '../../src/sdk/api';
import type { Environment, PageListener } from '../../src/sdk/environment';
import { Sdk } from '../../src/sdk/sdk';
import type { Sending } from '../../src/sdk/upload';
import { FakeClock, settle } from './clock';
import { FakeSocket, type Request } from './socket';
import { FakeStorage } from './store';

type Json = Record<string, unknown>;
type Handler = (payload: Json) => Json | undefined;

export const CUSTOMER = {
  id: 'customer-1',
  type: 'customer',
  name: 'Ada',
  session_fields: [{ plan: 'pro' }],
  statistics: {
    chats_count: 1,
    threads_count: 2,
    visits_count: 3,
    page_views_count: 4,
    greetings_shown_count: 5,
    greetings_accepted_count: 6,
  },
};

const ONLINE = { customer_groups: { monitoring: { id: 0 } }, online_groups_ids: [0] };

/** A multipart request in the hands of a test. */
export class FakeRequest implements Sending {
  status = 0;
  responseText = '';
  upload: Sending['upload'] = { onprogress: null };
  onload: (() => void) | null = null;
  onerror: (() => void) | null = null;
  readonly headers = new Map<string, string>();
  url = '';
  body: FormData | undefined;
  isAborted = false;

  open(_method: string, url: string): void {
    this.url = url;
  }

  setRequestHeader(name: string, value: string): void {
    this.headers.set(name, value);
  }

  send(body: FormData): void {
    this.body = body;
  }

  abort(): void {
    this.isAborted = true;
  }

  answer(status: number, body: object): void {
    this.status = status;
    this.responseText = JSON.stringify(body);
    this.onload?.();
  }
}

/** The server side of an SDK: answers what it knows, keeps the rest for the test to answer. */
export class FakePage {
  readonly clock = new FakeClock();
  readonly sockets: FakeSocket[] = [];
  readonly posts: { url: string; body: Json; headers: Record<string, string> }[] = [];
  readonly uploads: FakeRequest[] = [];
  /** What the token endpoint knows: who holds a browser token. */
  entityOf: (browserToken: string) => string = () => 'customer-1';
  answerPost: (url: string, body: Json) => { status?: number; body: unknown } | undefined = () => undefined;
  login: Json = { epoch: 'epoch-1', customer: CUSTOMER, chats: [], __priv_dynamic_config: ONLINE };
  /** Refusals of the next logins, one each. */
  loginErrors: Json[] = [];
  answersPings = true;
  handlers: Record<string, Handler> = {};
  isNetworkUp = true;
  listener: PageListener | undefined;
  readonly storage: FakeStorage;
  readonly #waiting: { socket: FakeSocket; request: Request }[] = [];
  #tokens = 0;

  constructor(storage = new FakeStorage()) {
    this.storage = storage;
  }

  open(config: Partial<Config> = {}): Sdk {
    const all = { licenseId: 7, clientId: 'client', ...config } as Config;
    return new Sdk(all, 'https://chat.test/base/sdk/customer-sdk.js', this.environment);
  }

  get environment(): Environment {
    return {
      version: 'test',
      clock: this.clock,
      openStore: (name) => this.storage.tab(`${name}:`),
      fetch: (url, init) => this.#fetch(url, init),
      openRequest: () => {
        const request = new FakeRequest();
        this.uploads.push(request);
        return request;
      },
      openSocket: (address) => this.#connect(address),
      page: () => ({ url: 'https://shop.test/', title: 'Shop' }),
      listen: (listener) => {
        this.listener = listener;
        return () => {
          this.listener = undefined;
        };
      },
    };
  }

  get socket(): FakeSocket {
    return this.sockets.at(-1) as FakeSocket;
  }

  addresses: string[] = [];

  /** The oldest request that nobody has answered. */
  take(): { action: string; payload: Json; answer(payload?: Json): void; refuse(type: string, data?: Json): void; push(action: string, payload: Json): void } {
    const { socket, request } = this.#waiting.shift() as { socket: FakeSocket; request: Request };
    return {
      action: request.action,
      payload: request.payload ?? {},
      answer: (payload = {}) => socket.answer(request, payload),
      refuse: (type, data) => socket.refuse(request, { type, message: type, data }),
      push: (action, payload) => socket.receive({ action, type: 'push', request_id: request.request_id, payload }),
    };
  }

  get waiting(): string[] {
    return this.#waiting.map(({ request }) => request.action);
  }

  async settle(): Promise<void> {
    for (let turn = 0; turn < 12; turn++) await settle();
  }

  async #fetch(url: string, init: RequestInit): Promise<Response> {
    const body = JSON.parse(String(init.body)) as Json;
    this.posts.push({ url, body, headers: (init.headers ?? {}) as Record<string, string> });
    if (!this.isNetworkUp) throw new TypeError('Failed to fetch');
    const special = this.answerPost(url, body);
    if (special) return new Response(JSON.stringify(special.body), { status: special.status ?? 200 });
    const site = { site: 'site-key', license_id: 7, organization_id: 'org-1' };
    const token = body.browser_token && {
      access_token: `access-${++this.#tokens}`,
      entity_id: this.entityOf(String(body.browser_token)),
      expires_in: 28_800,
      token_type: 'Bearer',
    };
    return Response.json({ ...site, ...(token || {}) });
  }

  #connect(address: string): FakeSocket {
    this.addresses.push(address);
    const socket = new FakeSocket();
    this.sockets.push(socket);
    socket.onrequest = (request) => this.#handle(socket, request);
    setImmediate(() => (this.isNetworkUp ? socket.open() : socket.cut()));
    return socket;
  }

  #handle(socket: FakeSocket, request: Request): void {
    if (request.action === 'ping') {
      if (this.answersPings) socket.answer(request);
      return;
    }
    if (request.action === 'login') {
      const error = this.loginErrors.shift();
      if (error) return socket.refuse(request, error);
      return socket.answer(request, this.login);
    }
    const answer = this.handlers[request.action]?.(request.payload ?? {});
    if (answer) return socket.answer(request, answer);
    this.#waiting.push({ socket, request });
  }
}
