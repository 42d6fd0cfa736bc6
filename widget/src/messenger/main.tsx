// The messenger: loaded when the visitor opens it, or after a while when this browser has a chat already.

import { render } from 'preact';
import { Conversation, isRefusal } from '../customer/conversation';
import { Customer } from '../customer/customer';
import type { Host, Messenger } from '../host';
import { accentText } from '../look/contrast';
import { chooseLanguage, messengerTexts } from '../look/texts';
import { Dates } from './dates';
import cardsCss from './cards.css';
import { Forms } from './forms';
import logCss from './log.css';
import css from './messenger.css';
import { Uploads } from './uploads';
import { Window } from './window';

const VERSION = '1';
/** Events that are typed into the chat are no shortcuts of the page. */
const TYPED = ['keydown', 'keyup', 'keypress', 'beforeinput', 'input', 'paste', 'cut', 'copy'];

export function start(host: Host): Messenger {
  const language = chooseLanguage(host.language);
  const texts = messengerTexts[language];
  const dates = new Dates(language, texts);
  const place = document.createElement('div');
  const viewport = new CSSStyleSheet();
  const links = new CSSStyleSheet();
  const sheet = new CSSStyleSheet();
  let isOpen = false;
  let isShown = false;
  let focusWishes = 0;
  let visitors = 0;
  let isScheduled = false;

  const tenant = `site=${encodeURIComponent(host.site)}`;
  const customer = new Customer({
    base: host.base,
    tenant,
    application: { name: 'parlor_widget', version: VERSION },
    token: () => host.token(),
    replaceToken: (refused) => host.replaceToken(refused),
    page: () => host.page(),
    isFinal: isRefusal,
  });
  const conversation = new Conversation(customer, host.store, schedule);
  const forms = new Forms(customer.call, schedule);
  const uploads = new Uploads({
    url: `${host.base}v3.2/customer/action/upload_file?${tenant}`,
    token: () => host.token(),
    uploaded: ({ name }, url) => conversation.send(name, { type: 'file', url }),
    changed: schedule,
  });

  function schedule(): void {
    if (isScheduled) return;
    isScheduled = true;
    queueMicrotask(() => {
      isScheduled = false;
      draw();
    });
  }

  function draw(): void {
    const { view } = conversation;
    host.setUnread(view.unread);
    if (!isShown) return;
    render(
      <Window
        host={host}
        view={view}
        conversation={conversation}
        forms={forms}
        uploads={uploads}
        language={language}
        texts={texts}
        dates={dates}
        isOpen={isOpen}
        isBrowserOnline={navigator.onLine}
        focusWishes={focusWishes}
        visitor={visitors}
      />,
      place,
    );
  }

  function configure(): void {
    const { accent } = host.config();
    links.replaceSync(
      `.parlor{--accent-text:${accentText('light', accent)}}@media (prefers-color-scheme:dark){.parlor{--accent-text:${accentText('dark', accent)}}}`,
    );
    schedule();
  }

  function wake(): void {
    conversation.wake();
    schedule();
  }

  sheet.replaceSync(css + logCss + cardsCss);
  host.root.adoptedStyleSheets = [...host.root.adoptedStyleSheets, sheet, viewport, links];
  configure();
  host.frame.prepend(place);
  for (const type of TYPED) place.addEventListener(type, (event) => event.stopPropagation());
  followViewport(viewport);
  addEventListener('online', wake);
  addEventListener('offline', schedule);
  // An open socket would keep the page out of the browser's cache of pages to go back to.
  addEventListener('pagehide', () => customer.disconnect());
  addEventListener('pageshow', ({ persisted }) => persisted && customer.connect());
  document.addEventListener('visibilitychange', () => document.visibilityState === 'visible' && wake());
  customer.connect();

  return {
    open(takeFocus) {
      isOpen = true;
      isShown = true;
      if (takeFocus) focusWishes += 1;
      schedule();
      conversation.wake();
    },
    close() {
      isOpen = false;
      schedule();
    },
    visitorChanged() {
      visitors += 1;
      uploads.clear();
      conversation.visitorChanged();
    },
    pageChanged() {
      customer.wake();
      customer.tellPage();
    },
    configChanged: configure,
  };
}

/** Keeps the window above an on-screen keyboard, which covers the page without changing its height. */
function followViewport(sheet: CSSStyleSheet): void {
  const viewport = window.visualViewport;
  if (!viewport) return;
  const follow = (): void => {
    sheet.replaceSync(`.window{--seen-height:${Math.round(viewport.height)}px;--seen-top:${Math.round(viewport.offsetTop)}px}`);
  };
  viewport.addEventListener('resize', follow);
  viewport.addEventListener('scroll', follow);
  follow();
}
