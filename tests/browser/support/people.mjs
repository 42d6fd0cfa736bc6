// What a visitor does with the widget and an agent with the dashboard, in the words of the pages.

import assert from 'node:assert/strict'
import { owner } from './parlor.mjs'

export async function logIn(page, url, { email, password } = owner) {
  await page.goto(`${url}/login`)
  await page.getByRole('textbox', { name: 'E-mail' }).fill(email)
  await page.getByLabel('Password').fill(password)
  await page.getByRole('button', { name: 'Log in' }).click()
  await page.waitForURL(address => !address.pathname.endsWith('/login'))
}

export const visitor = page => ({
  launcher: page.getByRole('button', { name: /^(Open|Close) chat/ }).first(),
  composer: page.getByRole('textbox', { name: 'Write a message' }),
  log: page.getByRole('log', { name: 'Messages' }),
  async open() {
    await this.launcher.click()
    await this.composer.waitFor()
  },
  async say(text) {
    await this.composer.fill(text)
    await this.composer.press('Enter')
  },
})

export const agent = page => ({
  // Canned replies make it a combobox where there is a script.
  composer: page.getByLabel('Message', { exact: true }),
  log: page.getByRole('log', { name: 'Conversation' }),
  rows: page.locator('[data-rows] [data-row]'),
  async say(text) {
    await this.composer.fill(text)
    await this.composer.press('Enter')
  },
  async note(text) {
    await page.getByRole('radio', { name: 'Note' }).check({ force: true })
    await this.say(text)
    await page.getByRole('radio', { name: 'Reply' }).check({ force: true })
  },
})

/** Waits until `list()` gives exactly `wanted`: neither more nor fewer, in this order. */
export async function settles(list, wanted, what, patience = 20_000) {
  const until = Date.now() + patience
  let seen
  do {
    seen = await list()
    if (JSON.stringify(seen) === JSON.stringify(wanted)) return
    await new Promise(done => setTimeout(done, 50))
  } while (Date.now() < until)
  assert.deepEqual(seen, wanted, what)
}

/** The texts of all messages in a log, in the order in which they stand. */
export const texts = log => async () => (await log.locator(':not([data-ghost]) > .bubble').allInnerTexts()).map(text => text.trim())
