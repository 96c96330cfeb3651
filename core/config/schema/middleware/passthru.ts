// Options of passthru (spec 5.11).
import * as v from 'valibot'

/** Accepts any option: none has an effect. */
export const passthru = v.pipe(v.looseObject({}, 'must be a table'), v.description('Does nothing.'))
