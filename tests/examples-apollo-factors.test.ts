import { testFactorPages } from './support/factor-pages.ts'

testFactorPages('apollo')
