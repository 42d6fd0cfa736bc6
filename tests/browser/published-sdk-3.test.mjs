// The published Customer SDK 3.1.5, both builds, against the real binary: every documented method and event.

import { suite } from './support/suite.mjs'

suite(3)
