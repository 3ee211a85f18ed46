import { testLinkPages } from './support/link-pages.ts'

testLinkPages('apollo')
