// What the loader and the lazily loaded messenger know of each other. The loader of one release may meet the messenger of the next,
// so this interface only ever grows.

/** A site's public settings, as `POST /track` answers them. */
export interface Config {
  version: string;
  site: string;
  accent: string;
  position: 'bottom_right' | 'bottom_left';
  offset_px: number;
  headline: string;
  welcome: string;
  away: string;
  language: string;
  online: boolean;
  tracking: boolean;
  honour_dnt: boolean;
  messenger: string;
}

/** Named texts kept for this site in the browser, or in memory where storage is denied. */
export interface Store {
  get(name: string): string | null;
  set(name: string, value: string): void;
  remove(name: string): void;
  /** Calls back when another tab changed the value. */
  watch(name: string, changed: () => void): void;
}

/** The page being looked at. */
export interface Page {
  url: string;
  title: string;
}

/** What the messenger may ask of the loader. */
export interface Host {
  /** Address of the server, with a slash at its end. */
  base: string;
  site: string;
  /** The element inside the shadow root into which the messenger renders. */
  frame: HTMLElement;
  root: ShadowRoot;
  store: Store;
  language: string;
  config(): Config;
  page(): Page;
  /** The visitor's token; made now if there is none, since whoever opens the chat wants to be known to it. */
  token(): string;
  /** The server refused this token: another one takes its place. */
  replaceToken(refused: string): void;
  /** Number of messages not yet read, shown on the launcher. */
  setUnread(count: number): void;
  /** Tells the page's own listeners. */
  emit(event: string, detail: unknown): void;
  /** The visitor closed the window. */
  close(): void;
}

/** A greeting as `POST /track` answers it. */
export interface Greeting {
  unique_id: string;
  accepted: boolean;
  agent: { name: string; job_title: string; avatar: string };
  content:
    | { type: 'message'; text: string }
    | { type: 'rich_message'; elements: { title?: string; subtitle?: string; buttons?: { text: string }[] }[] };
}

/** What the bubble of a greeting may ask of the loader. */
export interface GreetingHost {
  root: ShadowRoot;
  /** The element in the corner of the page that holds the launcher. */
  corner: HTMLElement;
  language: string;
  react(uniqueId: string, state: 'shown' | 'accepted' | 'canceled'): void;
  open(): void;
  /** Gives the focus to the launcher. */
  focus(): void;
}

/** What the loader may ask of the bubble. */
export interface GreetingBubble {
  show(greeting: Greeting): void;
  hide(): void;
}

/** What the loader may ask of the messenger. */
export interface Messenger {
  /** Shows the window; takes the focus only when the visitor asked for it. */
  open(takeFocus: boolean): void;
  close(): void;
  /** The token now belongs to another visitor. */
  visitorChanged(): void;
  pageChanged(): void;
  configChanged(): void;
}

/** The messenger module's only export. */
export interface MessengerModule {
  start(host: Host): Messenger;
}
