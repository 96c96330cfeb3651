// The version of the program, as package.json says it.
import packageJson from '../package.json' with { type: 'json' }

export function version(): string {
  return packageJson.version
}
