// Every documented method of the Customer SDK, in an order in which one visitor can call them all: what to call, and what has to come of it.
//
// `in` lists the majors that have the method; `as` is its name in later ones.

import assert from 'node:assert/strict'

const success = { success: true }
/** Later versions resolve this one to nothing. */
const done = w => w.major === 2 ? success : undefined
/** The field that names a chat in methods on the chat itself. */
const ofChat = (w, more) => w.major === 2 ? { chatId: w.chat, ...more } : { id: w.chat, ...more }
const ofThread = (w, more) => ({ chatId: w.chat, threadId: w.thread, ...more })
const ofEvent = (w, more) => ofThread(w, { eventId: w.event, ...more })
const hello = w => w.mangles ? 'Hello' : 'Hello 👋 "tea" <b>\u2028'

const history = w => w.guest.page.evaluate(async chatId => {
  const all = []
  const pages = window.sdk.getChatHistory({ chatId })
  for (;;) {
    const { done, value } = await pages.next()
    if (value) all.unshift(...value.threads)
    if (done || !value) return { all, after: await pages.next() }
  }
}, w.chat)

/** A rich message of the agent with a quick reply, and its place. */
const question = async w => {
  const { event } = await w.agent.ask(w.chat, 'Green or black?', [{ text: 'Green', id: 'green' }, { text: 'Black', id: 'black' }])
  await w.guest.hears('incoming_event', ({ event: { id } }) => id === event.id)
  return event.id
}

export const methods = {
  on: {
    run: async w => {
      await w.guest.page.evaluate(() => { window.counted = 0; window.count = () => { window.counted += 1 }; window.sdk.on('customer_page_updated', window.count) })
      await w.turnPage('/on')
      assert.equal(await w.guest.page.evaluate(() => window.counted), 1)
    },
  },
  off: {
    run: async w => {
      await w.guest.page.evaluate(() => window.sdk.off('customer_page_updated', window.count))
      await w.turnPage('/off')
      assert.equal(await w.guest.page.evaluate(() => window.counted), 1)
    },
  },
  once: {
    run: async w => {
      await w.guest.page.evaluate(() => { window.counted = 0; window.sdk.once('customer_page_updated', window.count) })
      await w.turnPage('/once')
      await w.turnPage('/twice')
      assert.equal(await w.guest.page.evaluate(() => window.counted), 1)
    },
  },
  disconnect: {
    run: async w => {
      await w.sdk('disconnect')
      await w.refused('getCustomer', 'NO_CONNECTION')
    },
  },
  connect: {
    run: async w => {
      await w.guest.forget()
      await w.sdk('connect')
      const { customer } = await w.guest.hears('connected')
      assert.equal(customer.id, w.id, 'the same visitor')
    },
  },
  updateCustomer: {
    run: async w => {
      assert.deepEqual(await w.sdk('updateCustomer', { name: 'Ann Visitor', email: 'ann@example.com', sessionFields: { plan: 'gold' } }), success)
      await w.refused('updateCustomer', 'VALIDATION', { email: 'nonsense' })
    },
  },
  setCustomerSessionFields: {
    run: async w => {
      assert.deepEqual(await w.sdk('setCustomerSessionFields', { sessionFields: { cart: '3' } }), success)
      const many = Object.fromEntries(Array.from({ length: 101 }, (_, n) => [`f${n}`, 'x']))
      await w.refused('setCustomerSessionFields', 'CUSTOMER_SESSION_FIELDS_LIMIT_REACHED', { sessionFields: many })
    },
  },
  getCustomer: {
    run: async w => {
      const { id, type, name, email, sessionFields, statistics } = await w.sdk('getCustomer')
      assert.deepEqual({ id, type, name, email }, { id: w.id, type: 'customer', name: 'Ann Visitor', email: 'ann@example.com' })
      assert.deepEqual(sessionFields, { cart: '3' })
      const counters = ['chatsCount', 'greetingsAcceptedCount', 'greetingsShownCount', 'pageViewsCount', 'threadsCount', 'visitsCount']
      assert.deepEqual(Object.keys(statistics).sort(), counters)
    },
  },
  updateCustomerPage: {
    run: async w => {
      await w.turnPage('/tea')
    },
  },
  listGroupStatuses: {
    run: async w => {
      assert.equal((await w.sdk('listGroupStatuses'))[0], 'online')
      assert.deepEqual(await w.sdk('listGroupStatuses', { groupIds: [0] }), { 0: 'online' })
      assert.deepEqual(await w.sdk('listGroupStatuses', { groupIds: [987] }), {})
    },
  },
  getPredictedAgent: {
    run: async w => {
      const answer = await w.sdk('getPredictedAgent', { groupId: 0 })
      const agent = w.major === 2 ? answer : answer.agent
      assert.equal(agent.name, w.agent.name)
      assert.equal(agent.type, 'agent')
      assert.equal(agent.isBot, false)
      await w.refused('getPredictedAgent', 'GROUP_NOT_FOUND', { groupId: 987 })
    },
  },
  getForm: {
    run: async w => {
      const form = await w.sdk('getForm', { groupId: 0, type: 'ticket' })
      assert.equal(form.enabled, true)
      assert.ok(form.form.fields.length > 0 && form.form.fields.every(({ type }) => type), JSON.stringify(form))
      w.ticketForm = form.form
      await w.refused('getForm', 'GROUP_NOT_FOUND', { groupId: 987, type: 'prechat' })
    },
  },
  sendTicketForm: {
    in: [2, 3],
    run: async w => {
      const answers = { name: 'Ann Visitor', email: 'ann@example.com', subject: 'Cups', textarea: 'Are they back?', question: 'Yes' }
      const fields = w.ticketForm.fields.map(({ id, type, label }) => ({ id, type, label, answer: answers[type] ?? '' })).filter(({ answer }) => answer)
      const filledForm = { type: 'filled_form', formId: w.ticketForm.id, fields }
      const { id, text } = await w.sdk('sendTicketForm', { filledForm, groupId: 0, timeZone: 'Europe/Warsaw' })
      assert.ok(id)
      assert.match(text, /Are they back\?/)
    },
  },
  cancelGreeting: {
    run: async w => {
      const { uniqueId } = await w.greeted('Cancel me', '/cancel-greeting')
      assert.deepEqual(await w.sdk('cancelGreeting', { uniqueId }), success)
      await w.refused('cancelGreeting', 'GREETING_NOT_FOUND', { uniqueId: 'nothing' })
    },
  },
  acceptGreeting: {
    run: async w => {
      const { id, uniqueId } = await w.greeted('Accept me', '/accept-greeting')
      assert.deepEqual(await w.sdk('acceptGreeting', { greetingId: id, uniqueId }), success)
      await w.refused('acceptGreeting', 'GREETING_NOT_FOUND', { greetingId: id, uniqueId: 'nothing' })
    },
  },
  startChat: {
    run: async w => {
      const events = [{ type: 'message', text: hello(w), customId: 'first' }]
      const { chat } = await w.sdk('startChat', { chat: { properties: { shop: { cart: 'tea' } }, thread: { events, properties: { shop: { page: 'home' } } } }, continuous: true })
      w.chat = chat.id
      w.thread = chat.thread.id
      const first = chat.thread.events.find(({ type }) => type === 'message')
      w.event = first.id
      assert.equal(first.text, hello(w))
      assert.equal(first.authorId, w.id)
      assert.equal(first.customId, 'first')
      assert.deepEqual(chat.properties.shop, { cart: 'tea' })
      assert.deepEqual(chat.thread.properties.shop, { page: 'home' })
      assert.equal(chat.thread.active, true)
      await w.refused('startChat', 'CHAT_LIMIT_REACHED', {})
    },
  },
  sendEvent: {
    run: async w => {
      const event = await w.sdk('sendEvent', { chatId: w.chat, event: { type: 'message', text: 'Is it fresh?', customId: 'second', properties: { shop: { a: '1' } } } })
      assert.equal(event.text, 'Is it fresh?')
      assert.equal(event.customId, 'second')
      assert.equal(event.authorId, w.id)
      assert.deepEqual(event.properties.shop, { a: '1' })
      const repeat = await w.sdk('sendEvent', { chatId: w.chat, event: { type: 'message', text: 'Is it fresh?', customId: 'second' , properties: { shop: { a: '1' } } } })
      assert.equal(repeat.id, event.id, 'a repeat is the first event')
      w.event = event.id
      const many = await w.guest.page.evaluate(chatId => Promise.all(Array.from({ length: 12 }, (_, n) => window.sdk.sendEvent({ chatId, event: { type: 'message', text: `burst ${n}` } }))), w.chat)
      assert.deepEqual(many.map(({ text }) => text), Array.from({ length: 12 }, (_, n) => `burst ${n}`))
      await w.refused('sendEvent', 'NOT_FOUND', { chatId: '1', event: { type: 'message', text: 'x' } })
      await w.refused('sendEvent', 'VALIDATION', { chatId: w.chat, event: { type: 'message', text: '' } })
    },
  },
  uploadFile: {
    // The npm build of 2.0.1 never settles it: the library it uses has lost its promise.
    except: ({ name }) => name === '2.0.1 npm',
    run: async w => {
      const { url, progress } = await w.guest.page.evaluate(async () => {
        const png = Uint8Array.from(atob('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=='), c => c.charCodeAt(0))
        const progress = []
        const upload = window.sdk.uploadFile({ file: new File([png], 'dot.png', { type: 'image/png' }), onProgress: part => progress.push(part) })
        return { ...await upload.promise, progress }
      })
      assert.match(url, /^https?:\/\//)
      assert.ok(progress.every(part => part >= 0 && part <= 1), String(progress))
      const event = await w.sdk('sendEvent', { chatId: w.chat, event: { type: 'file', url } })
      assert.equal(event.type, 'file')
      assert.equal(event.contentType, 'image/png')
      assert.equal(event.url, url)
      await w.refused('sendEvent', 'VALIDATION', { chatId: w.chat, event: { type: 'file', url: 'https://evil.example/x.png' } })
    },
  },
  setSneakPeek: {
    run: async w => {
      await w.sdk('setSneakPeek', { chatId: w.chat, sneakPeekText: 'I am not sure wh' })
      await w.until(async () => (await w.agent.sneakPeek(w.chat)).text === 'I am not sure wh', 'the agent sees what is typed')
    },
  },
  getChat: {
    run: async w => {
      const chat = await w.sdk('getChat', { chatId: w.chat })
      assert.equal(chat.id, w.chat)
      assert.equal(chat.thread.id, w.thread)
      assert.ok(chat.thread.events.some(({ id }) => id === w.event))
      assert.ok(chat.users.some(({ id, type }) => id === w.id && type === 'customer'))
      assert.deepEqual((await w.sdk('getChat', { chatId: w.chat, threadId: w.thread })).thread.id, w.thread)
      await w.refused('getChat', 'NOT_FOUND', { chatId: '1' })
    },
  },
  listChats: {
    run: async w => {
      const { chatsSummary: [summary], totalChats, users } = await w.sdk('listChats', { limit: 25 })
      assert.equal(totalChats, 1)
      assert.equal(summary.id, w.chat)
      assert.equal(summary.active, true)
      assert.equal(summary.lastThreadId, w.thread)
      assert.ok(users.some(({ id }) => id === w.id))
    },
  },
  listThreads: {
    run: async w => {
      const { threads } = await w.sdk('listThreads', { chatId: w.chat })
      assert.deepEqual(threads.map(({ id }) => id), [w.thread])
      assert.equal((await w.sdk('listThreads', { chatId: w.chat, minEventsCount: 5 })).threads[0].chatId, w.chat)
    },
  },
  markEventsAsSeen: {
    run: async w => {
      await w.agent.say(w.chat, 'Have you seen this?')
      const { event } = await w.guest.hears('incoming_event', ({ event }) => event.text === 'Have you seen this?')
      const seenUpTo = event.createdAt
      assert.deepEqual(await w.sdk('markEventsAsSeen', { chatId: w.chat, seenUpTo }), success)
      await w.refused('markEventsAsSeen', 'VALIDATION', { chatId: w.chat, seenUpTo: 'yesterday' })
    },
  },
  updateChatProperties: { run: async w => assert.deepEqual(await w.sdk('updateChatProperties', ofChat(w, { properties: { shop: { mood: 'good' } } })), success) },
  deleteChatProperties: { run: async w => assert.deepEqual(await w.sdk('deleteChatProperties', ofChat(w, { properties: { shop: ['mood'] } })), success) },
  updateThreadProperties: { run: async w => assert.deepEqual(await w.sdk('updateThreadProperties', ofThread(w, { properties: { shop: { step: '2' } } })), success) },
  deleteThreadProperties: { run: async w => assert.deepEqual(await w.sdk('deleteThreadProperties', ofThread(w, { properties: { shop: ['step'] } })), success) },
  updateEventProperties: { run: async w => assert.deepEqual(await w.sdk('updateEventProperties', ofEvent(w, { properties: { shop: { star: 'yes' } } })), success) },
  deleteEventProperties: { run: async w => assert.deepEqual(await w.sdk('deleteEventProperties', ofEvent(w, { properties: { shop: ['star'] } })), success) },
  sendRichMessagePostback: {
    run: async w => {
      const eventId = await question(w)
      const postback = ofThread(w, { eventId, postback: { id: 'green', toggled: true } })
      assert.deepEqual(await w.sdk('sendRichMessagePostback', postback), success)
      await w.refused('sendRichMessagePostback', 'NOT_FOUND', { ...postback, eventId: '1' })
    },
  },
  rateChat: {
    run: async w => {
      assert.deepEqual(await w.sdk('rateChat', { chatId: w.chat, rating: { score: 1, comment: 'Lovely' } }), success)
      const { thread } = await w.sdk('getChat', { chatId: w.chat })
      assert.equal(thread.properties.rating.score, 1)
      assert.equal(thread.properties.rating.comment, 'Lovely')
    },
  },
  cancelRate: {
    run: async w => {
      assert.deepEqual(await w.sdk('cancelRate', { chatId: w.chat, properties: ['score', 'comment'] }), success)
      const { thread } = await w.sdk('getChat', { chatId: w.chat })
      assert.equal(thread.properties.rating?.score, undefined)
    },
  },
  getUrlInfo: {
    run: async w => {
      const info = await w.sdk('getUrlInfo', { url: w.preview })
      assert.equal(info.title, 'A page of tea')
      assert.equal(info.description, 'All about it')
      await w.refused('getUrlInfo', 'VALIDATION', { url: 'file:///etc/passwd' })
    },
  },
  deactivateChat: {
    run: async w => {
      assert.deepEqual(await w.sdk('deactivateChat', ofChat(w)), done(w))
      await w.until(async () => (await w.sdk('listChats')).chatsSummary[0].active === false, 'the chat is closed')
      await w.refused('sendEvent', 'CHAT_INACTIVE', { chatId: w.chat, event: { type: 'message', text: 'Too late' } })
      const attached = await w.sdk('sendEvent', { chatId: w.chat, event: { type: 'message', text: 'One more thing' }, attachToLastThread: true })
      assert.equal(attached.text, 'One more thing')
    },
  },
  activateChat: {
    as: 'resumeChat',
    run: async w => {
      const name = w.major === 2 ? 'activateChat' : 'resumeChat'
      const events = [{ type: 'message', text: 'I am back' }]
      const { chat } = await w.sdk(name, { chat: { id: w.chat, thread: { events } } })
      assert.equal(chat.id, w.chat)
      assert.notEqual(chat.thread.id, w.thread)
      w.thread = chat.thread.id
      await w.refused(name, 'CHAT_ALREADY_ACTIVE', { chat: { id: w.chat } })
    },
  },
  getChatHistory: {
    run: async w => {
      const { all, after } = await history(w)
      assert.deepEqual(all.map(({ id }) => id).slice(-1), [w.thread])
      const texts = all.flatMap(({ events }) => events).map(({ text }) => text)
      for (const text of [hello(w), 'burst 0', 'burst 11', 'I am back']) assert.equal(texts.filter(other => other === text).length, 1, text)
      assert.deepEqual(after, { done: true, value: undefined })
    },
  },
}

/** The one after which nothing can be called any more. */
export const last = {
  destroy: {
    run: async w => {
      await w.sdk('destroy')
      await w.refused('getCustomer', 'SDK_DESTROYED')
    },
  },
}
