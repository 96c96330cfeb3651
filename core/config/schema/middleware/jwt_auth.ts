// Options of jwt_auth (spec 5.3).
import { jwtOptions } from '../authentication.ts'
import { table } from '../field.ts'

/** None has a default: what is absent comes from the authentication that the middleware names. */
export const jwtAuth = table(jwtOptions, 'Checks a JWT in `Authorization`; 401 without a valid one.')
