import type { Config } from '../host';
import { accentOn } from '../look/contrast';
import { chooseLanguage, type Language, launcherTexts, plural } from '../look/texts';
import css from './launcher.css';

const SVG = 'http://www.w3.org/2000/svg';
const BUBBLE = 'M12 3.5c-5 0-9 3.4-9 7.8 0 2.3 1.1 4.4 2.9 5.8l-.7 3.4 4.2-1.7c.8.2 1.7.3 2.6.3 5 0 9-3.4 9-7.8s-4-7.8-9-7.8Z';
const CROSS = 'M6 6l12 12M18 6L6 18';
const MOST_SHOWN = 99;
const MOST_OFFSET_PX = 200;

/** The round button in its shadow root. Styles come in by constructable sheets only, so that a strict content policy has nothing to refuse. */
export class Launcher {
  readonly root: ShadowRoot;
  readonly frame = document.createElement('section');
  readonly corner = document.createElement('div');
  readonly #button = document.createElement('button');
  readonly #badge = document.createElement('span');
  readonly #notice = document.createElement('div');
  readonly #tokens = new CSSStyleSheet();
  language: Language = 'en';
  #unread = 0;
  #isOpen = false;

  constructor(isButtonHidden: boolean, pressed: () => void, intended: () => void) {
    const element = document.createElement('parlor-chat');
    this.root = element.attachShadow({ mode: 'open' });
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(css);
    this.root.adoptedStyleSheets = [sheet, this.#tokens];
    this.#button.type = 'button';
    this.#button.className = 'launcher';
    this.#button.hidden = isButtonHidden;
    this.#badge.className = 'badge';
    this.#badge.ariaHidden = 'true';
    this.#notice.className = 'notice';
    this.#notice.role = 'status';
    this.#button.append(icon('chat', BUBBLE), icon('close', CROSS), this.#badge);
    this.#button.addEventListener('click', pressed);
    this.#button.addEventListener('pointerdown', intended);
    this.corner.className = 'corner';
    this.corner.append(this.#notice, this.#button);
    this.frame.append(this.corner);
    this.root.append(this.frame);
  }

  /** Applies the site's settings, and puts the launcher into the page the first time. */
  configure(config: Config, wish: string | undefined): void {
    const side = config.position === 'bottom_left' ? 'left' : 'right';
    const offset = Math.min(MOST_OFFSET_PX, Math.max(0, Number(config.offset_px) || 0));
    this.language = chooseLanguage(wish, config.language, document.documentElement.lang, navigator.language);
    this.frame.className = `parlor at-${side}`;
    this.frame.lang = this.language;
    this.frame.dir = getComputedStyle(document.documentElement).direction;
    this.frame.ariaLabel = launcherTexts[this.language].chat;
    this.#tokens.replaceSync(
      `.parlor{--offset:${offset}px;${tokens('light', config.accent)}}@media (prefers-color-scheme:dark){.parlor{${tokens('dark', config.accent)}}}`,
    );
    this.#render();
    const host = this.root.host as HTMLElement;
    // Beside the body, so that neither its transforms nor a framework that swaps it touches the chat.
    if (host.isConnected) return;
    document.documentElement.append(host);
    // In the top layer neither z-index nor a transform of the page's root reaches it.
    host.popover = 'manual';
    host.showPopover?.();
  }

  set unread(count: number) {
    this.#unread = count;
    this.#render();
  }

  set isOpen(isOpen: boolean) {
    this.#isOpen = isOpen;
    this.#render();
  }

  set isBusy(isBusy: boolean) {
    this.#button.ariaBusy = String(isBusy);
    if (isBusy) this.#notice.textContent = '';
  }

  showFailure(): void {
    this.#notice.textContent = launcherTexts[this.language].failed;
  }

  focus(): void {
    this.#button.focus();
  }

  #render(): void {
    const texts = launcherTexts[this.language];
    const label = this.#isOpen ? texts.close : texts.open;
    this.#badge.hidden = !this.#unread || this.#isOpen;
    this.#badge.textContent = this.#unread > MOST_SHOWN ? `${MOST_SHOWN}+` : String(this.#unread);
    this.#button.ariaExpanded = String(this.#isOpen);
    this.#button.ariaLabel = this.#badge.hidden ? label : `${label}, ${plural(this.language, texts.unread, this.#unread)}`;
    this.frame.classList.toggle('is-open', this.#isOpen);
  }
}

function tokens(scheme: 'light' | 'dark', colour: string): string {
  const accent = accentOn(scheme, colour);
  return `--accent:${accent.fill};--accent-ink:${accent.ink};`;
}

function icon(name: string, path: string): SVGSVGElement {
  const svg = document.createElementNS(SVG, 'svg');
  const shape = document.createElementNS(SVG, 'path');
  svg.setAttribute('class', `icon-${name}`);
  svg.setAttribute('viewBox', '0 0 24 24');
  svg.ariaHidden = 'true';
  shape.setAttribute('d', path);
  svg.append(shape);
  return svg;
}
