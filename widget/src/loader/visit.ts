import type { Page } from '../host';
import { currentPage } from './pages';
import type { Outcome, Tracker } from './tracker';

const SEEN_MS = 60_000;

/** One page being looked at: its page view, a sign of life while it is visible, and its end. */
export class Visit {
  readonly #tracker: Tracker;
  #pageId = '';
  #referrer = document.referrer;
  #page: Page = currentPage();
  #hasLeft = false;

  constructor(tracker: Tracker) {
    this.#tracker = tracker;
    setInterval(() => this.seen(), SEEN_MS);
  }

  get page(): Page {
    return this.#page;
  }

  /** A page view; the page before it becomes the referrer. */
  view(page: Page): Promise<Outcome> {
    if (this.#pageId) this.#referrer = this.#page.url;
    this.#page = page;
    this.#hasLeft = false;
    const { id, outcome } = this.#tracker.call('page', { ...page, referrer: this.#referrer });
    this.#pageId = id;
    return outcome;
  }

  /** The page was hidden or closed. The browser may never let this script run again. */
  leave(): void {
    if (this.#pageId && !this.#hasLeft) {
      this.#hasLeft = true;
      this.#tracker.call('leave', { page: this.#pageId }, true);
    }
    this.#tracker.flushOnLeave();
  }

  /** The page is looked at again. */
  comeBack(): void {
    if (this.#hasLeft) this.seen();
    this.#hasLeft = false;
    this.#tracker.retry();
  }

  /** A sign of life, while the page is in view. */
  seen(): void {
    if (this.#pageId && document.visibilityState === 'visible') this.#tracker.call('seen', { page: this.#pageId }, true);
  }
}
