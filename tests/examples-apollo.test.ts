import { testPage } from './support/example-pages.ts'

testPage('apollo')
