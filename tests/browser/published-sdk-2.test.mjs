// The published Customer SDK 2.0.1, both builds, against the real binary: every documented method and event.

import { suite } from './support/suite.mjs'

suite(2)
