// The bubble beside the launcher that shows a greeting: loaded when there is one. It takes no focus and can be closed.

import type { Greeting, GreetingBubble, GreetingHost } from '../host';
import { chooseLanguage, greetingTexts } from '../look/texts';
import css from './greeting.css';

const SVG = 'http://www.w3.org/2000/svg';
const CROSS = 'M6 6l12 12M18 6L6 18';

export function start(host: GreetingHost): GreetingBubble {
  const texts = greetingTexts[chooseLanguage(host.language)];
  const sheet = new CSSStyleSheet();
  // In the page from the start and empty, so that what comes into it is read out.
  const place = document.createElement('div');
  let shown = '';
  let reported = '';

  sheet.replaceSync(css);
  host.root.adoptedStyleSheets = [...host.root.adoptedStyleSheets, sheet];
  place.className = 'greeting';
  place.role = 'status';
  host.corner.prepend(place);

  function hide(): void {
    shown = '';
    // Whoever stood in the bubble goes on at the launcher.
    const hadFocus = place.contains(host.root.activeElement);
    place.replaceChildren();
    if (hadFocus) host.focus();
  }

  function show(greeting: Greeting): void {
    if (shown === greeting.unique_id) return;
    shown = greeting.unique_id;
    // With the next picture: by then the empty place is known to screen readers, and a page in the background shows nothing.
    requestAnimationFrame(() => {
      if (shown !== greeting.unique_id) return;
      place.replaceChildren(body(greeting), closing());
      if (reported === shown) return;
      reported = shown;
      host.react(shown, 'shown');
    });
  }

  function body(greeting: Greeting): HTMLElement {
    const button = document.createElement('button');
    button.type = 'button';
    button.className = 'greeting-body';
    button.append(line('greeting-name', greeting.agent.name), ...words(greeting));
    button.addEventListener('click', () => {
      const accepted = shown;
      hide();
      host.react(accepted, 'accepted');
      host.open();
    });
    return button;
  }

  function closing(): HTMLElement {
    const button = document.createElement('button');
    button.type = 'button';
    button.className = 'greeting-close';
    button.ariaLabel = texts.dismiss;
    const svg = document.createElementNS(SVG, 'svg');
    const path = document.createElementNS(SVG, 'path');
    svg.setAttribute('viewBox', '0 0 24 24');
    svg.ariaHidden = 'true';
    path.setAttribute('d', CROSS);
    svg.append(path);
    button.append(svg);
    button.addEventListener('click', () => {
      host.react(shown, 'canceled');
      hide();
    });
    return button;
  }

  function words({ content }: Greeting): HTMLElement[] {
    if (content.type === 'message') return [line('greeting-text', content.text)];
    return content.elements.slice(0, 1).flatMap(({ title, subtitle, buttons }) => [
      ...(title ? [line('greeting-title', title)] : []),
      ...(subtitle ? [line('greeting-text', subtitle)] : []),
      ...(buttons?.length ? [line('greeting-more', texts.answer)] : []),
    ]);
  }

  return { show, hide };
}

function line(name: string, text: string): HTMLElement {
  const element = document.createElement('span');
  element.className = name;
  element.dir = 'auto';
  element.textContent = text;
  return element;
}
