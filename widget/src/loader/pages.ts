import type { Page } from '../host';

const TITLE_MS = 300;
const LOOK_MS = 1_000;

export function currentPage(): Page {
  return { url: location.href, title: document.title };
}

/** The address without an anchor inside the page; `#/…` and `#!…` are routes. */
function route(): string {
  const { hash, href } = location;
  return /^#[/!]/.test(hash) ? href : href.slice(0, href.length - hash.length);
}

/**
 * Calls back when a single-page application has gone to another address. The page's own functions are not replaced: where the
 * Navigation API is missing, the address is looked at once a second.
 */
export function watchPages(changed: () => void): void {
  let last = route();
  const look = (): void => {
    if (route() === last) return;
    last = route();
    // Applications set the title after the address.
    setTimeout(changed, TITLE_MS);
  };
  const { navigation } = window as { navigation?: EventTarget };
  if (navigation) navigation.addEventListener('currententrychange', look);
  else setInterval(look, LOOK_MS);
  addEventListener('popstate', look);
}
