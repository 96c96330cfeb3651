// Options of rules of the type method (spec 5.6).
import { item, some, table } from '../field.ts'
import { mode } from './mode.ts'

export const method = table({ methods: some(item, 'Methods.'), mode }, 'Looks at the method.')
