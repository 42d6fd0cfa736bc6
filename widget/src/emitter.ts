type Listener<Detail> = (detail: Detail) => void;

/** Named events and who listens to them. */
export class Emitter<Events extends object> {
  #listeners = new Map<keyof Events, { listener: unknown; isOnce: boolean }[]>();

  on<Name extends keyof Events>(name: Name, listener: Listener<Events[Name]>, isOnce = false): void {
    // A copy, since a listener may come or go while others are being told.
    this.#listeners.set(name, [...(this.#listeners.get(name) ?? []), { listener, isOnce }]);
  }

  off<Name extends keyof Events>(name: Name, listener: Listener<Events[Name]>): void {
    const rest = this.#listeners.get(name)?.filter((entry) => entry.listener !== listener) ?? [];
    this.#listeners.set(name, rest);
  }

  /** A listener of the page may throw: that is its own error, shown as such, and nobody else's. */
  emit<Name extends keyof Events>(name: Name, detail: Events[Name]): void {
    for (const { listener, isOnce } of this.#listeners.get(name) ?? []) {
      if (isOnce) this.off(name, listener as Listener<Events[Name]>);
      try {
        (listener as Listener<Events[Name]>)(detail);
      } catch (error) {
        console.error(error);
      }
    }
  }

  clear(): void {
    this.#listeners.clear();
  }
}
