// Parlor's own Customer SDK in pages of another origin, against the real program: every documented method, and the events that follow.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { launch } from './support/browser.mjs'
import { durable, ephemeral, owner } from './support/parlor.mjs'
import { logIn, settles } from './support/people.mjs'
import { program } from './support/program.mjs'
import { EVENTS, METHODS, instances } from './support/sdk.mjs'
import { shop } from './support/shop.mjs'

let parlor, store, browser, guest, olive, bot, tea, open
const { called, heard, opener } = instances()

before(async () => {
  store = await shop({ snippet: () => parlor, page: () => '<!doctype html><meta charset="utf-8"><title>Tea</title><h1>Tea</h1>' })
  parlor = await ephemeral({ origins: [store.origin] })
  open = opener(parlor)
  browser = await launch()
  guest = await browser.person()
  // Groups are online while one of their agents has the dashboard open.
  olive = await browser.person()
  await logIn(olive.page, parlor.url)
  await olive.page.goto(`${parlor.url}/chats`)
  bot = program(parlor)
  await bot.put('/agent/status', { status: 'accepting' })
  await guest.page.goto(`${store.origin}/index.html`)
  tea = await open(guest.page)
})
after(async () => {
  store?.close()
  await parlor?.stop()
  await browser?.close()
})

let chat, thread

test('an instance of the classic script connects to the server it came from', async () => {
  const { customer, availability } = await tea.hears('connected')
  const [id] = await tea.told('customer_id')
  const token = await guest.page.evaluate(() => globalThis.instances[0].sdk.auth.getToken())

  assert.equal(customer.id, id)
  assert.equal(availability, 'online')
  assert.equal(token.entityId, id)
  assert.equal(token.tokenType, 'Bearer')
  assert.ok(token.expiresIn > 3_600_000 && token.licenseId > 0)
})

test('a license and an organization name the same site', async () => {
  const { licenseId, organizationId } = await guest.page.evaluate(() => globalThis.instances[0].sdk.auth.getToken())
  for (const tenant of [{ licenseId }, { organizationId }]) {
    const other = await open(guest.page, { site: undefined, clientId: 'client', ...tenant })
    await other.hears('connected')
    assert.deepEqual(await other.told('customer_id'), await tea.told('customer_id'), 'one visitor')
    await other.call('destroy')
    assert.equal((await other.call('getCustomer')).rejected, 'SDK_DESTROYED')
  }
})

test('a chat begins with emoji and more, and other instances and agents hear of it', async () => {
  const second = await open(guest.page, {}, 'esm')
  await second.hears('connected')
  const text = 'Tea 🍵 for 👨‍👩‍👧, <b>please</b> & “soon” \u{1d54f}'
  assert.deepEqual(await tea.call('listChats'), { chatsSummary: [], totalChats: 0, users: [], previousPageId: null, nextPageId: null })
  const { chat: opened } = await tea.call('startChat', { continuous: true, chat: { thread: { events: [{ type: 'message', text }] } } })
  chat = opened.id
  thread = opened.thread.id

  assert.deepEqual(opened.thread.events.filter(({ type }) => type === 'message').map(({ text }) => text), [text])
  await second.hears('incoming_chat', payload => payload.chat.id === chat)
  await second.hears('incoming_event', ({ event }) => event.text === text)
  const { id: agent } = await bot.get('/agent')
  await second.hears('user_added_to_chat', ({ user, present }) => user.id === agent && present)
  await second.hears('user_data', ({ id, type, name }) => id === agent && type === 'agent' && name === owner.name)
  await second.hears('chat_transferred', ({ chatId, transferredTo, queue }) => chatId === chat && transferredTo.agentIds[0] === agent && queue === null)
  assert.deepEqual(await tea.told('incoming_chat'), [], 'whoever asked has it as the answer')
  assert.equal((await tea.call('startChat', {})).rejected, 'CHAT_LIMIT_REACHED')
  assert.equal((await tea.call('activateChat', { chat: { id: chat } })).rejected, 'CHAT_ALREADY_ACTIVE')
  const { items } = await bot.get(`/chats/${chat}/events`)
  assert.ok(items.some(event => event.text === text))
  await second.call('destroy')
})

test('events are sent with the documented answer, once each by their key', async () => {
  const event = { type: 'message', text: 'Which one?', customId: 'once', properties: { shop: { from_page: 'tea' } } }
  const sent = await tea.call('sendEvent', { chatId: chat, event })
  const again = await tea.call('sendEvent', { chatId: chat, event })
  const other = await tea.call('sendEvent', { chatId: chat, event: { ...event, text: 'Another' } })

  assert.equal(sent.text, 'Which one?')
  assert.equal(sent.threadId, thread)
  assert.deepEqual(sent.properties, { shop: { from_page: 'tea' } })
  assert.deepEqual([again.id, again.seq], [sent.id, sent.seq])
  assert.equal(other.rejected, 'CUSTOM_ID_REUSED')
  assert.equal((await tea.call('sendEvent', { chatId: chat, event: { type: 'message' } })).rejected, 'VALIDATION')
  assert.equal((await tea.call('sendEvent', { chatId: '1', event })).rejected, 'NOT_FOUND')
})

test('what agents do is told with its fields', async () => {
  const { id: agent } = await bot.get('/agent')
  await bot.put(`/chats/${chat}/typing`, { is_typing: true })
  await tea.hears('incoming_typing_indicator', ({ typingIndicator }) => typingIndicator.authorId === agent && typingIndicator.isTyping)
  const { event } = await bot.post(`/chats/${chat}/events`, { type: 'message', text: 'The one from Fujian' })
  const { event: got } = await tea.hears('incoming_event', ({ event }) => event.text === 'The one from Fujian')
  assert.equal(got.authorId, agent)
  await bot.put(`/chats/${chat}/events/${event.id}`, { type: 'message', text: 'The one from Anhui' })
  await tea.hears('event_updated', ({ chatId, event }) => chatId === chat && event.text === 'The one from Anhui' && event.seq === got.seq)
  const { seq } = await tea.call('sendEvent', { chatId: chat, event: { type: 'message', text: 'Fine' } })
  await bot.put(`/chats/${chat}/seen`, { seq })
  await tea.hears('events_marked_as_seen', ({ userId, seenUpTo }) => userId === agent && seenUpTo > '2')

  assert.deepEqual(await tea.call('markEventsAsSeen', { chatId: chat, seenUpTo: got.createdAt }), { success: true })
  const { eventsSeenUpToMap, users } = await tea.call('getChat', { chatId: chat })
  assert.ok(eventsSeenUpToMap[agent] >= got.createdAt)
  assert.ok(users.some(({ id, jobTitle }) => id === agent && jobTitle !== undefined))
  await guest.page.evaluate(chatId => globalThis.instances[0].sdk.setSneakPeek({ chatId, sneakPeekText: 'I am thi' }), chat)
  called.add('setSneakPeek')
  await settles(async () => (await bot.get(`/chats/${chat}/sneak_peek`)).text, 'I am thi', 'sneak peek')
})

test('properties of chat, thread and event are set, told and taken away', async () => {
  const { thread: read } = await tea.call('getChat', { chatId: chat })
  const eventId = read.events.find(({ type }) => type === 'message').id
  const of = { Chat: { chatId: chat }, Thread: { chatId: chat, threadId: thread }, Event: { chatId: chat, threadId: thread, eventId } }
  for (const [what, ids] of Object.entries(of)) {
    const properties = { my_shop: { basketValue: '10', is_regular: true } }
    assert.deepEqual(await tea.call(`update${what}Properties`, { ...ids, properties }), { success: true }, what)
    const updated = await tea.hears(`${what.toLowerCase()}_properties_updated`)
    assert.deepEqual(updated, { ...ids, properties }, what)
    const names = { my_shop: ['basketValue'] }
    assert.deepEqual(await tea.call(`delete${what}Properties`, { ...ids, properties: names }), { success: true }, what)
    assert.deepEqual(await tea.hears(`${what.toLowerCase()}_properties_deleted`), { ...ids, properties: names }, what)
  }
  const { properties, thread: after } = await tea.call('getChat', { chatId: chat })
  assert.equal(properties.my_shop.is_regular, true)
  assert.equal(properties.my_shop.basketValue, undefined)
  assert.equal(after.properties.my_shop.is_regular, true)
})

test('rating is stored, told by a system message and taken back', async () => {
  assert.deepEqual(await tea.call('rateChat', { chatId: chat, rating: { score: 1, comment: 'Kind' } }), { success: true })
  await tea.hears('incoming_event', ({ event }) => event.systemMessageType === 'rating.chat_rated')
  assert.deepEqual(await tea.call('cancelRate', { chatId: chat, properties: ['score', 'comment'] }), { success: true })
  await tea.hears('incoming_event', ({ event }) => event.systemMessageType === 'rating.chat_rating_canceled')
})

test('buttons of rich messages are pressed', async () => {
  await bot.post(`/chats/${chat}/events`, {
    type: 'rich_message',
    template_id: 'quick_replies',
    elements: [{ title: 'Green?', buttons: [{ type: 'message', text: 'Yes', postback_id: 'yes', value: 'yes', user_ids: [] }] }],
  })
  const { event } = await tea.hears('incoming_event', ({ event }) => event.type === 'rich_message')
  const [{ title, buttons }] = event.elements
  assert.deepEqual([event.templateId, title, buttons[0].text, buttons[0].postbackId], ['quick_replies', 'Green?', 'Yes', 'yes'])

  const postback = { chatId: chat, threadId: event.threadId, eventId: event.id, postback: { id: 'yes', toggled: true } }
  assert.deepEqual(await tea.call('sendRichMessagePostback', postback), { success: true })
  const { userId, ...rest } = await tea.hears('incoming_rich_message_postback')
  assert.deepEqual(rest, postback)
  assert.equal(userId, (await tea.told('customer_id'))[0])
})

test('a file is sent with progress and shown', async () => {
  called.add('uploadFile')
  const { url, progress, large, canceled } = await guest.page.evaluate(async () => {
    const { sdk } = globalThis.instances[0]
    const progress = []
    const file = new File(['tea '.repeat(100_000)], 'list.txt', { type: 'text/plain' })
    const { url } = await sdk.uploadFile({ file, onProgress: part => progress.push(part) }).promise
    const code = ({ promise }) => promise.then(() => 'resolved', ({ code }) => code)
    const large = await code(sdk.uploadFile({ file: new Blob([new Uint8Array(10 * 1024 * 1024 + 1)]) }))
    const upload = sdk.uploadFile({ file })
    upload.cancel()
    return { url, progress, large, canceled: await code(upload) }
  })
  assert.equal(progress.at(-1), 1)
  assert.deepEqual([large, canceled], ['TOO_BIG_FILE', 'UPLOAD_CANCELED'])
  const sent = await tea.call('sendEvent', { chatId: chat, event: { type: 'file', url } })

  assert.deepEqual([sent.type, sent.name, sent.contentType, sent.size], ['file', 'list.txt', 'text/plain', 400_000])
  assert.equal((await fetch(sent.url)).status, 200)
})

test('the customer is read and changed', async () => {
  assert.deepEqual(await tea.call('updateCustomer', { name: 'Ada', email: 'ada@example.com', sessionFields: { plan_name: 'pro' } }), { success: true })
  await tea.hears('customer_updated', ({ customer }) => customer.name === 'Ada')
  assert.deepEqual(await tea.call('setCustomerSessionFields', { sessionFields: { theme: 'dark' } }), { success: true })
  const { name, email, sessionFields, statistics } = await tea.call('getCustomer')

  assert.deepEqual([name, email, sessionFields.theme], ['Ada', 'ada@example.com', 'dark'])
  assert.equal(statistics.chatsCount, 1)
  const many = Object.fromEntries(Array.from({ length: 101 }, (_, n) => [`k${n}`, 'v']))
  assert.equal((await tea.call('updateCustomer', { sessionFields: many })).rejected, 'CUSTOMER_SESSION_FIELDS_LIMIT_REACHED')
  await tea.call('updateCustomerPage', { url: `${store.origin}/basket.html`, title: 'Basket' })
  const { url, title, timestamp } = await tea.hears('customer_page_updated', ({ title }) => title === 'Basket')
  assert.deepEqual([url, title], [`${store.origin}/basket.html`, 'Basket'])
  assert.ok(Math.abs(timestamp - Date.now()) < 60_000)
})

test('groups, forms, previews and tickets answer', async () => {
  assert.equal((await tea.call('listGroupStatuses'))[0], 'online')
  assert.deepEqual(await tea.call('listGroupStatuses', { groupIds: [0, 999] }), { 0: 'online' })
  const predicted = await tea.call('getPredictedAgent', { groupId: 0 })
  assert.deepEqual([predicted.type, predicted.name], ['agent', owner.name])
  assert.equal((await tea.call('getPredictedAgent', { groupId: 999 })).rejected, 'GROUP_NOT_FOUND')
  assert.equal(typeof (await tea.call('getForm', { groupId: 0, type: 'ticket' })).enabled, 'boolean')
  assert.equal((await tea.call('getUrlInfo', { url: 'ftp://tea.example/' })).rejected, 'VALIDATION')
  const fields = [
    { type: 'email', id: '0', label: 'Your e-mail:', answer: 'ada@example.com' },
    { type: 'textarea', id: '1', label: 'Message:', answer: 'Call me 🍵' },
  ]
  const ticket = await tea.call('sendTicketForm', { filledForm: { type: 'filled_form', formId: '', fields }, timeZone: 'Europe/Berlin' })
  assert.deepEqual([typeof ticket.id, ticket.text], ['string', 'Message: Call me 🍵'])
  assert.equal((await tea.call('sendTicketForm', { filledForm: { type: 'filled_form', formId: '', fields }, timeZone: 'Moon' })).rejected, 'VALIDATION')
})

test('a greeting that is not there can be neither accepted nor cancelled', async () => {
  assert.equal((await tea.call('acceptGreeting', { greetingId: 7, uniqueId: 'nobody' })).rejected, 'GREETING_NOT_FOUND')
  assert.equal((await tea.call('cancelGreeting', { uniqueId: 'nobody' })).rejected, 'GREETING_NOT_FOUND')
})

test('greetings arrive, are accepted, cancelled and replaced', async () => {
  const { page } = await browser.person()
  await page.goto(`${store.origin}/index.html`)
  const person = await open(page)
  await person.hears('connected')
  const [visitor] = await person.told('customer_id')
  const make = text => bot.post('/greetings', { name: text, content: { type: 'message', text } })
  const [help, coffee] = [await make('May I help?'), await make('Coffee?')]
  const send = async ({ id, name }) => {
    await bot.post(`/visitors/${visitor}/greetings`, { greeting_id: id })
    return person.hears('incoming_greeting', ({ text }) => text === name)
  }

  const first = await send(help)
  assert.deepEqual([first.text, first.event.text, first.displayedFirstTime, first.accepted, first.agent.type], ['May I help?', 'May I help?', true, false, 'agent'])
  assert.deepEqual(await person.call('acceptGreeting', { greetingId: first.id, uniqueId: first.uniqueId }), { success: true })
  await person.hears('greeting_accepted', ({ uniqueId }) => uniqueId === first.uniqueId)
  const second = await send(coffee)
  await person.hears('greeting_canceled', ({ uniqueId }) => uniqueId === first.uniqueId)
  assert.deepEqual(await person.call('cancelGreeting', { uniqueId: second.uniqueId }), { success: true })
  await person.hears('greeting_canceled', ({ uniqueId }) => uniqueId === second.uniqueId)
  const { statistics } = await person.call('getCustomer')
  assert.deepEqual([statistics.greetingsShownCount, statistics.greetingsAcceptedCount], [2, 1])
})

test('the availability of the group is told', async () => {
  await bot.put('/agent/status', { status: 'not_accepting' })
  await tea.hears('availability_updated', ({ availability }) => availability === 'offline')
  assert.equal((await tea.call('getPredictedAgent', {})).rejected, 'GROUP_OFFLINE')
  await bot.put('/agent/status', { status: 'accepting' })
  await tea.hears('availability_updated', ({ availability }) => availability === 'online')
})

test('closing and opening again are told, and nothing is written into a closed chat', async () => {
  assert.deepEqual(await tea.call('deactivateChat', { chatId: chat }), { success: true })
  assert.equal((await tea.call('sendEvent', { chatId: chat, event: { type: 'message', text: 'x' } })).rejected, 'CHAT_INACTIVE')
  const { chat: opened } = await tea.call('activateChat', { chat: { id: chat, thread: { events: [{ type: 'message', text: 'Again' }] } } })
  assert.equal(opened.thread.previousThreadId, thread)
  await bot.put(`/chats/${chat}/closure`)
  await tea.hears('chat_deactivated', ({ chatId }) => chatId === chat)
  await bot.post(`/chats/${chat}/threads`, { events: [{ type: 'message', text: 'From our side' }] })
  await tea.hears('incoming_chat', payload => payload.chat.id === chat)
})

test('the history is read back without holes or repeats while somebody writes', async () => {
  for (let n = 0; n < 6; n++) {
    await bot.put(`/chats/${chat}/closure`)
    const events = Array.from({ length: 12 }, (_, m) => ({ type: 'message', text: `${n}.${m}`, custom_id: `h${n}.${m}` }))
    await bot.post(`/chats/${chat}/threads`, { events })
  }
  called.add('getChatHistory')
  const pages = await guest.page.evaluate(async chatId => {
    const { sdk } = globalThis.instances[0]
    const history = sdk.getChatHistory({ chatId })
    const pages = []
    for (let done = false; !done; ) {
      const page = await history.next()
      done = page.done
      pages.unshift(page.value.threads.flatMap(({ events }) => events.map(({ seq }) => seq)))
      await sdk.sendEvent({ chatId, event: { type: 'message', text: 'meanwhile' } })
    }
    return pages
  }, chat)
  const { threads, nextPageId } = await tea.call('listThreads', { chatId: chat, sortOrder: 'asc', limit: 100 })

  assert.ok(pages.length > 2)
  assert.equal(nextPageId, null)
  const all = threads.flatMap(({ events }) => events.filter(({ text }) => text !== 'meanwhile').map(({ seq }) => seq))
  assert.deepEqual(pages.flat(), all)
  const { chatsSummary } = await tea.call('listChats', { limit: 5 })
  assert.deepEqual(chatsSummary.map(({ id, active }) => [id, active]), [[chat, true]])
  assert.equal(chatsSummary[0].lastEvent.text, 'meanwhile')
})

test('the widget on the same page is the same visitor', async () => {
  const { page } = await browser.person()
  await page.goto(`${store.origin}/index.html`)
  await page.evaluate(
    ([url, key]) => {
      const script = document.createElement('script')
      script.dataset.site = key
      script.src = `${url}/widget.js`
      document.head.append(script)
    },
    [parlor.url, parlor.site_key],
  )
  await page.waitForFunction(key => localStorage.getItem(`parlor:${key}:config`) !== null, parlor.site_key)
  const token = await page.evaluate(key => localStorage.getItem(`parlor:${key}:token`), parlor.site_key)
  const beside = await open(page)
  await beside.hears('connected')

  assert.equal(await page.evaluate(key => localStorage.getItem(`parlor:${key}:token`), parlor.site_key), token)
  assert.ok((await beside.call('getCustomer')).statistics.pageViewsCount >= 1, 'the page that the widget counted')
})

test('a browser that says it is offline makes the connection doubtful until the next frame', async () => {
  await tea.evaluate(() => dispatchEvent(new Event('offline')), null)
  await tea.hears('connection_unstable')
  await tea.evaluate(() => dispatchEvent(new Event('online')), null)
  await tea.hears('connection_recovered')
  assert.deepEqual(await tea.told('disconnected'), [])
})

test('what is written offline survives a reload and is sent once', async () => {
  const known = (await tea.call('getChat', { chatId: chat })).thread.events.at(-1).seq
  await guest.context.setOffline(true)
  await tea.begin('sendEvent', { chatId: chat, event: { type: 'message', text: 'In a tunnel 🚇' } })
  await tea.begin('sendEvent', { chatId: chat, event: { type: 'message', text: 'Still there' } })
  await guest.context.setOffline(false)
  await settles(tea.settled, ['In a tunnel 🚇', 'Still there'], 'both promises')
  await guest.context.setOffline(true)
  await tea.begin('sendEvent', { chatId: chat, event: { type: 'message', text: 'Reloaded too early' } })
  await guest.page.close()
  await guest.context.setOffline(false)
  guest.page = await guest.context.newPage()
  await guest.page.goto(`${store.origin}/index.html`)
  tea = await open(guest.page)

  const written = ['In a tunnel 🚇', 'Still there', 'Reloaded too early']
  const stored = async () => (await bot.get(`/chats/${chat}/events?limit=100&after_seq=${known}`)).items.map(({ text }) => text).filter(text => written.includes(text))
  await settles(stored, written, 'stored once each, in order')
  await settles(() => tea.evaluate(([name]) => globalThis.instances[name].sdk.listUnsentEvents(), null), [], 'nothing waits any more')
})

test('a chat beyond what agents take waits in a queue and is told its place', async () => {
  const { id: agent } = await bot.get('/agent')
  await olive.page.goto(`${parlor.url}/settings/agents/${agent}`)
  await olive.page.getByLabel('Most chats that are given to them').fill('1')
  await olive.page.locator('form[action$="/max-chats"]').getByRole('button').click()
  await olive.page.getByRole('status').first().waitFor()
  const people = []
  for (const text of ['Second', 'Third']) {
    const { page } = await browser.person()
    await page.goto(`${store.origin}/index.html`)
    const person = await open(page)
    await person.hears('connected')
    assert.equal((await person.call('getPredictedAgent', { groupId: 0 })).rejected, 'GROUP_UNAVAILABLE')
    const { chat } = await person.call('startChat', { continuous: true, chat: { thread: { events: [{ type: 'message', text }] } } })
    people.push({ person, chat })
  }
  assert.deepEqual(people.map(({ chat }) => chat.thread.queue.position), [1, 2])
  assert.ok(people[1].chat.thread.queue.queuedAt > '2026')
  await bot.put(`/chats/${chat}/closure`)

  await people[0].person.hears('chat_transferred', ({ transferredTo }) => transferredTo.agentIds?.[0] === agent)
  await people[0].person.hears('user_added_to_chat', ({ user }) => user.id === agent)
  const { queue } = await people[1].person.hears('queue_position_updated', ({ queue }) => queue.position === 1)
  assert.equal(typeof queue.waitTime, 'number')
  await bot.delete(`/chats/${people[0].chat.id}/agents/${agent}`)
  await people[0].person.hears('user_removed_from_chat', ({ chatId, userId }) => chatId === people[0].chat.id && userId === agent)
})

test('disconnect and connect, off and once', async () => {
  called.add('off').add('once')
  await tea.call('disconnect')
  assert.equal((await tea.call('getCustomer')).rejected, 'NO_CONNECTION')
  const counts = await tea.evaluate(
    ([name]) =>
      new Promise(done => {
        const { sdk } = globalThis.instances[name]
        const counts = { once: 0, off: 0 }
        const gone = () => counts.off++
        sdk.once('connected', () => counts.once++)
        sdk.on('connected', gone)
        sdk.off('connected', gone)
        sdk.on('connected', () => {
          sdk.disconnect()
          if (globalThis.again) return done(counts)
          globalThis.again = true
          sdk.connect()
        })
        sdk.connect()
      }),
    null,
  )
  called.add('connect')

  assert.deepEqual(counts, { once: 1, off: 0 })
})

test('kill -9 while a page writes: it comes back by itself, and every event is there once, in order', async () => {
  const server = await durable()
  try {
    const setup = await server.start()
    const { page: desk } = await browser.person()
    await desk.goto(setup)
    await desk.getByRole('textbox', { name: 'Name of your site' }).fill('Hazel & Oak')
    await desk.getByRole('textbox', { name: 'Your name' }).fill(owner.name)
    await desk.getByRole('textbox', { name: 'Your e-mail' }).fill(owner.email)
    await desk.getByLabel('Password').fill(owner.password)
    await desk.getByRole('button', { name: 'Set up and log in' }).click()
    await desk.waitForURL(`${server.url}/`)
    const { page } = await browser.person()
    await page.goto(`${server.url}/demo`)
    const before = await page.evaluate(async url => {
      const site = document.querySelector('script[data-site]').dataset.site
      const { init } = await import(`${url}/sdk/customer-sdk.mjs`)
      const sdk = init({ site })
      globalThis.instance = { sdk, reasons: [], connected: 0, stored: [] }
      sdk.on('disconnected', ({ reason }) => globalThis.instance.reasons.push(reason))
      await new Promise(done => sdk.on('connected', () => { globalThis.instance.connected++; done() }))
      const { chat } = await sdk.startChat({ continuous: true, chat: { thread: { events: [{ type: 'message', text: 'first' }] } } })
      globalThis.instance.chatId = chat.id
      return chat.thread.events.filter(({ type }) => type === 'message').length
    }, server.url)
    assert.equal(before, 1)

    await page.evaluate(() => {
      const { sdk, chatId, stored } = globalThis.instance
      for (let n = 0; n < 20; n++) sdk.sendEvent({ chatId, event: { type: 'message', text: `m${n}` } }).then(({ text }) => stored.push(text))
    })
    await server.kill()
    await server.start()
    const written = Array.from({ length: 20 }, (_, n) => `m${n}`)
    await settles(() => page.evaluate(() => globalThis.instance.stored), written, 'all are stored', 70_000)

    const { texts, reasons, connected } = await page.evaluate(async () => {
      const { sdk, chatId, reasons, connected } = globalThis.instance
      const history = sdk.getChatHistory({ chatId })
      const texts = []
      for (let done = false; !done; ) {
        const page = await history.next()
        done = page.done
        texts.unshift(...page.value.threads.flatMap(({ events }) => events.filter(({ type }) => type === 'message').map(({ text }) => text)))
      }
      sdk.destroy()
      return { texts, reasons, connected }
    })
    assert.deepEqual(texts, ['first', ...written])
    assert.deepEqual(reasons, ['connection_lost'])
    heard.add('disconnected')
    assert.equal(connected, 2)
  } finally {
    await server.stop()
  }
})

test('every documented method was called and every documented event heard', () => {
  assert.deepEqual([...called].filter(name => METHODS.includes(name)).sort(), [...METHODS].sort())
  assert.deepEqual([...heard].sort(), EVENTS)
})
