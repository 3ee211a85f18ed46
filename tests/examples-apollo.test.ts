import { testPage } from './support/example-pages.ts'
import { testLinkPages } from './support/link-pages.ts'

testPage('apollo')
testLinkPages('apollo')
