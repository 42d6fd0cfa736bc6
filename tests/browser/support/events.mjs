// Every documented event of the Customer SDK: what makes it happen, and what it has to hold. The methods of the other table were called before.

import assert from 'node:assert/strict'

const ours = w => ({ chatId }) => chatId === w.chat
const ofShop = name => ({ properties }) => properties.shop && name in properties.shop
const ofShopDeleted = name => ({ properties }) => properties.shop?.includes(name)
const plain = object => JSON.parse(JSON.stringify(object))

/** Properties of the chat, of the thread or of the event that the methods set and took away. */
const updated = (of, name, value, place) => ({
  run: async w => {
    const payload = await w.guest.hears(`${of}_properties_updated`, ofShop(name))
    assert.deepEqual(plain(payload.properties), { shop: { [name]: value } })
    assert.deepEqual(Object.keys(payload).filter(key => key !== 'properties').sort(), place)
  },
})
const deleted = (of, name, place) => ({
  run: async w => {
    const payload = await w.guest.hears(`${of}_properties_deleted`, ofShopDeleted(name))
    assert.deepEqual(plain(payload.properties), { shop: [name] })
    assert.deepEqual(Object.keys(payload).filter(key => key !== 'properties').sort(), place)
  },
})

const chatAlone = ['chatId']
const thread = ['chatId', 'threadId']
const event = ['chatId', 'eventId', 'threadId']

/** What an instance hears without anybody doing anything. */
export const unforced = {
  customer_id: { run: async w => assert.equal(await w.guest.hears('customer_id'), w.id) },
  connected: {
    run: async w => {
      const { customer, availability } = await w.guest.hears('connected')
      assert.equal(customer.type, 'customer')
      assert.equal(availability, 'online')
    },
  },
}

export const events = {
  customer_updated: {
    run: async w => {
      const payload = await w.guest.hears('customer_updated', payload => (payload.customer ?? payload).name === 'Ann Visitor')
      const customer = w.major === 2 ? payload.customer : payload
      assert.equal(customer.email, 'ann@example.com')
    },
  },
  customer_page_updated: {
    run: async w => {
      const page = await w.other.hears('customer_page_updated', ({ title }) => title === '/tea')
      assert.equal(page.url, `${w.web.origin}/tea`)
      if (w.major === 2) assert.ok(Math.abs(page.timestamp - Date.now()) < 600_000, String(page.timestamp))
      else assert.ok(!Number.isNaN(Date.parse(page.openedAt)), page.openedAt)
    },
  },
  incoming_chat: {
    run: async w => {
      const { chat } = await w.other.hears('incoming_chat', ({ chat }) => chat.id === w.chat)
      assert.equal(chat.thread.active, true)
      assert.ok(chat.users.some(({ id }) => id === w.id))
    },
  },
  incoming_event: {
    run: async w => {
      await w.agent.say(w.chat, 'Good day')
      for (const guest of [w.guest, w.other]) {
        const { event } = await guest.hears('incoming_event', ({ chatId, event }) => chatId === w.chat && event.text === 'Good day')
        assert.equal(event.type, 'message')
        assert.notEqual(event.authorId, w.id)
        w.agentId = event.authorId
      }
      await w.agent.say(w.chat, 'Between us', { recipients: 'agents' })
      await w.agent.say(w.chat, 'Tea?')
      await w.guest.hears('incoming_event', ({ event }) => event.text === 'Tea?')
      const heard = await w.guest.heard('incoming_event')
      assert.ok(!heard.some(({ event }) => event?.text === 'Between us'), 'a note stays among agents')
    },
  },
  user_added_to_chat: {
    run: async w => {
      const { id, name } = w.agent.colleague
      await w.agent.add(w.chat, id)
      const { user, present } = await w.guest.hears('user_added_to_chat', ({ chatId, user }) => chatId === w.chat && user.id === id)
      assert.equal(user.name, name)
      assert.equal(user.type, 'agent')
      assert.equal(present, true)
    },
  },
  user_data: {
    run: async w => {
      const user = await w.guest.hears('user_data', ({ type }) => type === 'agent')
      assert.equal(user.name, w.agent.name)
      assert.ok('jobTitle' in user, JSON.stringify(user))
      const customer = await w.guest.hears('user_data', ({ type }) => type === 'customer')
      assert.equal(customer.id, w.id)
    },
  },
  incoming_typing_indicator: {
    run: async w => {
      await w.agent.type(w.chat)
      const { typingIndicator } = await w.guest.hears('incoming_typing_indicator', ours(w))
      assert.deepEqual(typingIndicator, { authorId: w.agentId, isTyping: true })
    },
  },
  events_marked_as_seen: {
    run: async w => {
      const own = await w.guest.hears('events_marked_as_seen', ({ userId }) => userId === w.id)
      assert.ok(!Number.isNaN(Date.parse(own.seenUpTo)))
      await w.sdk('sendEvent', { chatId: w.chat, event: { type: 'message', text: 'Do you see me?' } })
      const { last_seq: seq } = await w.agent.call('GET', `/chats/${w.chat}`)
      await w.agent.seen(w.chat, seq)
      await w.guest.hears('events_marked_as_seen', ({ chatId, userId }) => chatId === w.chat && userId === w.agentId)
    },
  },
  event_updated: {
    run: async w => {
      const { event } = await w.agent.say(w.chat, 'Tae is ready')
      await w.agent.edit(w.chat, event.id, 'Tea is ready')
      const payload = await w.guest.hears('event_updated', ours(w))
      assert.equal(payload.event.id, event.id)
      assert.equal(payload.event.text, 'Tea is ready')
      assert.equal(payload.threadId, w.thread)
    },
  },
  chat_properties_updated: updated('chat', 'mood', 'good', chatAlone),
  chat_properties_deleted: deleted('chat', 'mood', chatAlone),
  thread_properties_updated: updated('thread', 'step', '2', thread),
  thread_properties_deleted: deleted('thread', 'step', thread),
  event_properties_updated: updated('event', 'star', 'yes', event),
  event_properties_deleted: deleted('event', 'star', event),
  incoming_rich_message_postback: {
    run: async w => {
      const { userId, postback } = await w.guest.hears('incoming_rich_message_postback', ours(w))
      assert.equal(userId, w.id)
      assert.deepEqual(postback, { id: 'green', toggled: true })
    },
  },
  incoming_greeting: {
    run: async w => {
      const greeting = await w.guest.hears('incoming_greeting', ({ event }) => event.text === 'Accept me')
      assert.equal(typeof greeting.id, 'number')
      assert.ok(greeting.uniqueId)
      const elsewhere = await w.other.hears('incoming_greeting', ({ uniqueId }) => uniqueId === greeting.uniqueId)
      assert.equal(Number(greeting.displayedFirstTime) + Number(elsewhere.displayedFirstTime), 1, 'one of the two pages is the first')
      assert.ok(!greeting.accepted)
      assert.equal(greeting.agent.name, w.agent.name)
    },
  },
  greeting_accepted: {
    run: async w => {
      const { uniqueId } = await w.guest.hears('incoming_greeting', ({ event }) => event.text === 'Accept me')
      for (const guest of [w.guest, w.other]) await guest.hears('greeting_accepted', payload => payload.uniqueId === uniqueId)
    },
  },
  greeting_canceled: {
    run: async w => {
      const { uniqueId } = await w.guest.hears('incoming_greeting', ({ event }) => event.text === 'Cancel me')
      for (const guest of [w.guest, w.other]) await guest.hears('greeting_canceled', payload => payload.uniqueId === uniqueId)
    },
  },
  user_removed_from_chat: {
    run: async w => {
      const { id } = w.agent.colleague
      await w.agent.remove(w.chat, id)
      await w.guest.hears('user_removed_from_chat', ({ chatId, userId }) => chatId === w.chat && userId === id)
    },
  },
  chat_transferred: {
    run: async w => {
      const { id } = w.agent.colleague
      await w.agent.transfer(w.chat, id)
      const payload = await w.guest.hears('chat_transferred', payload => ours(w)(payload) && payload.transferredTo.agentIds?.includes(id))
      assert.equal(payload.threadId, w.thread)
      assert.equal(payload.reason, 'manual')
      assert.equal(payload.requesterId, w.agent.id)
      assert.equal(payload.queue, null)
      await w.agent.transfer(w.chat, w.agent.id)
      await w.guest.hears('chat_transferred', ({ transferredTo }) => transferredTo.agentIds?.includes(w.agent.id))
    },
  },
  chat_deactivated: {
    run: async w => {
      await w.agent.close(w.chat)
      for (const guest of [w.guest, w.other]) await guest.hears('chat_deactivated', ours(w))
    },
  },
  queue_position_updated: {
    run: async w => {
      const { queue } = await w.queued()
      assert.equal(queue.position, 1)
      assert.ok(queue.waitTime >= 0)
    },
  },
  availability_updated: {
    run: async w => {
      await w.agent.status('away')
      await w.guest.hears('availability_updated', ({ availability }) => availability === 'offline')
      await w.agent.status('accepting')
      await w.guest.hears('availability_updated', ({ availability }) => availability === 'online')
    },
  },
  connection_unstable: {
    run: async w => {
      await w.guest.page.evaluate(() => window.dispatchEvent(new Event('offline')))
      await w.guest.hears('connection_unstable')
    },
  },
  connection_recovered: {
    run: async w => {
      await w.guest.page.evaluate(() => window.dispatchEvent(new Event('online')))
      // The later versions say nothing and wait for any frame of the server.
      await w.agent.say(w.chat, 'Still there?', { attach_to_last_thread: true })
      await w.guest.hears('connection_recovered')
    },
  },
  disconnected: {
    run: async w => {
      await w.guest.forget()
      w.tls.cut()
      const { reason } = await w.guest.hears('disconnected')
      assert.equal(reason, 'connection_lost')
      const { customer } = await w.guest.hears('connected')
      assert.equal(customer.id, w.id, 'the same visitor after the reconnection')
    },
  },
}
