import type { Host, Messenger } from '../host';
export function start(_host: Host): Messenger {
  return { open() {}, close() {}, visitorChanged() {}, pageChanged() {}, configChanged() {} };
}
