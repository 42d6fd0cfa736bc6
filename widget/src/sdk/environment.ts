import { type Clock, systemClock } from '../clock';
import type { Page } from '../customer/customer';
import type { Store } from '../host';
import { openStore } from '../store';
import type { Socket } from '../wire/wire';
import type { Sending } from './upload';

export interface PageListener {
  online(): void;
  offline(): void;
  /** The page is left, perhaps to be come back to. */
  hide(): void;
  /** The page was come back to. */
  show(): void;
}

/** What the SDK has of its browser, so that tests put their own in its place. */
export interface Environment {
  version: string;
  clock: Clock;
  openStore(name: string): Store;
  fetch(url: string, init: RequestInit): Promise<Response>;
  openRequest(): Sending;
  openSocket?(address: string): Socket;
  page(): Page | undefined;
  /** Listens to the page; the answer stops it. */
  listen(listener: PageListener): () => void;
}

const VERSION = '1';

export const browser: Environment = {
  version: VERSION,
  clock: systemClock,
  openStore: (name) => openStore(name),
  fetch: (url, init) => fetch(url, init),
  openRequest: () => new XMLHttpRequest() as unknown as Sending,
  page: () => (typeof location === 'object' ? { url: location.href, title: document.title } : undefined),
  listen({ online, offline, hide, show }) {
    const stop = new AbortController();
    const on = (name: string, call: (event: PageTransitionEvent) => void): void =>
      addEventListener(name, call as (event: Event) => void, { signal: stop.signal });
    on('online', online);
    on('offline', offline);
    on('pagehide', hide);
    on('pageshow', ({ persisted }) => persisted && show());
    return () => stop.abort();
  },
};
