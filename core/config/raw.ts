// What the files say, before names are resolved: every table checked against its schema, with its place.
import type { Place } from '../finding/finding.ts'
import type { Tables } from './schema/index.ts'

/** The tables with a name each: `[network.<name>]`. */
export type Section = keyof Tables

/** One table of one file. */
export type Entry<T> = {
  /** The key after the section: `public` of `[network.public]`. */
  readonly name: string
  /** With canonical keys (1.7), defaults applied, `${NAME}` replaced. */
  readonly value: T
  readonly place: Place
  /** The place of a value below, by canonical keys: aliases are found as they were written. */
  at(...path: (string | number)[]): Place
}

/** All files together. */
export type Raw = {
  /** Absolute: the directory of config.toml. */
  readonly directory: string
  /** The name of the main file in it. */
  readonly main: string
  /** Every file read, relative to `directory`, in the order of reading. */
  readonly files: readonly string[]
  /** Absolute paths of the folders that are read as a whole, existing or not. */
  readonly folders: readonly string[]
  /** Every table of a section, of every file: config.toml first, then by file name, then as written. */
  all<S extends Section>(section: S): readonly Entry<Tables[S]>[]
  /** What a name means in a file (1.4): defined there, else in config.toml, else in any other file. */
  find<S extends Section>(section: S, name: string, file: string): Entry<Tables[S]> | undefined
  /**
   * True for a name whose table, or ingress or egress, was left out of the above because a finding has been reported
   * on it: it is there, so nobody says that it is missing.
   */
  broken(section: Section | 'ingress' | 'egress', name: string): boolean
  /** False when a file could not be read or parsed: a name that is not found may be defined in it. */
  readonly complete: boolean
  /** A table without a name of its own, such as `[proxy]`; none when it is absent. */
  readonly proxy: Entry<Tables['proxy']> | undefined
  readonly management: Entry<Tables['management']> | undefined
  readonly logging: Entry<Tables['logging']> | undefined
  readonly storage: Entry<Tables['storage']> | undefined
}

/** Finds positions in the files that were read. */
export type Sources = {
  locate(place: Place, mark: 'key' | 'value'): Position
}

export type Position = {
  readonly line: number
  readonly column: number
  readonly endLine: number
  readonly endColumn: number
  /** The line, with secrets masked. */
  readonly excerpt: string | undefined
}
