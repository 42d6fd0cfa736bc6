// The script a page loads. It finds its server from its own address, counts the page view, shows the launcher, and loads the messenger
// when somebody opens it. It adds to the page: the global `Parlor`, one <parlor-chat> element, and keys `parlor:<site>:…` in storage.

import { readHints } from './hints';
import { openStore } from '../store';
import { Widget } from './widget';

/** A call as the snippet's optional stub keeps it: the arguments. */
type Queued = ArrayLike<unknown>;

interface Global {
  Parlor?: { (...args: unknown[]): unknown; q?: Queued[]; version?: string };
}

const HINTS_MS = 100;

async function start(): Promise<void> {
  const script = (document.currentScript ?? document.querySelector('script[data-site][src*="widget.js"]')) as HTMLScriptElement | null;
  const page = window as Global;
  const site = script?.dataset.site;
  if (page.Parlor?.version) return;
  if (!script?.src || !site) {
    console.warn('Parlor: the script needs its src and data-site="KEY"');
    return;
  }
  const widget = new Widget(new URL('.', script.src).href, site, script.dataset, openStore(site), openStore(site, 'sessionStorage'));
  const waiting = (page.Parlor?.q ?? []).map((call) => Array.from(call));
  const parlor = (call: unknown[]): unknown => widget.dispatch(call);
  page.Parlor = Object.assign((...call: unknown[]) => parlor(call), { version: '1' });

  await Promise.race([Promise.all([readHints(), parsed()]), sleep(HINTS_MS).then(parsed)]);
  // Who the visitor is comes first, so that the page view is already theirs.
  const isIdentity = ([call]: unknown[]): boolean => call === 'identify' || call === 'reset';
  waiting.filter(isIdentity).forEach(parlor);
  widget.start();
  waiting.filter((call) => !isIdentity(call)).forEach(parlor);
}

function parsed(): Promise<void> {
  if (document.readyState !== 'loading') return Promise.resolve();
  return new Promise((resolve) => document.addEventListener('DOMContentLoaded', () => resolve(), { once: true }));
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

start().catch((error: unknown) => console.warn('Parlor:', error));
