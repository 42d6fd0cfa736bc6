// Chromium, one context a person; a test fails on any error a page throws.

import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { chromium } from 'playwright-core'
import AxeBuilder from '@axe-core/playwright'
import assert from 'node:assert/strict'

const shots = join(import.meta.dirname, '../shots')

/** `args` go to Chromium beside the usual ones. */
export async function launch({ args = [] } = {}) {
  await mkdir(shots, { recursive: true })
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync', ...args],
  })
  const errors = []
  return {
    errors,
    /** A person's browser: a context of their own and its first page. */
    async person({ expectErrors = false, ...options } = {}) {
      const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, locale: 'en-GB', ...options })
      context.setDefaultTimeout(15_000)
      context.on('weberror', error => { if (!expectErrors) errors.push(error.error()) })
      const page = await context.newPage()
      return { context, page }
    },
    async close() {
      await browser.close()
      assert.deepEqual(errors, [], 'no page threw an error')
    },
  }
}

/** Pictures of a page at 1440 and 390 px, light and dark, into the ignored folder `shots`. */
export async function picture(page, name) {
  const before = page.viewportSize()
  for (const scheme of ['light', 'dark']) {
    await page.emulateMedia({ colorScheme: scheme, reducedMotion: 'reduce' })
    for (const [width, height] of [[1440, 900], [390, 844]]) {
      await page.setViewportSize({ width, height })
      await page.screenshot({ path: join(shots, `${name}-${width}-${scheme}.png`) })
    }
  }
  await page.emulateMedia({ colorScheme: null, reducedMotion: null })
  await page.setViewportSize(before)
}

/** No violation of WCAG 2.2 A and AA on the page as it stands, in light and dark. */
export async function accessible(page, name) {
  for (const scheme of ['light', 'dark']) {
    await page.emulateMedia({ colorScheme: scheme, reducedMotion: 'reduce' })
    const { violations } = await new AxeBuilder({ page }).withTags(['wcag2a', 'wcag2aa', 'wcag21aa', 'wcag22aa']).analyze()
    const told = violations.map(v => `${v.id}: ${v.nodes.map(n => n.target.join(' ')).slice(0, 3).join(', ')}`)
    assert.deepEqual(told, [], `${name}, ${scheme}`)
  }
  await page.emulateMedia({ colorScheme: null, reducedMotion: null })
}
