// Fields of a request: their values, and what they are after the changes that the pipeline made.
import type { Field, HeaderEdit } from '../../quic/index.ts'
import type { Exchange } from './exchange.ts'

/** The fields with the changes applied, in the order of the message. */
export function edited(fields: readonly Field[], edits: readonly HeaderEdit[]): Field[] {
  let list = [...fields]
  for (const edit of edits) {
    if ('remove' in edit) list = without(list, edit.remove)
    else if ('set' in edit) list = [...without(list, edit.set[0]), edit.set]
    else list.push(edit.append)
  }
  return list
}

/** Text as fields and targets carry it: the bytes of its UTF-8, one character each. */
export function bytesOf(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1')
}

/** The values of a field, in order; the fields have names in lower case. */
export function fieldValues(fields: readonly Field[], name: string): string[] {
  const wanted = name.toLowerCase()
  return fields.filter(([field]) => field === wanted).map(([, value]) => value)
}

/** Whether a field, named in lower case, would be sent. */
export function hasField(exchange: Exchange, name: string): boolean {
  let has = exchange.head.header(name) !== undefined
  for (const edit of exchange.edits) {
    if ('remove' in edit) has &&= edit.remove.toLowerCase() !== name
    else has ||= ('set' in edit ? edit.set : edit.append)[0].toLowerCase() === name
  }
  return has
}

function without(fields: readonly Field[], name: string): Field[] {
  const lower = name.toLowerCase()
  return fields.filter((field) => field[0].toLowerCase() !== lower)
}
