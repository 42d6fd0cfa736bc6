// One build of the published SDK at work: a visitor with two pages, the agent, and what the tables of the tests need of both.

import assert from 'node:assert/strict'
import { events as names } from './documented.mjs'
import { limitChats } from './settings.mjs'
import { Guest } from './published.mjs'

/** The numbers by which stock clients name the site, as Settings → Site shows them. */
export async function siteOf(admin, url) {
  await admin.goto(`${url}/settings/site`)
  const [, license, organization] = await admin.locator('dl.facts code').allTextContents()
  return { licenseId: Number(license), organizationId: organization }
}

/** What `init` of this build takes. */
export const configOf = ({ major }, { licenseId, organizationId }) =>
  ({ clientId: 'parlor-tests', ...major === 4 ? { organizationId } : { licenseId } })

export class World {
  static async open({ browser, web, site, build, ...rest }) {
    const world = Object.assign(new World(), { browser, web, site, build, major: build.major, ...rest })
    // The table that escapes what is not plain was lost when this build was made.
    world.mangles = build.name === '2.0.1 UMD'
    const { context, page } = await browser.person()
    world.context = context
    world.preview = `${web.origin}/preview`
    world.guest = await world.visit(page)
    const { customer } = await world.guest.hears('connected')
    world.id = customer.id
    world.other = await world.visit(await context.newPage())
    await world.other.hears('connected')
    return world
  }

  /** An instance on a page. */
  visit(page, more = {}) {
    return Guest.open(page, this.build, { url: this.web.of(this.build), config: { ...configOf(this.build, this.site), ...more }, names })
  }

  /** Calls a method that has to succeed. */
  async sdk(method, ...args) {
    const { value, code, message } = await this.guest.call(method, ...args)
    assert.equal(message, undefined, `${method}: ${code} ${message}`)
    return value
  }

  /** Calls a method that has to be refused. */
  async refused(method, code, ...args) {
    const answer = await this.guest.call(method, ...args)
    assert.equal(answer.code, code, `${method}: ${JSON.stringify(answer)}`)
  }

  async lacks(name, { in: majors = [2, 3, 4] }) {
    if (majors.includes(this.major)) return
    assert.equal(await this.guest.page.evaluate(name => typeof window.sdk[name], name), 'undefined')
  }

  async turnPage(path) {
    const url = `${this.web.origin}${path}`
    await this.sdk('updateCustomerPage', { url, title: path })
    await this.guest.hears('customer_page_updated', page => page.url === url)
  }

  /** Goes to the page of a greeting, and waits for it. */
  async greeted(text, path) {
    await this.turnPage(path)
    return this.guest.hears('incoming_greeting', ({ event }) => event.text === text)
  }

  /** A visitor of another browser, with a chat. */
  async stranger() {
    const { context, page } = await this.browser.person()
    const guest = await this.visit(page)
    await guest.hears('connected')
    const { value: { chat } } = await guest.call('startChat', { chat: { thread: { events: [{ type: 'message', text: 'Me too' }] } } })
    return { guest, chat, leave: () => context.close() }
  }

  /** Puts the visitor into a queue of two, and gives the place of its chat once the one before it has gone. */
  async queued() {
    await limitChats(this.admin, this.parlor.url, this.agent.id, 1)
    const served = await this.stranger()
    const first = await this.stranger()
    const { chat } = await this.sdk(this.major === 2 ? 'activateChat' : 'resumeChat', { chat: { id: this.chat } })
    assert.equal(chat.thread.queue.position, 2)
    this.thread = chat.thread.id
    await this.agent.close(first.chat.id)
    const moved = await this.guest.hears('queue_position_updated', ({ chatId, queue }) => chatId === this.chat && queue.position === 1)
    await limitChats(this.admin, this.parlor.url, this.agent.id, 20)
    for (const each of [served, first]) {
      await this.agent.close(each.chat.id)
      await each.leave()
    }
    return moved
  }

  async until(holds, what, patience = 15_000) {
    const end = Date.now() + patience
    while (!await holds()) {
      assert.ok(Date.now() < end, what)
      await new Promise(done => setTimeout(done, 20))
    }
  }

  /** Leaves the agent as free as before. */
  async close() {
    if (this.chat) await this.agent.close(this.chat)
    await this.context.close()
  }
}
