import { Conversation } from '../../src/customer/conversation';
import { Customer } from '../../src/customer/customer';
import type { Store } from '../../src/host';
import type { FakeClock } from './clock';
import type { FakeServer } from './server';
import { FakeSocket } from './socket';

/** One tab of a visitor, connected to a fake server. */
export function openTab(server: FakeServer, store: Store, clock: FakeClock) {
  let isNetworkUp = true;
  const customer = new Customer({
    base: 'https://chat.test/',
    tenant: 'site=site-key',
    application: { name: 'test', version: '1' },
    token: () => 'token',
    replaceToken: () => {},
    page: () => ({ url: 'https://shop.test/', title: 'Shop' }),
    clock,
    openSocket: () => {
      const socket = new FakeSocket();
      server.connect(socket);
      setImmediate(() => (isNetworkUp ? socket.open() : socket.cut()));
      return socket;
    },
  });
  const conversation = new Conversation(customer, store, () => {}, clock);
  return {
    customer,
    conversation,
    texts: () => conversation.view.events.flatMap((event) => (event.type === 'message' ? [event.text] : [])),
    set network(isUp: boolean) {
      isNetworkUp = isUp;
    },
  };
}
