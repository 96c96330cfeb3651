// The gateway as a library: what the command line can do, a program that embeds core/ can do, through this door.
export { configJsonSchema } from './config/jsonschema.ts'
export { loadConfig } from './config/load.ts'
export { explainPage } from './finding/render.ts'
export { closest } from './finding/typo.ts'
export { startGateway } from './gateway/gateway.ts'
