// harmony schema: the JSON Schema of the configuration, for editors.
import { exits, jsonFlag } from '../command.ts'
import type { Command } from '../command.ts'

export const schema: Command = {
  name: 'schema',
  summary: 'print the JSON Schema of the configuration',
  text: 'Prints the JSON Schema (draft 7) of the configuration files. Editors that know TOML complete and check with it.',
  flags: [jsonFlag],
  examples: [
    ['harmony schema > harmony.schema.json', 'keep it for the editor'],
    ['harmony schema | jq .properties', 'see which tables there are'],
  ],
  exits: [
    [exits.done, 'printed'],
    [exits.usage, 'wrong usage'],
  ],
  run: async ({ io }) => {
    const { configJsonSchema } = await import('../../core/index.ts')
    io.json(configJsonSchema())
    return exits.done
  },
}
