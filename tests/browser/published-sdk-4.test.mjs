// The published Customer SDK 4.0.2, both builds, against the real binary: every documented method and event.

import { suite } from './support/suite.mjs'

suite(4)
