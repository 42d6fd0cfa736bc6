import type { Language, Texts } from '../look/texts';

const DAY_MS = 86_400_000;

/** Dates and times as people of the language write them, in the browser's regional variety of it. */
export class Dates {
  readonly #texts: Texts;
  readonly #time: Intl.DateTimeFormat;
  readonly #day: Intl.DateTimeFormat;
  readonly #year: Intl.DateTimeFormat;

  constructor(language: Language, texts: Texts) {
    const locale = navigator.languages.find((name) => name.startsWith(language)) ?? language;
    this.#texts = texts;
    this.#time = new Intl.DateTimeFormat(locale, { hour: 'numeric', minute: '2-digit' });
    this.#day = new Intl.DateTimeFormat(locale, { weekday: 'long', day: 'numeric', month: 'long' });
    this.#year = new Intl.DateTimeFormat(locale, { day: 'numeric', month: 'long', year: 'numeric' });
  }

  time(at: number): string {
    return this.#time.format(at);
  }

  day(at: number, now: number): string {
    const [date, today] = [new Date(at), new Date(now)];
    if (date.toDateString() === today.toDateString()) return this.#texts.today;
    if (date.toDateString() === new Date(now - DAY_MS).toDateString()) return this.#texts.yesterday;
    return (date.getFullYear() === today.getFullYear() ? this.#day : this.#year).format(at);
  }
}
