import type { Config, Greeting, GreetingBubble, Host, Messenger, MessengerModule, Page, Store } from '../host';
import { Invalid, listener, record, text } from './arguments';
import { Launcher } from './launcher';
import { currentPage, watchPages } from './pages';
import { failure, type Outcome, Tracker } from './tracker';
import { randomToken } from '../random';
import { Visit } from './visit';

const IDLE_MS = 2_000;
const PERSON = ['name', 'email', 'phone', 'avatar_url', 'attributes'];

/** All of Parlor on one page: the page's calls come in here, and the parts know each other only through it. */
export class Widget {
  readonly #base: string;
  readonly #site: string;
  readonly #options: DOMStringMap;
  readonly #store: Store;
  readonly #tab: Store;
  readonly #tracker: Tracker;
  readonly #visit: Visit;
  readonly #launcher: Launcher;
  readonly #listeners = new Map<string, Set<(detail: unknown) => void>>();
  #messenger: Messenger | undefined;
  #loading: Promise<Messenger | undefined> | undefined;
  #bubble: Promise<GreetingBubble> | undefined;
  #greeting: Greeting | null | undefined;
  #askAgain: ReturnType<typeof setTimeout> | undefined;
  #isOpen = false;
  #isReady = false;
  #unread = 0;

  constructor(base: string, site: string, options: DOMStringMap, store: Store, tab: Store) {
    this.#base = base;
    this.#site = site;
    this.#options = options;
    this.#store = store;
    this.#tab = tab;
    this.#tracker = new Tracker(base, site, store, {
      configChanged: (config) => this.#configure(config),
      tokenChanged: (cause) => this.#visitorChanged(cause),
      greeted: (greeting, afterMs) => this.#greet(greeting, afterMs),
    });
    this.#visit = new Visit(this.#tracker);
    this.#launcher = new Launcher(
      options.launcher === 'hidden',
      () => (this.#isOpen ? this.#close() : this.#open(true)),
      () => void this.#load(),
    );
  }

  start(): void {
    this.#viewPage(currentPage());
    this.#tracker.start();
    if (this.#tracker.config) this.#configure(this.#tracker.config);
    if ('spa' in this.#options) watchPages(() => this.#viewPage(currentPage()));
    addEventListener('pagehide', () => this.#visit.leave());
    addEventListener('pageshow', ({ persisted }) => {
      if (persisted) this.#viewPage(currentPage());
    });
    addEventListener('online', () => this.#tracker.retry());
    document.addEventListener('visibilitychange', () => {
      if (document.visibilityState === 'hidden') this.#visit.leave();
      else this.#visit.comeBack();
    });
  }

  /** One call of the page. Never throws; what was wrong is in the outcome. */
  dispatch(args: unknown[]): unknown {
    try {
      return this.#run(String(args[0]), args.slice(1));
    } catch (error) {
      const { message, field } = error instanceof Invalid ? error : { message: String(error), field: '' };
      console.warn(`Parlor: ${message}`);
      return Promise.resolve(failure(field ? 'validation' : 'internal', message, field));
    }
  }

  #run(call: string, [first, second]: unknown[]): unknown {
    switch (call) {
      case 'open':
        return this.#open(true);
      case 'close':
        return this.#close();
      case 'track':
        return this.#track('event', { name: text(first, 'name'), properties: record(second, 'properties') });
      case 'page':
        return this.#viewPage({ ...currentPage(), ...(record(first, 'page') as Partial<Page>) });
      case 'identify':
        return this.#track('identify', { ...identity(first, second), new_token: randomToken() });
      case 'update':
        return this.#track('update', person(record(first, 'visitor')));
      case 'reset':
        return this.#track('reset', { new_token: randomToken() });
      case 'on':
        return this.#on(text(first, 'event'), listener(second));
      default:
        throw new Invalid('call', `"${call}" is unknown`);
    }
  }

  #track(call: string, fields: object): Promise<Outcome> {
    return this.#tracker.call(call, fields).outcome;
  }

  #viewPage(page: Page): Promise<Outcome> {
    const outcome = this.#visit.view(page);
    this.#messenger?.pageChanged();
    return outcome;
  }

  #on(event: string, call: (detail: unknown) => void): () => void {
    const calls = this.#listeners.get(event) ?? new Set();
    this.#listeners.set(event, calls.add(call));
    // Listeners that come late learn the present state.
    if (event === 'ready' && this.#isReady) queueMicrotask(() => notify(call, undefined));
    if (event === 'unread' && this.#unread) queueMicrotask(() => notify(call, this.#unread));
    return () => void calls.delete(call);
  }

  #emit(event: string, detail?: unknown): void {
    for (const call of this.#listeners.get(event) ?? []) notify(call, detail);
  }

  #configure(config: Config): void {
    this.#launcher.configure(config, this.#options.language);
    this.#messenger?.configChanged();
    if (this.#isReady) return;
    this.#isReady = true;
    this.#emit('ready');
    const wasOpen = this.#tab.get('open') !== null && innerWidth >= 480;
    if (this.#isOpen || wasOpen) this.#open(this.#isOpen);
    else if (this.#store.get('chat') || this.#store.get('outbox')) whenIdle(() => void this.#load());
  }

  #open(takeFocus: boolean): Promise<Outcome> {
    this.#isOpen = true;
    if (!this.#isReady) return Promise.resolve({ ok: true });
    return this.#load().then((messenger) => {
      if (!messenger) {
        this.#isOpen = false;
        this.#launcher.showFailure();
        return failure('unavailable', 'The messenger could not be loaded.');
      }
      if (this.#isOpen) {
        this.#tab.set('open', '1');
        this.#launcher.isOpen = true;
        messenger.open(takeFocus);
        this.#emit('open');
      }
      return { ok: true };
    });
  }

  /** Shows what the answer greets with, in a bubble that is loaded the first time; another answer may end it again. */
  #greet(greeting: Greeting | null | undefined, afterMs: number | undefined): void {
    clearTimeout(this.#askAgain);
    if (afterMs) this.#askAgain = setTimeout(() => this.#visit.seen(), afterMs);
    this.#greeting = greeting;
    const isShown = greeting && !greeting.accepted && !this.#isOpen && this.#options.launcher !== 'hidden';
    if (!isShown && !this.#bubble) return;
    this.#bubble ??= import(`${this.#base}widget/${GREETING_FILE}`).then(({ start }) =>
      start({
        root: this.#launcher.root,
        corner: this.#launcher.corner,
        language: this.#launcher.language,
        react: (unique_id: string, state: string) => void this.#track('greeting', { unique_id, state }),
        open: () => void this.#open(true),
        focus: () => this.#launcher.focus(),
      }),
    );
    this.#bubble.then(
      (bubble) => (isShown && this.#greeting === greeting ? bubble.show(greeting) : bubble.hide()),
      () => (this.#bubble = undefined),
    );
  }

  #close(): Promise<Outcome> {
    if (this.#isOpen) {
      this.#isOpen = false;
      this.#tab.remove('open');
      this.#launcher.isOpen = false;
      this.#messenger?.close();
      this.#launcher.focus();
      this.#emit('close');
    }
    return Promise.resolve({ ok: true });
  }

  #load(): Promise<Messenger | undefined> {
    this.#loading ??= this.#import().then((module) => {
      this.#launcher.isBusy = false;
      if (module) this.#messenger = module.start(this.#host());
      else this.#loading = undefined;
      return this.#messenger;
    });
    return this.#loading;
  }

  /** The module built with this loader, else the one the server names now: it may have been updated under an open page. */
  async #import(): Promise<MessengerModule | undefined> {
    this.#launcher.isBusy = true;
    // A browser may remember a failed import by its address: the last try has one of its own.
    for (const file of [MESSENGER_FILE, this.#tracker.config?.messenger, `${MESSENGER_FILE}?${Date.now()}`]) {
      try {
        return await import(`${this.#base}widget/${file?.split('/').pop()}`);
      } catch (error) {
        console.warn('Parlor:', error);
      }
    }
    return undefined;
  }

  #visitorChanged(cause: string): void {
    // The tab that asked for the change has cleared what tabs share.
    if (cause !== 'other_tab') this.#store.remove('chat');
    if (cause === 'reset') {
      // The next person at this browser must neither see nor send what this one wrote.
      this.#store.remove('outbox');
      this.#store.remove('draft');
    }
    this.#messenger?.visitorChanged();
  }

  #host(): Host {
    return {
      base: this.#base,
      site: this.#site,
      root: this.#launcher.root,
      frame: this.#launcher.frame,
      store: this.#store,
      language: this.#launcher.language,
      config: () => this.#tracker.config as Config,
      page: () => this.#visit.page,
      token: () => this.#tracker.token(),
      replaceToken: (refused) => this.#tracker.replaceToken(refused),
      setUnread: (count) => {
        if (count === this.#unread) return;
        this.#unread = count;
        this.#launcher.unread = count;
        this.#emit('unread', count);
      },
      emit: (event, detail) => this.#emit(event, detail),
      close: () => void this.#close(),
    };
  }
}

/** Both `identify('42', {…})` and `identify({user_id: '42', …})`. */
function identity(first: unknown, second: unknown): object {
  const isApart = typeof first === 'string' || typeof first === 'number';
  const fields = record(isApart ? second : first, 'visitor');
  const id = isApart ? first : fields.user_id;
  return { ...person(fields), ...(id !== undefined && { user_id: text(String(id), 'user_id') }) };
}

function person(fields: Record<string, unknown>): object {
  for (const field of Object.keys(fields)) {
    if (field !== 'user_id' && !PERSON.includes(field)) throw new Invalid(field, `is unknown; own values go into "attributes"`);
  }
  return Object.fromEntries(PERSON.filter((field) => field in fields).map((field) => [field, fields[field]]));
}

/** A listener of the page may throw: that is its own error, shown as such, and nobody else's. */
function notify(call: (detail: unknown) => void, detail: unknown): void {
  try {
    call(detail);
  } catch (error) {
    console.error(error);
  }
}

function whenIdle(call: () => void): void {
  if ('requestIdleCallback' in window) requestIdleCallback(call, { timeout: IDLE_MS });
  else setTimeout(call, IDLE_MS);
}
