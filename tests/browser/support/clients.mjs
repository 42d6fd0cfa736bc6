// One build of each version of the published SDK, and Parlor's own SDK beside them.

import { events as names } from './documented.mjs'
import { builds, Guest } from './published.mjs'
import { configOf } from './world.mjs'

/** The last one is ours. */
export const clients = ['2.0.1 npm', '3.1.5 npm', '4.0.2 npm'].map(name => builds.find(build => build.name === name)).concat({ name: 'Parlor', major: 'ours' })

/** An instance of this client on a page. */
export const openClient = ({ web, parlor, site }, page, build) => build.major === 'ours'
  ? Guest.open(page, build, { url: `${web.origin}/?sdk=${parlor.url}/sdk/customer-sdk.js`, config: { site: parlor.site_key }, names })
  : Guest.open(page, build, { url: web.of(build), config: configOf(build, site), names })
